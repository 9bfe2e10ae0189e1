#include "timing/collective_cost.hpp"

#include "timing/algorithm.hpp"
#include "timing/collective_curve.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

namespace moesaic::timing {

namespace {

bool is_half_ring(CollectiveKind kind) {
    return kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter ||
           kind == CollectiveKind::broadcast;
}

/// The kind's own curve first, then one that moves bytes in the same way.
struct Likeness {
    CollectiveKind kind;
    double startup; ///< of the asked kind over this one
};
std::vector<Likeness> likenesses(CollectiveFigures const& figures, CollectiveKind kind) {
    std::vector<Likeness> out{{kind, 1.0}};
    if (is_half_ring(kind)) {
        if (kind != CollectiveKind::all_gather) {
            out.push_back({CollectiveKind::all_gather, 1.0});
        }
        out.push_back({CollectiveKind::all_reduce, figures.half_ring_startup});
    }
    return out;
}

/// What more nodes than those of a measurement add to the start-up; fewer take from it.
Seconds startup_of_more(CollectiveFigures const& figures, GroupShape const& measured,
                        CollectiveQuestion const& q, hardware::NodeType const& node,
                        BytesPerSecond attainable) {
    if (is_half_ring(q.kind)) {
        auto const over_bytes = [&](GroupShape const& group) {
            auto const slower =
                group.ranks == group.nodes ? figures.ring_steps_one_rank_per_node : figures.ring_steps;
            return round_nodes(q.kind, group, node, q.rank_bytes, attainable, slower);
        };
        return over_bytes({q.ranks, q.nodes}) - over_bytes(measured);
    }
    auto const doublings = std::log2(static_cast<double>(q.nodes) / static_cast<double>(measured.nodes));
    switch (q.kind) {
    case CollectiveKind::all_reduce:
        return figures.all_reduce_startup_per_doubling * doublings;
    case CollectiveKind::all_to_all:
        return figures.all_to_all_startup_per_doubling * doublings;
    default:
        return Seconds{0};
    }
}

struct Fabric {
    BytesPerSecond link; ///< of a rank, each way
    bool beyond_node = false;
};

Fabric fabric_of(hardware::NodeType const& node, CollectiveQuestion const& q) {
    bool const inside = is_inside_node(q);
    auto const nic = node.nic_bandwidth.value * (static_cast<double>(node.nics) / std::max(node.chips, 1));
    return {inside ? node.scale_up.bandwidth.value : nic, !inside};
}

double bytes_per_byte(CollectiveCurve const& curve, CollectiveKind kind, bool beyond_node) {
    return beyond_node ? nic_bytes_per_byte(kind, curve.ranks, curve.nodes)
                       : rank_bytes_per_byte(kind, curve.ranks);
}

/// Doublings from the question's ranks (nodes) to the curve's.
double doublings_to(CollectiveCurve const& c, CollectiveQuestion const& q, bool beyond_node) {
    return std::log2(static_cast<double>(beyond_node ? c.nodes : c.ranks) /
                     static_cast<double>(beyond_node ? q.nodes : q.ranks));
}

struct NearCurves {
    CollectiveCurve nearest;
    std::optional<CollectiveCurve>
        across; ///< the nearest on the other side: fewer ranks where the other has more
};

/// The curve with the nearest number of ranks (nodes), of those one that reaches to this size; measurements before grids, then by
/// grade.
std::optional<NearCurves> near_curves(StoreView const& store, hardware::Chip const& chip, CollectiveKind kind,
                                      CollectiveQuestion const& q, bool beyond_node) {
    auto curves = curves_of(store, chip, kind, beyond_node);
    auto const unfit = [&](CollectiveCurve const& c) {
        auto const size = q.rank_bytes.value() / bytes_per_byte(c, kind, beyond_node);
        auto const beyond =
            std::max({0.0, std::log2(c.bytes.front() / size), std::log2(size / c.bytes.back())});
        return std::tuple{std::abs(doublings_to(c, q, beyond_node)), beyond > 1, c.condensed, c.grade,
                          beyond};
    };
    auto const best = std::ranges::min_element(curves, {}, unfit);
    if (best == curves.end()) {
        return std::nullopt;
    }
    NearCurves out{*best, {}};
    auto const side = doublings_to(out.nearest, q, beyond_node);
    std::erase_if(curves, [&](auto const& c) { return doublings_to(c, q, beyond_node) * side >= 0; });
    if (auto const other = std::ranges::min_element(curves, {}, unfit); other != curves.end()) {
        out.across = *other;
    }
    return out;
}

/// Curves that begin with larger sizes show the rate only.
constexpr Bytes shows_startup{4.0 * 1048576};

struct Asked {
    CollectiveCost cost;
    bool rate_only = false; ///< the curve does not reach down to this size
};

/// A question, where it is asked, and what is expected there.
struct Asking {
    CollectiveFigures const& figures;
    CollectiveQuestion const& q;
    hardware::NodeType const& node;
    Seconds startup; ///< where a curve does not show it
};

/// What a curve says of the question's bytes, as if it had the question's number of ranks.
/// @param like the curve's kind
/// @param fabric whose link the curve was measured over
Asked ask_curve(Asking const& asking, CollectiveCurve const& curve, Likeness const& like,
                Fabric const& fabric) {
    auto const& [figures, q, node, startup] = asking;
    auto const [link, beyond_node] = fabric;
    auto const per_byte = bytes_per_byte(curve, like.kind, beyond_node);
    auto const least = Bytes{curve.bytes.front()};
    if (least > shows_startup && q.rank_bytes / per_byte < least) {
        auto const rate = least * per_byte / Seconds{curve.seconds.front()};
        return {{startup, rate, Evidence::interpolated, figures.sigma_of_rate_alone}, true};
    }
    auto cost = split_time(curve, q.rank_bytes, per_byte, link);
    cost.startup *= like.startup;
    if (beyond_node) {
        auto const rate_here = cost.attainable * (fabric_of(node, q).link / link);
        auto const more = startup_of_more(figures, {curve.ranks, curve.nodes}, q, node, rate_here);
        cost.startup = std::max(cost.startup / 2, cost.startup + more);
    }
    return {cost, false};
}

/// Beyond the numbers of ranks that were measured, the nearest one's rate holds.
double sigma_of_other_ranks(CollectiveFigures const& figures, double doublings, bool beyond_node) {
    auto const [least, per_doubling] =
        beyond_node ? std::pair{figures.sigma_of_other_nodes, figures.per_doubling_of_nodes}
                    : std::pair{figures.sigma_of_other_ranks_inside, figures.per_doubling_of_ranks_inside};
    return least + per_doubling * std::abs(doublings);
}

/// Between two numbers of ranks: rate and start-up over the logarithm of their number. Half of what the two are apart is doubt.
CollectiveCost between(CollectiveCost const& a, CollectiveCost const& b, double share, Bytes bytes) {
    CollectiveCost out{a.startup + (b.startup - a.startup) * share,
                       a.attainable * std::pow(b.attainable / a.attainable, share), Evidence::interpolated,
                       0};
    auto const apart = std::log((a.startup + bytes / a.attainable) / (b.startup + bytes / b.attainable));
    out.sigma = std::hypot(std::max(a.sigma, b.sigma), std::abs(apart) / 2);
    return out;
}

/// @param fabric whose link the curves were measured over
std::optional<Asked> ask_chip(StoreView const& store, hardware::Chip const& chip, Asking const& asking,
                              Fabric const& fabric) {
    auto const& figures = asking.figures;
    auto const& q = asking.q;
    for (auto const& like : likenesses(figures, q.kind)) {
        auto const curves = near_curves(store, chip, like.kind, q, fabric.beyond_node);
        if (!curves) {
            continue;
        }
        auto out = ask_curve(asking, curves->nearest, like, fabric);
        auto const doublings = doublings_to(curves->nearest, q, fabric.beyond_node);
        if (doublings != 0) {
            auto const other = curves->across
                                   ? std::optional{ask_curve(asking, *curves->across, like, fabric)}
                                   : std::nullopt;
            if (other && !other->rate_only && !out.rate_only) {
                auto const apart = doublings_to(*curves->across, q, fabric.beyond_node) - doublings;
                out.cost = between(out.cost, other->cost, -doublings / apart, q.rank_bytes);
            } else {
                out.cost.evidence = Evidence::interpolated;
                out.cost.sigma =
                    std::hypot(out.cost.sigma, sigma_of_other_ranks(figures, doublings, fabric.beyond_node));
            }
        }
        if (like.kind != q.kind) {
            out.cost.evidence = Evidence::transferred;
            out.cost.sigma = std::hypot(out.cost.sigma, figures.sigma_of_other_kind);
        }
        return out;
    }
    return std::nullopt;
}

/// A mesh gives a pair one of its links, a switch all of them: their curves over few ranks are no likenesses.
bool alike_inside(hardware::Chip const& donor, hardware::NodeType const& node) {
    bool const donor_is_mesh =
        donor.scale_up_topology && donor.scale_up_topology->value.starts_with("full mesh");
    return donor.vendor == node.chip.vendor &&
           donor_is_mesh == (node.scale_up.kind == hardware::ScaleUpKind::full_mesh);
}

struct Lender {
    hardware::Chip const* chip;
    BytesPerSecond link;
    double strange; ///< at least: what its link and its die say, whatever its curve
};

/// Chips whose fabrics compare, in the order of the catalogue.
std::vector<Lender> lenders_to(StoreView const& store, hardware::NodeType const& node, Fabric const& fabric) {
    constexpr double other_die = 1.0;
    std::vector<Lender> out;
    for (auto const& donor : store.reference_chips()) {
        auto const link = link_of(donor, !fabric.beyond_node);
        if (!link || !(fabric.beyond_node || alike_inside(donor, node)) || donor.id == node.chip.id) {
            continue;
        }
        bool const alike = fabric.beyond_node || is_one_die(donor, node.chip);
        out.push_back({&donor, *link, std::abs(std::log2(fabric.link / *link)) + (alike ? 0.0 : other_die)});
    }
    return out;
}

struct Loan {
    Lender lender;
    Asked asked;
    [[nodiscard]] double strange() const { return lender.strange + (asked.rate_only ? 1.0 : 0.0); }
};

/// What those lenders say that are not clearly stranger than another, in the order of the catalogue: the rest is not asked, so
/// that its curves do not matter.
std::vector<Loan> loans_of(StoreView const& store, std::vector<Lender> const& lenders, Asking const& asking,
                           bool beyond_node) {
    constexpr double clearly =
        0.5; // far above the hundredth by which borrow() may drift from one to the next
    std::vector<std::size_t> nearest_first(lenders.size());
    std::iota(nearest_first.begin(), nearest_first.end(), std::size_t{0});
    std::ranges::stable_sort(nearest_first, {}, [&](std::size_t i) { return lenders[i].strange; });
    std::map<std::size_t, Loan> loans;
    auto least = std::numeric_limits<double>::infinity();
    for (auto const i : nearest_first) {
        auto const& lender = lenders[i];
        if (lender.strange > least + clearly) {
            break;
        }
        if (auto const asked = ask_chip(store, *lender.chip, asking, {lender.link, beyond_node})) {
            least = std::min(least, loans.emplace(i, Loan{lender, *asked}).first->second.strange());
        }
    }
    std::vector<Loan> out;
    std::ranges::transform(loans, std::back_inserter(out), [](auto const& loan) { return loan.second; });
    return out;
}

/// The curve of a chip with the most alike link, its rate scaled by the links; of several the fastest, since a
/// fabric is taken to be set up well.
std::optional<CollectiveCost> borrow(StoreView const& store, Asking const& asking, Fabric const& fabric) {
    auto const& figures = asking.figures;
    auto const& q = asking.q;
    auto const strange_fabric =
        fabric.beyond_node ? figures.sigma_of_other_network : figures.sigma_of_other_fabric_inside;
    double least = 0;
    std::optional<CollectiveCost> best;
    auto const lenders = lenders_to(store, asking.node, fabric);
    for (auto const& loan : loans_of(store, lenders, asking, fabric.beyond_node)) {
        auto cost = loan.asked.cost;
        auto const gap = std::abs(std::log2(fabric.link / loan.lender.link));
        cost.attainable *= fabric.link / loan.lender.link;
        cost.evidence = Evidence::transferred;
        cost.sigma = std::hypot(cost.sigma, strange_fabric + figures.per_doubling_of_link * gap);
        auto const time = cost.startup + q.rank_bytes / cost.attainable;
        auto const strange = loan.strange();
        auto const old_time = best ? best->startup + q.rank_bytes / best->attainable : time;
        if (!best || strange < least - 0.01 || (strange < least + 0.01 && time < old_time)) {
            best = cost;
            least = strange;
        }
    }
    return best;
}

/// Where no curve is at hand.
CollectiveCost published_cost(Expectations const& expected, hardware::NodeType const& node,
                              CollectiveQuestion const& q, Fabric const& fabric) {
    auto const& figures = expected.collectives;
    auto const& link = fabric.beyond_node                                       ? expected.links.network
                       : node.scale_up.kind == hardware::ScaleUpKind::full_mesh ? expected.links.mesh
                                                                                : expected.links.switched;
    bool const pair = q.kind == CollectiveKind::send_recv;
    auto startup = pair                                   ? link.pair_startup
                   : q.kind == CollectiveKind::all_reduce ? link.startup
                                                          : link.startup * figures.half_ring_startup;
    auto const attainable = fabric.link * (pair ? link.pair_share : link.share);
    if (fabric.beyond_node && q.nodes > 0) {
        GroupShape const two_nodes{std::max(2, 2 * q.ranks / q.nodes), 2};
        startup = std::max(startup / 2, startup + startup_of_more(figures, two_nodes, q, node, attainable));
    }
    return {startup, attainable, Evidence::analytic, figures.sigma};
}

} // namespace

bool is_inside_node(CollectiveQuestion const& question) {
    return question.tier == hardware::Tier::node || question.tier == hardware::Tier::self;
}

std::optional<BytesPerSecond> link_of(hardware::Chip const& chip, bool inside_node) {
    auto const& link = inside_node ? chip.scale_up_bandwidth : chip.nic_bandwidth;
    return link ? std::optional{link->value} : std::nullopt;
}

CollectiveCost collective_cost(StoreView const& store, hardware::NodeType const& node,
                               CollectiveQuestion const& q) {
    auto const fabric = fabric_of(node, q);
    if (q.rank_bytes.value() <= 0 || q.ranks < 2) {
        return {Seconds{0}, fabric.link, Evidence::measured, 0};
    }
    auto const plain = published_cost(store.expectations(), node, q, fabric);
    // over NICs pairs depend on their switch alone; host-driven measurements say nothing of it
    bool const measured_kind = !(fabric.beyond_node && q.kind == CollectiveKind::send_recv);
    if (measured_kind) {
        Asking const asking{store.expectations().collectives, q, node, plain.startup};
        if (auto const own = ask_chip(store, node.chip, asking, fabric)) {
            return own->cost;
        }
        if (auto const borrowed = borrow(store, asking, fabric)) {
            return *borrowed;
        }
    }
    return plain;
}

} // namespace moesaic::timing
