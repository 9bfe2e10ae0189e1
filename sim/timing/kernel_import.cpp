#include "timing/kernel_import.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>

namespace moesaic::timing {

namespace {

constexpr std::size_t most_times = 4096; ///< of a row; a median needs no more
constexpr std::size_t most_name = 120;

std::string short_name(TracedKernel const& kernel) {
    auto const& name = kernel.name.empty() ? kernel.launched_by : kernel.name;
    return name.size() <= most_name ? name : name.substr(0, most_name) + "…";
}

void count(std::map<std::string, ImportShare>& shares, std::string const& what, TracedKernel const& kernel) {
    auto& share = shares[what];
    share.what = what;
    share.calls += kernel.calls;
    share.time += kernel.time * static_cast<double>(kernel.calls);
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

Seconds median_of(std::vector<float> times) {
    auto const middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::ranges::nth_element(times, middle);
    return Seconds{static_cast<double>(*middle)};
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

std::optional<RuleMatch> const& KernelImport::find_rule(TracedKernel const& kernel) {
    constexpr std::size_t most = 100'000;
    if (found_.size() >= most) {
        found_.clear();
    }
    auto const [at, fresh] =
        found_.try_emplace(kernel.name + '\n' + kernel.launched_by + '\n' + kernel.phase);
    if (fresh) {
        at->second = rules_.find(kernel);
    }
    return at->second;
}

void KernelImport::add(TracedKernel const& kernel) {
    result_.calls += kernel.calls;
    result_.time += kernel.time * static_cast<double>(kernel.calls);
    auto const& match = find_rule(kernel);
    if (!match) {
        refuse(kernel, "");
        return;
    }
    auto const& rule = *match->rule;
    PhaseRun const run{kernel.phase, kernel.phase_run};
    if (!rule.ignore.empty()) {
        count(ignored_, fmt::format("{}: {}", short_name(kernel), rule.ignore), kernel);
    } else if (!rule.adds_to.empty()) {
        additions_[{rule.adds_to, run}].push_back({kernel, {&rule, {}}});
    } else if (rule.is_ordered()) {
        ordered_[{&rule, run}].push_back({kernel, *match});
    } else {
        take(*match, rule.in_turn.front(), kernel);
    }
}

bool KernelImport::take(RuleMatch const& match, ShapeRule const& shape, TracedKernel const& kernel) {
    auto shaped = apply(match, shape, kernel);
    if (!shaped.kernel) {
        refuse(kernel, shaped.problem);
        return false;
    }
    auto const key = row_key(*shaped.kernel, shaped.extra);
    auto& [row, times] = rows_[key];
    if (times.empty()) {
        row.kernel = std::move(*shaped.kernel);
        row.extra = std::move(shaped.extra);
    }
    row.calls += kernel.calls;
    if (times.size() < most_times) {
        times.push_back(static_cast<float>(kernel.time.value()));
    }
    result_.mapped_calls += kernel.calls;
    result_.mapped_time += kernel.time * static_cast<double>(kernel.calls);
    if (!match.rule->name.empty()) {
        named_rows_[{match.rule->name, {kernel.phase, kernel.phase_run}}][key] += kernel.calls;
    }
    return true;
}

void KernelImport::finish_ordered(std::vector<Call>& calls) {
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
        take_together(rest.first(in_one), shape);
        rest = rest.subspan(in_one);
    }
}

void KernelImport::take_together(std::span<Call const> parts, ShapeRule const& shape) {
    auto whole = parts.front().kernel;
    whole.time = busy_time(parts);
    if (!take(parts.front().match, shape, whole)) {
        return;
    }
    // shares count calls and their own times, not the operation's
    result_.mapped_calls += shape.calls - 1;
    result_.mapped_time -= whole.time;
    for (auto const& call : parts) {
        result_.mapped_time += call.kernel.time;
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
        }
        result_.mapped_time += Seconds{time};
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
        finish_ordered(calls);
    }
    for (auto& [key, row] : rows_) {
        row.row.time = median_of(row.times);
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
