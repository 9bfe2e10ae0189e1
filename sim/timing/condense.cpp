#include "timing/condense.hpp"

#include "base/quantile.hpp"
#include "io/csv.hpp"
#include "timing/fitness.hpp"
#include "timing/kriging.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <tuple>

namespace moesaic::timing {

namespace {

/// Cells are this many doublings wide.
struct Widths {
    double first = 1; ///< of m
    double rest = 1;
    double heads = 1; ///< and of the batch of attention
};
Widths widths_of(Family family) {
    switch (family) {
    case Family::moe_ffn:
        return {2, 2, 1};
    case Family::attention:
    case Family::linear:
        return {1, 1, 2};
    case Family::memory_bound:
    case Family::collective:
    case Family::exchange:
        return {2, 1, 1};
    default:
        return {1, 1, 1};
    }
}

/// The middle of the cell, a size again: powers of the width.
std::int64_t middle(std::int64_t size, double width) {
    if (size <= 1) {
        return size;
    }
    return std::llround(std::exp2(std::round(std::log2(static_cast<double>(size)) / width) * width));
}

int middle(int size, double width) {
    return static_cast<int>(middle(static_cast<std::int64_t>(size), width));
}

Kernel cell_of(StoredSeries const& stored, Sample const& sample) {
    auto const family = table_op(stored.op).family;
    auto const width = widths_of(family);
    Kernel cell{.op = stored.op, .dtype = stored.dtype, .options = *sample.options};
    cell.m = middle(sample.m, width.first);
    // numbers of ranks are few and mean what they say
    bool const ranks = family == Family::collective || family == Family::exchange;
    cell.n = middle(sample.n, width.rest);
    bool const attends =
        family == Family::attention || family == Family::linear; // head sizes are few as well
    cell.k = attends ? sample.k : middle(sample.k, width.rest);
    cell.batch = ranks ? sample.batch : middle(sample.batch, attends ? width.heads : width.rest);
    auto& o = cell.options;
    o.heads = middle(o.heads, width.heads);
    o.kv_heads = middle(o.kv_heads, width.heads);
    o.window = middle(o.window, width.rest);
    return cell;
}

auto sizes_of(Kernel const& cell) {
    auto const& o = cell.options;
    return std::tuple{cell.batch, o.heads, o.kv_heads, o.window, o.topk, o.experts,
                      o.ep,       o.nodes, o.sms,      cell.k,   cell.n, cell.m};
}

struct Cell {
    Kernel kernel;
    std::vector<std::size_t> samples; ///< of the series
    Seconds time;
    double spread = 0;
};

/// Formats in which training computes.
bool is_trained_in(StoredSeries const& stored) {
    auto const dtype = find_dtype(stored.dtype);
    bool const bound = table_op(stored.op).family == Family::memory_bound ||
                       table_op(stored.op).family == Family::collective;
    return bound || (dtype && *dtype != Dtype::fp64 && *dtype != Dtype::fp32 && *dtype != Dtype::tf32 &&
                     *dtype != Dtype::int8);
}

/// Its misfit for a kernel with its own options; none where it is not condensed.
std::optional<double> own_misfit(StoredSeries const& stored) {
    auto const family = table_op(stored.op).family;
    bool const kept = family != Family::whole_model && !stored.condensed &&
                      !stored.licence.starts_with("CC-BY-SA") && is_trained_in(stored);
    bool const host_floor =
        family == Family::collective && stored.holds_host_time && table_op(stored.op).name != "send_recv";
    if (!kept || host_floor) {
        return std::nullopt;
    }
    auto const& variant = stored.options->variant;
    bool const rare =
        variant.find("dist=pl") != std::string::npos || variant.find("det=1") != std::string::npos;
    return rare ? std::nullopt
                : misfit(stored, Kernel{.op = stored.op, .dtype = stored.dtype, .options = *stored.options});
}

/// The series worth keeping: of those for one operation, format and mask the ones that suit training best.
std::vector<int> chosen_series(TimingStore const& store, hardware::Chip const& chip) {
    constexpr double alike = 0.4;
    std::vector<std::pair<int, double>> all;
    std::map<std::tuple<TableOpId, std::string, bool, bool, int, std::string>, double> least;
    auto const place = [&](StoredSeries const& s) {
        bool const collective = table_op(s.op).family == Family::collective;
        auto const format = collective || s.dtype == "fp16" ? "bf16" : s.dtype;
        return std::tuple{s.op,
                          format,
                          s.options->causal,
                          s.options->window > 0,
                          s.options->v_dim,
                          collective ? s.source : std::string{}};
    };
    for (std::size_t op = 0; op < table_ops().size(); ++op) {
        for (int const index : store.of_op(static_cast<TableOpId>(op))) {
            auto const& stored = store.stored(index);
            bool const listed = is_listed(chip, stored.chip);
            if (auto const value = listed ? own_misfit(stored) : std::nullopt) {
                all.emplace_back(index, *value);
                auto const at = least.try_emplace(place(stored), *value).first;
                at->second = std::min(at->second, *value);
            }
        }
    }
    std::vector<int> out;
    for (auto const& [index, value] : all) {
        if (value <= least.at(place(store.stored(index))) + alike) {
            out.push_back(index);
        }
    }
    return out;
}

/// Work that takes the chip less than about a microsecond tells of launches only.
bool is_tiny(Kernel const& cell) {
    constexpr double least_flop = 1e8;
    constexpr std::int64_t least_rows = 16;
    auto const family = table_op(cell.op).family;
    bool const product = family == Family::product || family == Family::moe_ffn;
    return product && (cell.m < least_rows || work_of(cell).flop.value() < least_flop);
}

/// What the cells alone give back for a measured shape, against what was measured.
void set_spreads(Series const& raw, StoredSeries const& stored, Roofline const& roofline,
                 std::vector<Cell>& cells) {
    std::vector<Sample> as_samples;
    for (auto const& cell : cells) {
        auto const& k = cell.kernel;
        as_samples.push_back({k.m, k.n, k.k, k.batch, &cell.kernel.options, cell.time});
    }
    Kernel head{.op = stored.op, .dtype = stored.dtype, .options = *stored.options};
    Series const grid{head, roofline, as_samples};
    auto const& smoothness = smoothness_of(table_op(stored.op).family);
    std::vector<Traits> const groups{stored.traits};
    std::vector<double> all;
    std::vector<std::vector<double>> misses(cells.size());
    for (std::size_t c = 0; c < cells.size(); ++c) {
        for (auto const s : cells[c].samples) {
            auto const& sample = stored.samples[s];
            std::tie(head.m, head.n, head.k, head.batch, head.options) =
                std::tie(sample.m, sample.n, sample.k, sample.batch, *sample.options);
            auto const at = scaled(coordinates_of(head), smoothness);
            auto const shape = raw.find(head);
            std::vector<KnownPoint> points;
            for (auto const& [point, distance] :
                 grid.points().nearest(at, static_cast<std::size_t>(smoothness.neighbours))) {
                points.push_back({grid.points().point(point), grid.log_ratio(point), 0});
            }
            if (shape) {
                misses[c].push_back(
                    std::abs(krige(points, groups, at, smoothness).value - raw.log_ratio(*shape)));
                all.push_back(misses[c].back());
            }
        }
    }
    // half of normal misses are within 0.6745 of their spread; a cell of few shares that of the series
    constexpr double within = 0.6745, believed = 4;
    auto const usual = [](std::vector<double> const& values) {
        return values.empty() ? 0.0 : median(values);
    };
    auto const of_all = usual(all) / within;
    for (std::size_t c = 0; c < cells.size(); ++c) {
        auto const n = static_cast<double>(misses[c].size());
        cells[c].spread = (usual(misses[c]) / within * n + of_all * believed) / (n + believed);
    }
}

/// The geometric mean of a size over the cell's measurements: where the cell's median stands.
template <class Size>
Size typical(StoredSeries const& stored, Cell const& cell, Size (*size_of)(Sample const&)) {
    double sum = 0;
    for (auto const i : cell.samples) {
        auto const size = size_of(stored.samples[i]);
        if (size <= 0) {
            return size;
        }
        sum += std::log2(static_cast<double>(size));
    }
    return static_cast<Size>(std::llround(std::exp2(sum / static_cast<double>(cell.samples.size()))));
}

/// Puts the cell's median of ln(time / roofline time) at its typical shape.
void set_time(Cell& cell, StoredSeries const& stored, Roofline const& roofline) {
    auto const launch = Seconds{smoothness_of(table_op(stored.op).family).launch};
    auto& kernel = cell.kernel;
    std::vector<double> log_ratios;
    for (auto const i : cell.samples) {
        auto const& s = stored.samples[i];
        auto measured = kernel;
        std::tie(measured.m, measured.n, measured.k, measured.batch, measured.options) =
            std::tie(s.m, s.n, s.k, s.batch, *s.options);
        log_ratios.push_back(std::log(s.time / (roofline_time(roofline, work_of(measured)) + launch)));
    }
    kernel.m = typical<std::int64_t>(stored, cell, [](Sample const& s) { return s.m; });
    kernel.n = typical<std::int64_t>(stored, cell, [](Sample const& s) { return s.n; });
    kernel.k = typical<std::int64_t>(stored, cell, [](Sample const& s) { return s.k; });
    kernel.batch = typical<std::int64_t>(stored, cell, [](Sample const& s) { return s.batch; });
    kernel.options.heads = typical<int>(stored, cell, [](Sample const& s) { return s.options->heads; });
    kernel.options.kv_heads = typical<int>(stored, cell, [](Sample const& s) { return s.options->kv_heads; });
    kernel.options.window = typical<int>(stored, cell, [](Sample const& s) { return s.options->window; });
    cell.time = (roofline_time(roofline, work_of(kernel)) + launch) * std::exp(median(log_ratios));
}

std::vector<Cell> cells_of(TimingStore const& store, int index) {
    auto const& stored = store.stored(index);
    std::map<decltype(sizes_of(Kernel{})), Cell> by_sizes;
    for (std::size_t i = 0; i < stored.samples.size(); ++i) {
        auto const kernel = cell_of(stored, stored.samples[i]);
        if (is_tiny(kernel)) {
            continue;
        }
        auto& cell = by_sizes[sizes_of(kernel)];
        cell.kernel = kernel;
        cell.samples.push_back(i);
    }
    auto const roofline = store.roofline_of_rows(
        stored.chip, Kernel{.op = stored.op, .dtype = stored.dtype, .options = *stored.options});
    std::vector<Cell> cells;
    for (auto& [sizes, cell] : by_sizes) {
        set_time(cell, stored, roofline);
        cells.push_back(std::move(cell));
    }
    if (!cells.empty()) {
        set_spreads(store.series(index), stored, roofline, cells);
    }
    return cells;
}

/// One line for a cell; what is as in the row above is left out.
class Writer {
  public:
    void add(StoredSeries const& stored, Cell const& cell) {
        auto const& k = cell.kernel;
        std::vector<std::string> row{stored.chip,
                                     std::string{table_op(stored.op).name},
                                     stored.dtype,
                                     fmt::format("{}", k.m),
                                     fmt::format("{}", k.n),
                                     fmt::format("{}", k.k),
                                     fmt::format("{}", k.batch),
                                     extra_text(k.options),
                                     fmt::format("{:.4g}", cell.time.value() * 1e6),
                                     stored.source,
                                     stored.licence,
                                     fmt::format("{}", cell.samples.size()),
                                     fmt::format("{:.3f}", cell.spread)};
        for (std::size_t i = 0; i < row.size(); ++i) {
            bool const same = i < above_.size() && row[i] == above_[i];
            text_ += (i > 0 ? "," : "") + (same ? std::string{} : io::csv_field(row[i]));
        }
        text_ += '\n';
        above_ = std::move(row);
    }
    [[nodiscard]] std::string const& text() const { return text_; }

  private:
    std::vector<std::string> above_;
    std::string text_;
};

} // namespace

std::string condense(TimingStore const& store, hardware::Chip const& chip) {
    Writer writer;
    for (int const index : chosen_series(store, chip)) {
        for (auto const& cell : cells_of(store, index)) {
            writer.add(store.stored(index), cell);
        }
    }
    if (writer.text().empty()) {
        return {};
    }
    return fmt::format("# Kernel timings of {}, condensed by `moesaic timings condense`. A row is a cell of "
                       "a factor of two in each "
                       "size: the median\n# of time over roofline of its measurements, as a time at their "
                       "typical shape; spread is "
                       "how far ln(time) of the\n# measurements lies about what the grid gives back. An "
                       "empty field is as in the row "
                       "above.\n"
                       "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence,measurements,spread\n",
                       chip.name) +
           writer.text();
}

} // namespace moesaic::timing
