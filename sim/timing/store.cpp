#include "timing/store.hpp"

#include "base/sha256.hpp"
#include "hardware/catalogue.hpp"
#include "timing/collective_curve.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace moesaic::timing {

namespace {

/// Whether the roofline of a chip bounds the operation.
bool is_computed(TableOpId op) {
    auto const family = table_op(op).family;
    return family != Family::collective && family != Family::exchange && family != Family::whole_model;
}

/// By how much a measured rate may exceed the peak in the catalogue: a vendor's figure by what clocks and rounding
/// explain, a figure of others by their own error (the PPU's, read from a competitor's file, is beaten by 8 %).
double allowed_over_peak(hardware::Chip const& chip, Kernel const& kernel) {
    constexpr double vendor_says = 1.02, others_say = 1.10;
    auto const peak = hardware::find_peak(chip, find_dtype(kernel.dtype).value_or(Dtype::bf16));
    return peak != nullptr && peak->confidence == hardware::Confidence::official ? vendor_says : others_say;
}

/// Empty where the time can be.
std::string why_impossible(Roofline const& roofline, Work const& work, Seconds time, double over_peak) {
    constexpr double over_bandwidth = 4; // caches beat the memory, 2.5 times on L40S in the public collection
    if (work.flop.value() / time.value() > over_peak * roofline.flop_per_second) {
        return fmt::format("faster than {:.2f} times the peak", over_peak);
    }
    return work.bytes.value() / time.value() > over_bandwidth * roofline.bytes_per_second
               ? "faster than 4 times the memory bandwidth"
               : "";
}

/// What parts a series from others. A mark that no text holds ends each text.
void add_head(StoredSeries const& stored, Sha256& sum) {
    constexpr char end = '\0';
    auto const& o = *stored.options;
    bool const windowed = o.window > 0;
    sum.add(fmt::format("series {}{}{}{}{}{}{}{}{} {} {} {} {} {}{}{}{}\n", table_op(stored.op).name, end,
                        stored.chip, end, stored.dtype, end, stored.source, end, stored.condensed, o.causal,
                        windowed, o.v_dim, o.gated, o.library, end, o.variant, end));
}

/// Exact: the shortest digits that give the number back.
void add_rows(StoredSeries const& stored, Sha256& sum) {
    constexpr char end = '\0';
    for (auto const& s : stored.samples) {
        auto const& o = *s.options;
        sum.add(fmt::format("{} {} {} {} {} {} {} | {} {} {} {} {} {} {} {} {} {} {} {}{}{}{}\n", s.m, s.n,
                            s.k, s.batch, s.time.value(), s.measurements, s.spread, o.heads, o.kv_heads,
                            o.v_dim, o.window, o.causal, o.gated, o.topk, o.experts, o.ep, o.nodes, o.sms,
                            o.library, end, o.variant, end));
    }
}

/// Raises the roofline to the fastest rows of the series.
void widen(Roofline& roofline, StoredSeries const& stored) {
    if (!is_computed(stored.op)) {
        return;
    }
    Kernel kernel{.op = stored.op, .dtype = stored.dtype, .options = {}};
    for (auto const& s : stored.samples) {
        std::tie(kernel.m, kernel.n, kernel.k, kernel.batch, kernel.options) =
            std::tie(s.m, s.n, s.k, s.batch, *s.options);
        auto const work = work_of(kernel);
        roofline.flop_per_second = std::max(roofline.flop_per_second, work.flop.value() / s.time.value());
        roofline.bytes_per_second = std::max(roofline.bytes_per_second, work.bytes.value() / s.time.value());
    }
}

} // namespace

bool is_listed(hardware::Chip const& chip, std::string const& timing_name) {
    return chip.id == timing_name ||
           std::ranges::find(chip.timing_names, timing_name) != chip.timing_names.end();
}

void TimingStore::load(std::string const& path, Keep const& keep) {
    take(path, keep, [&](auto const& each) { return read_timing_table(path, each); });
}

void TimingStore::parse(std::string_view content, std::string const& name, Keep const& keep) {
    take(name, keep, [&](auto const& each) { return parse_timing_table(content, name, each); });
}

