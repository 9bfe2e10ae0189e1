#include "timing/estimate.hpp"

#include "base/normal.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace moesaic::timing {

namespace {

constexpr std::size_t enough_of_its_own = 60;  ///< shapes; fewer ask their relatives
constexpr std::size_t enough_of_the_chip = 40; ///< shapes of all the chip's series; fewer ask other chips
/// So many units further out a kernel's share of the roofline has settled.
constexpr double settled = 2;

/// Spread of ln(time) for each unit beyond all shapes that were measured, where the share of the roofline at the edge is taken to hold:
/// about what four of five of the collection's rows are missed by if its largest sizes are left out.
double sigma_at_edge(Family family) {
    switch (family) {
    case Family::product:
    case Family::moe_ffn:
        return 0.06; // large products are alike: 5 to 8 % in the median beyond 4,096 rows
    case Family::exchange:
        return 0.3; // 30 to 47 % beyond 1,024 tokens
    default:
        return 0.15; // attention 15 %, memory-bound kernels 8 to 24 %, collectives 16 to 31 %
    }
}

/// The same where others were measured so far out, whose curve is followed there.
constexpr double sigma_of_lent_shape = 0.03;
constexpr std::size_t most_siblings = 7, most_donors = 4;
constexpr std::size_t from_a_relative = 8;

/// A series that is asked, group 0 being the question's own traits.
struct Relative {
    int series;
    double nearness; ///< greater is nearer
};

double balance_gap(StoreView const& store, Question const& q, StoredSeries const& other) {
    Kernel const head{.op = other.op, .dtype = other.dtype, .options = *other.options};
    auto const theirs = store.roofline_of_rows(other.chip, head);
    auto const bytes = std::abs(std::log2(q.roofline.bytes_per_second / theirs.bytes_per_second));
    if (q.roofline.flop_per_second <= 0 || theirs.flop_per_second <= 0) {
        return bytes;
    }
    auto const balance = (q.roofline.flop_per_second / q.roofline.bytes_per_second) /
                         (theirs.flop_per_second / theirs.bytes_per_second);
    return std::abs(std::log2(balance)) + 0.25 * bytes;
}

/// Whether the other series is one more that could be asked, with how alike the two are.
std::optional<double> likeness(StoredSeries const& other, int index, Question const& q) {
    if (index == q.series || (other.condensed && other.traits == q.traits)) {
        return std::nullopt;
    }
    return kinship(q.traits, other.traits).curve - (other.samples.size() < few_samples ? 0.1 : 0.0);
}

/// Series under the chip's own name.
std::vector<Relative> siblings_of(StoreView const& store, Question const& q) {
    std::vector<Relative> out;
    if (q.chip.empty()) {
        return out;
    }
    for (int const index : store.of_op(q.kernel.op, q.chip)) {
        if (auto const alike = likeness(store.stored(index), index, q)) {
            out.push_back({index, *alike});
        }
    }
    return out;
}

std::vector<Relative> donors_of(StoreView const& store, Question const& q) {
    std::vector<Relative> out;
    for (int const index : store.series_of_op(q.kernel.op)) {
        auto const& other = store.stored(index);
        auto const alike = other.chip == q.chip ? std::nullopt : likeness(other, index, q);
        if (alike) {
            out.push_back({index, *alike - 0.1 * balance_gap(store, q, other) -
                                      0.05 * static_cast<double>(other.grade)});
        }
    }
    return out;
}

/// How far two places are apart along the axes.
double gap_between(Coordinates const& a, Coordinates const& b) {
    double gap = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        gap += std::abs(a[i] - b[i]);
    }
    return gap;
}

double beyond_its_shapes(StoreView const& store, Question const& q, Coordinates const& at) {
    return q.series < 0 ? 0.0 : gap_between(store.series(q.series).held(at), at);
}

/// The question's own series first.
/// @param reaches whether the place lies among the own series' shapes; where it does not, others are asked whatever it holds
std::vector<int> relatives_of(StoreView const& store, Question const& q, bool reaches) {
    std::vector<int> out;
    std::size_t shapes = 0;
    if (q.series >= 0) {
        out.push_back(q.series);
        shapes = reaches ? store.series(q.series).shapes() : 0;
    }
    if (shapes >= enough_of_its_own) {
        return out;
    }
    auto const take = [&](std::vector<Relative> from, std::size_t most) {
        std::ranges::stable_sort(from, std::ranges::greater{}, &Relative::nearness);
        for (std::size_t i = 0; i < std::min(most, from.size()); ++i) {
            out.push_back(from[i].series);
        }
    };
    auto siblings = siblings_of(store, q);
    for (auto const& sibling : siblings) {
        shapes += store.stored(sibling.series).samples.size();
    }
    take(std::move(siblings), most_siblings);
    if (shapes < enough_of_the_chip) { // else no other chip is looked at, and none can change the answer
        take(donors_of(store, q), most_donors);
    }
    return out;
}

