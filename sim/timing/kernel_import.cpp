#include "timing/kernel_import.hpp"

#include "base/quantile.hpp"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <span>

namespace moesaic::timing {

namespace {

constexpr std::size_t most_times = 4096; ///< of a row; a median needs no more
constexpr std::size_t most_name = 120;
/// Compilers of kernels may give each a name of its own; what is told apart must stay a table.
constexpr std::size_t most_shares = 10'000, most_rows = 1'000'000;

std::string short_name(TracedKernel const& kernel) {
    auto const& name = kernel.name.empty() ? kernel.launched_by : kernel.name;
    return name.size() <= most_name ? name : name.substr(0, most_name) + "…";
}

void count(std::map<std::string, ImportShare>& shares, std::string what, TracedKernel const& kernel) {
    if (shares.size() >= most_shares && !shares.contains(what)) {
        what = fmt::format("of other names: only {} are told apart", most_shares);
    }
    auto& share = shares[what];
    share.what = what;
    share.calls += kernel.calls;
    share.time += kernel.time_of_all();
}

std::vector<ImportShare> longest_first(std::map<std::string, ImportShare> const& shares) {
    std::vector<ImportShare> out;
    for (auto const& [what, share] : shares) {
        out.push_back(share);
    }
    std::ranges::stable_sort(out, std::ranges::greater{}, [](ImportShare const& s) { return s.time; });
    return out;
}

std::string row_key(Kernel const& kernel, std::string const& extra) {
    return fmt::format("{}|{}|{}|{}|{}|{}|{}", table_op(kernel.op).name, kernel.dtype, kernel.m, kernel.n,
                       kernel.k, kernel.batch, extra);
}

/// Why the kernel's time or calls cannot be; empty where they can.
std::string_view impossible(TracedKernel const& kernel) {
    constexpr double longest = 86'400, longest_of_all = 9.2e9; // seconds; what nanoseconds in 64 bits hold
    constexpr std::int64_t most_calls = 1'000'000'000'000;     // sums of them stay far from 64 bits
    auto const time = kernel.time.value(), in_all = kernel.time_of_all().value();
    if (std::isnan(time)) {
        return "the profile has no time for it";
    }
    if (!(time >= 0 && time <= longest)) {
        return "its time is below 0 or beyond a day for one call";
    }
    if (!(in_all >= 0 && in_all <= longest_of_all)) {
        return "its time in all is below 0 or beyond 292 years";
    }
    return kernel.calls < 1 || kernel.calls > most_calls ? "its number of calls is below 1 or beyond 1e12"
                                                         : "";
}

/// The kernel as that operation's around what launched it.
TracedKernel seen_from(TracedKernel kernel, std::size_t outwards) {
    if (outwards > 0) {
        auto const [call, run] = kernel.within[outwards - 1];
        kernel.launched_by = call->name;
        kernel.inputs = call->inputs;
        kernel.outputs.clear(); // of the innermost operation
        kernel.input_types = call->types;
        kernel.operation_run = run;
    }
    kernel.within.clear();
    return kernel;
}

/// Kernels of one operation may run side by side: it takes as long as any of them runs.
template <class Calls>
Seconds busy_time(Calls const& calls) {
    std::vector<std::pair<double, double>> spans;
    for (auto const& call : calls) {
        spans.emplace_back(call.kernel.start, call.kernel.start + call.kernel.time.value());
    }
    std::ranges::sort(spans);
    double busy = 0, until = spans.front().first;
    for (auto const& [begin, end] : spans) {
        busy += std::max(0.0, end - std::max(begin, until));
        until = std::max(until, end);
    }
    return Seconds{busy};
}

} // namespace

void KernelImport::refuse(TracedKernel const& kernel, std::string_view why) {
    count(unmapped_, why.empty() ? short_name(kernel) : fmt::format("{}: {}", short_name(kernel), why),
          kernel);
}

std::vector<RuleMatch> const& KernelImport::rules_by_names(TracedKernel const& kernel) {
    constexpr std::size_t most = 100'000;
    if (found_.size() >= most) {
        found_.clear();
    }
    auto key = kernel.name + '\0' + kernel.launched_by + '\0' + kernel.phase;
    for (auto const& outer : kernel.within) {
        key += '\0' + outer.call->name;
    }
    auto const [at, fresh] = found_.try_emplace(std::move(key));
    if (fresh) {
        at->second = rules_.find_by_names(kernel);
    }
    return at->second;
}

void KernelImport::add(TracedKernel const& kernel) {
    if (auto const why = impossible(kernel); !why.empty()) {
        TracedKernel counted;
        counted.name = short_name(kernel); // its time would drown all others
        ++result_.calls;
        refuse(counted, why);
        return;
    }
    result_.calls += kernel.calls;
    result_.time += kernel.time_of_all();
    auto const& by_names = rules_by_names(kernel);
    auto const* match = first_fitting(by_names, kernel);
    if (match == nullptr) {
        bool const shapeless = std::ranges::all_of(kernel.inputs, &ArrayShape::empty);
        refuse(kernel, !by_names.empty() && shapeless ? "its shape is not in the profile" : "");
    } else if (match->outwards > 0) {
        take_by(*match, seen_from(kernel, match->outwards));
    } else {
        take_by(*match, kernel);
    }
}

void KernelImport::take_by(RuleMatch const& match, TracedKernel const& kernel) {
    auto const& rule = *match.rule;
    auto const run = phase_run_of(kernel);
    if (!rule.ignore.empty()) {
        count(ignored_, fmt::format("{}: {}", short_name(kernel), rule.ignore), kernel);
    } else if (!rule.unmapped.empty()) {
        refuse(kernel, rule.unmapped);
    } else if (kernel.time.value() == 0 && !rule.is_ordered()) {
        refuse(kernel, "its time is 0"); // where kernels are counted off, it keeps its place
    } else if (!rule.adds_to.empty()) {
        additions_[{rule.adds_to, run}].push_back({seen_from(kernel, 0), {&rule, {}}});
    } else if (rule.is_ordered()) {
        ordered_[{&rule, run}].push_back({seen_from(kernel, 0), match});
    } else {
        take(match, rule.in_turn.front(), kernel, run);
    }
}

bool KernelImport::Row::count(TracedKernel const& kernel, std::optional<std::int64_t> run) {
    auto const time = static_cast<float>(kernel.time.value());
    if (run) {
        auto const [place, fresh] = places.try_emplace(*run, times.size());
        if (!fresh) {
            if (place->second < times.size()) {
                times[place->second] += time;
            }
            return false;
        }
    }
    row.calls += kernel.calls;
    if (times.size() < most_times) {
        times.push_back(time);
    }
    return true;
}

bool KernelImport::take(RuleMatch const& match, ShapeRule const& shape, TracedKernel const& kernel,
                        PhaseRun const& run) {
    auto shaped = apply(match, shape, kernel);
    if (!shaped.kernel) {
        refuse(kernel, shaped.problem);
        return false;
    }
    auto const key = row_key(*shaped.kernel, shaped.extra);
    if (rows_.size() >= most_rows && !rows_.contains(key)) {
        refuse(kernel, fmt::format("more than {} shapes", most_rows));
        return false;
    }
    auto& row = rows_[key];
    if (row.times.empty()) {
        row.row.kernel = std::move(*shaped.kernel);
        row.row.extra = std::move(shaped.extra);
    }
    bool const of_a_run = match.rule->of_operation && kernel.operation_run >= 0;
    bool const fresh =
        row.count(kernel, of_a_run ? std::optional{across_files(kernel.operation_run)} : std::nullopt);
    result_.mapped_calls += kernel.calls;
    result_.mapped_time += kernel.time_of_all();
    if (fresh && !match.rule->name.empty()) {
        named_rows_[{match.rule->name, run}][key] += kernel.calls;
    }
    return true;
}

void KernelImport::finish_ordered(std::vector<Call>& calls, PhaseRun const& run) {
    auto const& rule = *calls.front().match.rule;
    std::size_t round = 0;
    for (auto const& shape : rule.in_turn) {
        round += static_cast<std::size_t>(shape.calls);
    }
    std::ranges::stable_sort(calls, {}, [](Call const& c) { return c.kernel.launched; });
    if (calls.size() != round) {
        for (auto const& call : calls) {
            refuse(call.kernel,
                   fmt::format("{} in one run of its phase, where the rule expects {}", calls.size(), round));
        }
        return;
    }
    std::span<Call const> rest{calls};
    for (auto const& shape : rule.in_turn) {
        auto const in_one = static_cast<std::size_t>(shape.calls);
        take_together(rest.first(in_one), shape, run);
        rest = rest.subspan(in_one);
    }
}

void KernelImport::take_together(std::span<Call const> parts, ShapeRule const& shape, PhaseRun const& run) {
    auto whole = parts.front().kernel;
    whole.time = busy_time(parts);
    whole.total.reset();
    whole.operation_run = -1; // the rule says which kernels make an operation
    if (!take(parts.front().match, shape, whole, run)) {
        return;
    }
    // shares count calls and their own times, not the operation's
    result_.mapped_calls -= whole.calls;
    result_.mapped_time -= whole.time_of_all();
    for (auto const& call : parts) {
        result_.mapped_calls += call.kernel.calls;
        result_.mapped_time += call.kernel.time_of_all();
    }
}

/// What runs before and after a kernel on its behalf is spread over the operations of its rule in the same run of the phase.
void KernelImport::add_shares_of_others() {
    std::map<std::string, double> more;
    for (auto const& [target, calls] : additions_) {
        auto const rows = named_rows_.find(target);
        if (rows == named_rows_.end()) {
            for (auto const& call : calls) {
                refuse(call.kernel, fmt::format("no \"{}\" in its phase to count it to", target.first));
            }
            continue;
        }
        double time = 0, operations = 0;
        for (auto const& call : calls) {
            time += call.kernel.time.value() * static_cast<double>(call.kernel.calls);
            result_.mapped_calls += call.kernel.calls;
            result_.mapped_time += call.kernel.time_of_all();
        }
        for (auto const& [key, times] : rows->second) {
            operations += static_cast<double>(times);
        }
        for (auto const& [key, times] : rows->second) {
            more[key] += time * static_cast<double>(times) / operations;
        }
    }
    for (auto const& [key, time] : more) {
        auto& row = rows_.at(key).row;
        row.time += Seconds{time / static_cast<double>(row.calls)};
    }
}

ImportResult KernelImport::finish() {
    for (auto& [key, calls] : ordered_) {
        finish_ordered(calls, key.second);
    }
    for (auto& [key, row] : rows_) {
        row.row.time = Seconds{median(std::move(row.times))};
    }
    add_shares_of_others();
    for (auto& [key, row] : rows_) {
        result_.rows.push_back(std::move(row.row));
    }
    result_.unmapped = longest_first(unmapped_);
    result_.ignored = longest_first(ignored_);
    return std::move(result_);
}

} // namespace moesaic::timing