void TimingStore::take(
    std::string const& name, Keep const& keep,
    std::function<TableReport(std::function<void(Measurement const&)> const&)> const& read) {
    auto const file = static_cast<int>(reports_.size());
    reports_.push_back({.file = name, .rows = 0, .refused = {}, .noticed = {}});
    auto const keep_or_not = [&](Measurement const& row) {
        if (!keep || keep(row)) {
            add(row, file);
        }
    };
    reports_.back() = read([&](Measurement const& row) {
        if (auto const& table_name = name_of_rows(row.chip); table_name != row.chip) {
            auto named = row;
            named.chip = table_name;
            keep_or_not(named);
        } else {
            keep_or_not(row);
        }
    });
    check_new_rows();
}

void TimingStore::set_sources(TimingSources sources) {
    expects(series_.empty(), "sources are told before tables are read");
    sources_known_ = std::move(sources);
}

void TimingStore::read_catalogue(std::string const& platforms) {
    set_reference_chips(hardware::Catalogue{platforms}.all_chips());
    set_sources(read_timing_sources(io::read_toml_file(platforms + "/timings/sources.toml")));
    set_expectations(read_expectations(io::read_toml_file(platforms + "/timings/expectations.toml")));
}

void TimingStore::set_expectations(Expectations const& expectations) { expectations_ = expectations; }

Expectations const& TimingStore::expectations() const {
    expects(expectations_.has_value(), "what is expected of kernels is told before they are asked for");
    return *expectations_;
}

void TimingStore::set_reference_chips(std::vector<hardware::Chip> chips) {
    chips_ = std::move(chips);
    names_of_ids_.clear();
    for (auto const& chip : chips_) {
        if (!chip.timing_names.empty()) {
            names_of_ids_.emplace(chip.id, chip.timing_names.front());
        }
    }
    for (auto& stored : series_) {
        stored.traits.die = die_of_rows(stored.chip);
    }
    check_new_rows();
    built_.clear();
    seen_rooflines_.clear();
}

void TimingStore::check_new_rows() {
    for (auto& stored : series_) {
        if (stored.checked == stored.samples.size()) {
            continue;
        }
        auto const chip = chip_named(stored.chip);
        if (chip != nullptr) {
            check(stored, *chip);
        } else if (!chips_.empty()) {
            for (; stored.checked < stored.samples.size(); ++stored.checked) {
                auto const& s = stored.samples[stored.checked];
                auto& report = reports_[static_cast<std::size_t>(s.file)];
                count(
                    report.noticed,
                    fmt::format("chip {} is not in the catalogue: its rows serve as a curve for others only",
                                stored.chip),
                    Origin{report.file, s.line, 0, "chip"});
            }
        }
    }
    list_series();
}

/// A series whose rows were all refused is not listed, until a table has better ones.
void TimingStore::list_series() {
    by_op_.assign(table_ops().size(), {});
    for (std::size_t i = 0; i < series_.size(); ++i) {
        if (!series_[i].samples.empty()) {
            by_op_[static_cast<std::size_t>(series_[i].op)].push_back(static_cast<int>(i));
        }
    }
}

namespace {

/// Empty where the time of a collective or of an exchange of tokens can be. A fabric may be better than the catalogue's (other
/// NICs, sums in the switch), but not by so much.
std::string why_beats_link(hardware::Chip const& chip, Kernel const& kernel, Seconds time) {
    constexpr double over_link = 4;
    bool const inside = kernel.options.nodes <= 1;
    auto const& link = inside ? chip.scale_up_bandwidth : chip.nic_bandwidth;
    if (!link || link->value.value() <= 0) {
        return {};
    }
    auto const& op = table_op(kernel.op);
    auto const kind = find_collective(op.name);
    auto const ranks = static_cast<int>(kernel.batch);
    auto sent = static_cast<double>(
        kernel.m); // of a collective: bytes; of an exchange: tokens, each sent at least in 8 bit
    if (op.family == Family::exchange) {
        auto const elsewhere = inside ? 1.0 - 1.0 / std::max(ranks, 2) : 1.0 - 1.0 / kernel.options.nodes;
        sent *= static_cast<double>(kernel.n) * elsewhere / 2;
    } else if (kind && inside) {
        sent *= rank_bytes_per_byte(*kind, ranks);
    } else if (kind && ranks >= kernel.options.nodes) {
        sent *= nic_bytes_per_byte(*kind, ranks, kernel.options.nodes);
    }
    return sent / time.value() > over_link * link->value.value()
               ? fmt::format("faster than {:.0f} times the {} link", over_link,
                             inside ? "scale-up" : "network")
               : "";
}

} // namespace