struct Surroundings {
    std::vector<KnownPoint> points;
    std::vector<Traits> groups;
    double own_distance = 1e9;
    double spread = 0;  ///< of what the own series' nearest cells stand for; 0 where they are measurements
    double outside = 0; ///< how far the place lies beyond all measured shapes
    Coordinates at{};
};

/// Beyond the edge of every series that is asked, the edge of the nearest holds.
Coordinates hold_in(StoreView const& store, std::vector<int> const& relatives, Coordinates const& at) {
    Coordinates best = at;
    double least = 1e18;
    for (int const index : relatives) {
        auto const held = store.series(index).held(at);
        auto const gap = gap_between(held, at);
        if (gap < least) {
            least = gap;
            best = held;
        }
    }
    return best;
}

/// @param alike a place whose very shape is passed over, to leave one out; nullptr = none
Surroundings look_around(StoreView const& store, Question const& q, std::vector<int> const& relatives,
                         Coordinates const& at, bool leave_out) {
    Surroundings out;
    out.at = leave_out ? at : hold_in(store, relatives, at);
    out.outside = gap_between(at, out.at);
    auto const& smoothness = smoothness_of(table_op(q.kernel.op).family);
    out.groups.push_back(q.traits);
    for (int const index : relatives) {
        auto const& stored = store.stored(index);
        auto const& series = store.series(index);
        bool const own = index == q.series;
        int const group = own ? 0 : static_cast<int>(out.groups.size());
        auto const room = static_cast<std::size_t>(max_known_points) - out.points.size();
        auto const wanted =
            std::min(own ? static_cast<std::size_t>(smoothness.neighbours) : from_a_relative, room);
        if (!own) {
            out.groups.push_back(stored.traits);
        }
        std::size_t taken = 0;
        for (auto const& [point, distance] : series.points().nearest(out.at, wanted + 2)) {
            if ((leave_out && distance < 1e-9) || taken == wanted) {
                continue;
            }
            if (own && taken < 4) {
                out.spread = std::max(out.spread, series.spread(point));
            }
            ++taken;
            out.points.push_back({series.points().point(point), series.log_ratio(point), group});
            if (stored.traits.chip == q.traits.chip) {
                out.own_distance = std::min(out.own_distance, distance);
            }
        }
    }
    return out;
}

Kriged krige_around(Question const& q, Surroundings const& around, Roughness const& rough) {
    auto smoothness = smoothness_of(table_op(q.kernel.op).family);
    smoothness.noise *= rough.noise;
    smoothness.length *= rough.length;
    smoothness.amplitude *= rough.amplitude;
    smoothness.same_rest *= rough.rest;
    return krige(around.points, around.groups, around.at, smoothness);
}

constexpr Roughness roughnesses[] = {{1, 1, 1},   {3, 1, 1},   {1, 0.5, 1},  {1, 2, 1},     {3, 2, 1},
                                     {1, 1, 2.5}, {0.4, 1, 1}, {1, 1, 1, 3}, {1, 1, 1, 0.3}};

constexpr std::size_t least_to_calibrate = 8, most_to_calibrate = 160;

/// |miss| / stated sigma of shapes of a series that are left out one by one.
void collect_misses(StoreView const& store, int index, Roughness const& rough, std::vector<double>& out) {
    auto const& stored = store.stored(index);
    auto const& series = store.series(index);
    Kernel const kernel{.op = stored.op, .dtype = stored.dtype, .options = *stored.options};
    Question const q{kernel, stored.chip, store.roofline_of_rows(stored.chip, kernel), stored.traits, index};
    auto const relatives = relatives_of(store, q, true);
    auto const step = std::max<std::size_t>(1, series.shapes() / most_to_calibrate);
    for (std::size_t i = 0; i < series.shapes(); i += step) {
        auto const shape = static_cast<int>(i);
        auto const around = look_around(store, q, relatives, series.points().point(shape), true);
        if (!around.points.empty()) {
            auto const said = krige_around(q, around, rough);
            out.push_back(std::abs(said.value - series.log_ratio(shape)) / said.sigma);
        }
    }
}

