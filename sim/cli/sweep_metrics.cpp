#include "cli/sweep_metrics.hpp"

#include "base/calendar.hpp"
#include "cli/sweep_executor.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace moesaic::cli {

namespace {

using sweep::Cell;
using sweep::CellKind;
using sweep::Column;

/// A metric and how it is had from a run; empty where the run has none.
struct Metric {
    Column column;
    std::function<Cell(results::Run const&)> of;
};

Metric number(std::string name, std::string unit, std::string description,
              std::function<double(results::Metrics const&)> of) {
    return {{std::move(name), CellKind::number, std::move(unit), std::move(description), {}},
            [of = std::move(of)](results::Run const& run) {
                return run.metrics ? Cell{of(*run.metrics)} : Cell{};
            }};
}

Metric text(std::string name, std::string description, std::function<std::string(results::Run const&)> of) {
    return {{std::move(name), CellKind::text, "text", std::move(description), {}},
            [of = std::move(of)](results::Run const& run) { return Cell{of(run)}; }};
}

/// The rank class with the least memory to spare.
parallel::ClassMemory const& tightest(results::Run const& run) {
    return *std::ranges::min_element(run.memory, {}, [](parallel::ClassMemory const& c) {
        return (c.capacity - c.parts.total()).value();
    });
}

Metric memory(std::string name, std::string description,
              std::function<Bytes(parallel::ClassMemory const&)> of) {
    return {{std::move(name), CellKind::number, "B", std::move(description), {}},
            [of = std::move(of)](results::Run const& run) { return Cell{of(tightest(run)).value()}; }};
}

std::vector<Metric> step_metrics() {
    using results::Metrics;
    return {
        number("step_time_s", "s", "Simulated time of one step",
               [](Metrics const& m) { return m.step.value(); }),
        number("step_time_low_80_s", "s", "Lower end of its 80 % interval",
               [](Metrics const& m) { return m.step_interval.low.value(); }),
        number("step_time_high_80_s", "s", "Upper end of its 80 % interval",
               [](Metrics const& m) { return m.step_interval.high.value(); }),
        number("tokens_per_s", "tokens/s", "Tokens of all replicas per second",
               [](Metrics const& m) { return m.tokens_per_s; }),
        number("mfu", "1", "Model FLOP (no recompute, causal attention half) over the chips' bf16 peak",
               [](Metrics const& m) { return m.mfu; }),
        number("hfu", "1", "The same with recomputed work", [](Metrics const& m) { return m.hfu; }),
        number("chips", "1", "Chips that the plan uses",
               [](Metrics const& m) { return static_cast<double>(m.chips); }),
        number("chip_hours_per_trillion_tokens", "h", "Hours of all chips together, without failures",
               [](Metrics const& m) { return m.chip_hours_per_trillion_tokens; }),
    };
}

constexpr std::string_view cost_currency = "cost_currency";

std::vector<Metric> cost_metrics() {
    Metric cost{{"cost_per_trillion_tokens", CellKind::number, "1", "At the scenario's price book",
                 std::string{cost_currency}},
                [](results::Run const& run) {
                    auto const& money = run.cost_per_trillion_tokens;
                    return money ? Cell{money->amount} : Cell{};
                }};
    return {cost, text(std::string{cost_currency},
                       "Currency of cost_per_trillion_tokens; empty without a price book",
                       [](results::Run const& run) {
                           auto const& money = run.cost_per_trillion_tokens;
                           return money ? money->currency : std::string{};
                       })};
}

/// @param unit empty = money, in the currency of the run's costs
Metric spent(std::string name, std::string unit, std::string description,
             std::function<double(results::Spending const&)> of) {
    auto const column = unit.empty() ? std::string{cost_currency} : "";
    return {{std::move(name), CellKind::number, unit.empty() ? "1" : std::move(unit), std::move(description),
             column},
            [of = std::move(of)](results::Run const& run) {
                return run.spending ? Cell{of(*run.spending)} : Cell{};
            }};
}

/// What the whole training costs the lab.
std::vector<Metric> spending_metrics() {
    using economics::Total;
    using results::Spending;
    auto const of = [](Total which) {
        return [which](Spending const& s) { return economics::total(s.bill, which); };
    };
    return {
        spent("training_cost", "", "Use of own chips, rents and power of the whole training",
              of(Total::cost)),
        spent("training_cost_low_80", "", "Lower end of its 80 % interval",
              [](Spending const& s) { return economics::interval_of(s.bill, Total::cost).low; }),
        spent("training_cost_high_80", "", "Upper end of its 80 % interval",
              [](Spending const& s) { return economics::interval_of(s.bill, Total::cost).high; }),
        spent("training_outlay", "", "Money that goes out until the training ends", of(Total::outlay)),
        spent("over_budget", "1", "1 if that is more than the budget, else 0",
              [](Spending const& s) { return s.over_budget() ? 1.0 : 0.0; }),
        spent("training_energy_kWh", "kWh", "Electricity of the whole training", of(Total::energy)),
        spent("training_days", "d", "Until the training is done, with failures and waiting for chips",
              [](Spending const& s) { return economics::total(s.bill, Total::time) / seconds_per_day; }),
    };
}

std::vector<Metric> evidence_metrics() {
    std::vector<Metric> out;
    for (int level = 0; level < timing::evidence_levels; ++level) {
        auto const name = name_of(static_cast<timing::Evidence>(level));
        out.push_back(number(fmt::format("share_{}", name), "1",
                             fmt::format("Share of the critical path on {} timings", name),
                             [level](results::Metrics const& m) {
                                 return m.time_by_evidence[static_cast<std::size_t>(level)];
                             }));
    }
    return out;
}

std::vector<Metric> metrics_with(bool spending) {
    using parallel::ClassMemory;
    std::vector<Metric> out{{{"fits",
                              CellKind::whole,
                              "1",
                              "1 if every rank class fits into its memory, else 0 and no times",
                              {}},
                             [](results::Run const& run) { return Cell{std::int64_t{run.misfit ? 0 : 1}}; }}};
    auto const append = [&](std::vector<Metric> more) {
        out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    };
    append(step_metrics());
    append(cost_metrics());
    if (spending) {
        append(spending_metrics());
    }
    append(evidence_metrics());
    out.push_back(memory("memory_needed_B", "Memory of a rank of the tightest rank class",
                         [](ClassMemory const& c) { return c.parts.total(); }));
    out.push_back(memory("memory_capacity_B", "What the chip of that class has",
                         [](ClassMemory const& c) { return c.capacity; }));
    out.push_back(
        text("plan", "The parallel plan in short", [](results::Run const& r) { return r.short_plan; }));
    out.push_back(text("misfit", "What does not fit; empty if everything does",
                       [](results::Run const& run) { return run.misfit.value_or(""); }));
    return out;
}

} // namespace

std::vector<Column> run_metric_columns(bool spending) {
    std::vector<Column> out;
    std::ranges::transform(metrics_with(spending), std::back_inserter(out), &Metric::column);
    return out;
}

std::vector<Cell> metrics_of_run(results::Run const& run, bool spending) {
    std::vector<Cell> out;
    std::ranges::transform(metrics_with(spending), std::back_inserter(out),
                           [&](Metric const& m) { return m.of(run); });
    return out;
}

} // namespace moesaic::cli