std::string why_refused(hardware::Chip const& chip, Kernel const& kernel, Seconds time) {
    auto const family = table_op(kernel.op).family;
    if (family == Family::collective || family == Family::exchange) {
        return why_beats_link(chip, kernel, time);
    }
    auto const roofline = is_computed(kernel.op) ? find_roofline(chip, kernel) : std::nullopt;
    return roofline ? why_impossible(*roofline, work_of(kernel), time, allowed_over_peak(chip, kernel))
                    : std::string{};
}

void TimingStore::check(StoredSeries& stored, hardware::Chip const& chip) {
    Kernel kernel{.op = stored.op, .dtype = stored.dtype, .options = *stored.options};
    auto const impossible = [&](Sample const& s) {
        kernel.m = s.m, kernel.n = s.n, kernel.k = s.k, kernel.batch = s.batch, kernel.options = *s.options;
        auto const reason = why_refused(chip, kernel, s.time);
        if (!reason.empty()) {
            auto& report = reports_[static_cast<std::size_t>(s.file)];
            count(report.refused, fmt::format("{} of {}", reason, stored.chip),
                  Origin{report.file, s.line, 0, "time_us"});
            --report.rows;
        }
        return !reason.empty();
    };
    auto const begin = stored.samples.begin() + static_cast<std::ptrdiff_t>(stored.checked);
    stored.samples.erase(std::remove_if(begin, stored.samples.end(), impossible), stored.samples.end());
    stored.checked = stored.samples.size();
}

hardware::Chip const* TimingStore::chip_named(std::string const& timing_name) const {
    auto const at = std::ranges::find_if(
        chips_, [&](hardware::Chip const& chip) { return is_listed(chip, timing_name); });
    return at == chips_.end() ? nullptr : &*at;
}

std::string const& TimingStore::name_of_rows(std::string const& chip) const {
    auto const at = names_of_ids_.find(chip);
    return at == names_of_ids_.end() ? chip : at->second;
}

std::vector<int> const& TimingStore::of_op(TableOpId op) const {
    static std::vector<int> const none;
    auto const index = static_cast<std::size_t>(op);
    return index < by_op_.size() ? by_op_[index] : none;
}

Options const* TimingStore::intern(std::string const& extra, Options const& options) {
    auto const [at, fresh] = option_texts_.try_emplace(extra, nullptr);
    if (fresh) {
        options_.push_back(options);
        at->second = &options_.back();
    }
    return at->second;
}

bool is_one_die(hardware::Chip const& a, hardware::Chip const& b) { return die_of(a) == die_of(b); }

int TimingStore::die_of_rows(std::string const& chip) {
    auto const known = chip_named(chip);
    return dies_.number_of(known != nullptr ? die_of(*known) : chip);
}

std::string const& TimingStore::library_of(std::string const& source, Options const& options) const {
    static std::string const winner = "winner";
    return sources_known_.source(source).library_is_a_winner ? winner : options.library;
}

std::string TimingStore::series_key(Measurement const& row) const {
    auto const& o = row.kernel.options;
    return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", row.measurements > 0, row.chip, row.kernel.op,
                       row.kernel.dtype, row.source, library_of(row.source, o), o.variant, o.causal,
                       o.window > 0, o.v_dim, o.gated);
}