/// The roughness under which left-out shapes are missed least.
Roughness choose_roughness(StoreView const& store, int index) {
    constexpr std::size_t tried_shapes = 64, least_shapes = 16;
    auto const& stored = store.stored(index);
    auto const& series = store.series(index);
    if (series.shapes() < least_shapes) {
        return {};
    }
    Kernel const kernel{.op = stored.op, .dtype = stored.dtype, .options = *stored.options};
    Question const q{kernel, stored.chip, store.roofline_of_rows(stored.chip, kernel), stored.traits, index};
    auto const relatives = relatives_of(store, q, true);
    auto const step = std::max<std::size_t>(1, series.shapes() / tried_shapes);
    std::array<double, std::size(roughnesses)> sums{};
    for (std::size_t i = step / 2; i < series.shapes(); i += step) {
        auto const shape = static_cast<int>(i);
        auto const around = look_around(store, q, relatives, series.points().point(shape), true);
        for (std::size_t r = 0; r < sums.size() && !around.points.empty(); ++r) {
            auto const miss =
                std::abs(krige_around(q, around, roughnesses[r]).value - series.log_ratio(shape));
            sums[r] += std::sqrt(miss); // few great misses do not decide
        }
    }
    auto const best = static_cast<std::size_t>(std::ranges::min_element(sums) - sums.begin());
    return sums[best] < 0.97 * sums[0] ? roughnesses[best] : Roughness{};
}

} // namespace

Estimator Estimator::noting_in(Consulted& consulted) const {
    auto out = *this;
    out.consulted_ = &consulted;
    return out;
}

Estimator::Learnt const& Estimator::learn(Question const& q) const {
    if (q.series < 0 || store_.stored(q.series).condensed) {
        static Learnt const nothing; // a grid states its spread
        return nothing;
    }
    std::scoped_lock const lock{memory_->learning};
    auto at = memory_->learnt.find(q.series);
    if (at == memory_->learnt.end()) {
        Consulted consulted;
        auto learnt = learn_from({store_, &consulted}, q);
        learnt.consulted = std::move(consulted);
        at = memory_->learnt.emplace(q.series, std::move(learnt)).first;
    }
    if (consulted_ != nullptr) {
        consulted_->insert(at->second.consulted.begin(), at->second.consulted.end());
    }
    return at->second;
}

Estimator::Learnt Estimator::learn_from(StoreView const& store, Question const& q) {
    Learnt learnt;
    learnt.roughness = choose_roughness(store, q.series);
    std::vector<double> misses;
    collect_misses(store, q.series, learnt.roughness, misses);
    for (int const index : store.of_op(q.kernel.op, q.chip)) {
        if (misses.size() < least_to_calibrate && index != q.series) {
            collect_misses(store, index, learnt.roughness, misses);
        }
    }
    if (misses.size() >= least_to_calibrate) {
        auto const eighty = misses.begin() + static_cast<std::ptrdiff_t>(misses.size() * 4 / 5);
        std::ranges::nth_element(misses, eighty);
        // few misses say little: the stated sigma counts as so many more
        constexpr double believed = 6;
        auto const n = static_cast<double>(misses.size());
        learnt.scale = (*eighty / sigmas_of_80 * (1 + 2 / n) * n + believed) / (n + believed);
    }
    return learnt;
}

std::optional<Estimate> Estimator::estimate(Question const& q) const {
    auto const& smoothness = smoothness_of(table_op(q.kernel.op).family);
    auto const at = scaled(coordinates_of(q.kernel), smoothness);
    auto const bound = roofline_time(q.roofline, work_of(q.kernel)) + Seconds{smoothness.launch};
    auto const store = this->store();
    if (q.series >= 0) {
        auto const& series = store.series(q.series);
        if (auto const shape = series.find(q.kernel)) {
            bool const measured = !store.stored(q.series).condensed;
            return Estimate{bound * std::exp(series.log_ratio(*shape)),
                            std::hypot(smoothness.noise, series.spread(*shape)), measured, 0};
        }
    }
    auto const beyond = beyond_its_shapes(store, q, at);
    auto const relatives = relatives_of(store, q, beyond == 0);
    if (relatives.empty()) {
        return std::nullopt;
    }
    auto const around = look_around(store, q, relatives, at, false);
    auto const& learnt = learn(q);
    auto const said = krige_around(q, around, learnt.roughness);
    auto const sigma = std::hypot(learnt.scale * said.sigma, around.spread) +
                       sigma_at_edge(table_op(q.kernel.op).family) * std::min(around.outside, settled) +
                       sigma_of_lent_shape * std::min(beyond, settled);
    return Estimate{bound * std::exp(said.value), sigma, false, around.own_distance + around.outside, beyond};
}

} // namespace moesaic::timing