Traits TimingStore::traits_of(std::string const& chip, std::string const& dtype, std::string const& source,
                              Options const& o) const {
    auto const known = chip_named(chip);
    return {.chip = chip_names_.find(chip),
            .die = dies_.find(known != nullptr ? die_of(*known) : chip),
            .dtype = dtypes_.find(dtype),
            .source = sources_.find(source),
            .library = libraries_.find(library_of(source, o)),
            .variant = variants_.find(o.variant),
            .causal = o.causal,
            .windowed = o.window > 0,
            .gated = o.gated,
            .v_dim = o.v_dim};
}

void TimingStore::add(Measurement const& row, int file) {
    auto const options = intern(row.extra, row.kernel.options);
    auto const [at, fresh] = index_.try_emplace(series_key(row), static_cast<int>(series_.size()));
    auto const& kernel = row.kernel;
    if (fresh) {
        auto const& source = sources_known_.source(row.source);
        auto const& library = sources_known_.library(options->library);
        auto const kind = table_op(kernel.op).kind;
        auto const lacks = [&](std::set<model::OpKind> const& kinds) {
            return kind && kinds.contains(*kind);
        };
        std::ignore = chip_names_.number_of(row.chip);
        std::ignore = die_of_rows(row.chip);
        std::ignore = dtypes_.number_of(kernel.dtype);
        std::ignore = sources_.number_of(row.source);
        std::ignore = libraries_.number_of(library_of(row.source, *options));
        std::ignore = variants_.number_of(options->variant);
        series_.push_back({.chip = row.chip,
                           .dtype = kernel.dtype,
                           .source = row.source,
                           .licence = row.licence,
                           .op = kernel.op,
                           .options = options,
                           .grade = source.grade,
                           .trains = !lacks(source.not_training) && !lacks(library.not_training),
                           .holds_host_time = source.collectives_hold_host_time,
                           .unlike_fabric = std::max(library.unlike_fabric, sources_known_.machine(row.chip)),
                           .traits = traits_of(row.chip, kernel.dtype, row.source, *options),
                           .condensed = row.measurements > 0,
                           .samples = {}});
    }
    series_[static_cast<std::size_t>(at->second)].samples.push_back({kernel.m, kernel.n, kernel.k,
                                                                     kernel.batch, options, row.time, file,
                                                                     row.line, row.measurements, row.spread});
    built_.clear();
    seen_rooflines_.clear();
}

Roofline TimingStore::roofline_of_rows(std::string const& chip, Kernel const& kernel) const {
    if (auto const known = chip_named(chip)) {
        if (auto const roofline = find_roofline(*known, kernel)) {
            return *roofline;
        }
    }
    std::scoped_lock const lock{building_};
    auto const [at, fresh] = seen_rooflines_.try_emplace({chip, kernel.dtype}, Roofline{1e9, 1e9});
    if (fresh) {
        for (auto const& stored : series_) {
            if (stored.chip == chip && stored.dtype == kernel.dtype) {
                widen(at->second, stored);
            }
        }
    }
    return at->second;
}

std::string TimingStore::content_of(RowGroup const& group) const {
    Sha256 sum;
    for (auto const& stored : series_) {
        bool const of_op = group.op == RowGroup::every_op || group.op == stored.op;
        bool const of_chip =
            group.chips.empty() || std::ranges::find(group.chips, stored.chip) != group.chips.end();
        if (!of_op || !of_chip || stored.samples.empty()) {
            continue;
        }
        add_head(stored, sum);
        if (group.series_alone) {
            sum.add(stored.samples.size() < few_samples ? "few\n" : "\n");
        } else {
            add_rows(stored, sum);
        }
    }
    return sum.hex();
}

Series const& TimingStore::series(int index) const {
    std::scoped_lock const lock{building_};
    built_.resize(series_.size());
    auto& slot = built_[static_cast<std::size_t>(index)];
    if (!slot) {
        auto const& stored = series_[static_cast<std::size_t>(index)];
        Kernel const head{.op = stored.op, .dtype = stored.dtype, .options = *stored.options};
        slot = std::make_unique<Series>(head, roofline_of_rows(stored.chip, head), stored.samples);
    }
    return *slot;
}

} // namespace moesaic::timing
