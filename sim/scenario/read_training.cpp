#include "scenario/read_training.hpp"

#include "io/unit_text.hpp"
#include "model/parameters.hpp"

#include <fmt/format.h>

namespace moesaic::scenario {

namespace {

/// Sequences that a step must have a multiple of; replica kinds with batches of their own are split when it is priced.
int sequences_at_once(parallel::Plan const& plan) {
    return plan.kinds.size() == 1 ? plan.kinds.front().replicas * plan.kinds.front().micro_batch : 1;
}

double read_hours(io::TomlTable const& t, std::string_view key) {
    if (!t.has(key)) {
        return 0.0;
    }
    auto const hours = t.number(key);
    if (!(hours > 0.0)) {
        throw InputError{t.origin(key), "must be above zero",
                         "Leave out [reliability] for a run without failures"};
    }
    return hours;
}

Seconds above_zero(Seconds time, Origin const& at, std::string_view hint = {}) {
    if (!(time.value() > 0.0)) {
        throw InputError{at, "must be above zero", hint};
    }
    return time;
}

Seconds not_negative(Seconds time, Origin const& at) {
    if (!(time.value() >= 0.0)) {
        throw InputError{at, "must not be negative"};
    }
    return time;
}

economics::FailureModel read_failures(io::TomlTable const& t, Scenario const& s) {
    double chips = 0.0;
    double nodes = 0.0;
    economics::FailureModel out;
    for (auto const& pool : s.pools) {
        chips += pool.chips;
        nodes += static_cast<double>(pool.chips) / pool.cluster.node.chips;
        out.spare_nodes += pool.spare_nodes;
    }
    out.chip_hours_per_failure = economics::chip_hours_per_failure(
        read_hours(t, "chip_hours_per_failure"), read_hours(t, "node_hours_per_failure"), chips / nodes);
    if (out.chip_hours_per_failure == 0.0) {
        throw InputError{t.origin("chip_hours_per_failure"), "is missing, and node_hours_per_failure too",
                         "Leave out [reliability] for a run without failures"};
    }
    out.detection = not_negative(t.quantity<Seconds>("detection"), t.origin("detection"));
    out.restart = not_negative(t.quantity<Seconds>("restart"), t.origin("restart"));
    if (t.has("repair")) {
        out.repair = not_negative(t.quantity<Seconds>("repair"), t.origin("repair"));
    }
    if (out.spare_nodes > 0 && !out.repair) {
        throw InputError{t.origin("repair"), "is missing: spare nodes matter only where a repair takes time"};
    }
    return out;
}

economics::CheckpointModel read_checkpoints(io::TomlTable const& t, Scenario const& s) {
    economics::CheckpointModel out;
    if (t.has("checkpoint_save") == t.has("checkpoint_bandwidth")) {
        throw InputError{t.origin("checkpoint_save"), "either this or checkpoint_bandwidth is needed",
                         "The time that training stands still per checkpoint, or what the storage takes in"};
    }
    if (t.has("checkpoint_save")) {
        out.save = above_zero(t.quantity<Seconds>("checkpoint_save"), t.origin("checkpoint_save"));
    } else {
        auto const rate = t.quantity<BytesPerSecond>("checkpoint_bandwidth");
        if (rate.value() <= 0.0) {
            throw InputError{t.origin("checkpoint_bandwidth"), "must be above zero"};
        }
        out.save = Bytes{economics::checkpoint_bytes_per_parameter *
                         static_cast<double>(model::trained_parameters(s.model))} /
                   rate;
    }
    if (t.has("checkpoint_interval")) {
        out.interval = above_zero(t.quantity<Seconds>("checkpoint_interval"), t.origin("checkpoint_interval"),
                                  "Leave it out for the best one");
    }
    return out;
}

} // namespace

std::vector<BatchRamp> read_batch_ramp(io::TomlTable const& training, Scenario const& scenario) {
    std::vector<BatchRamp> out;
    auto const at_once = sequences_at_once(scenario.plan);
    for (auto const& t : training.tables("batch_ramp")) {
        BatchRamp const ramp{t.quantity<Tokens>("until"), t.count("global_batch", 1)};
        auto const before = out.empty() ? Tokens{0} : out.back().until;
        if (ramp.until <= before || ramp.until >= scenario.tokens) {
            throw InputError{t.origin("until"),
                             fmt::format("must be above {} and below the {} of the training",
                                         io::text_of(before), io::text_of(scenario.tokens))};
        }
        if (ramp.global_batch % at_once != 0) {
            throw InputError{
                t.origin("global_batch"),
                fmt::format("{} sequences cannot be shared by the replicas, which take {} at once",
                            ramp.global_batch, at_once)};
        }
        t.reject_unknown_keys();
        out.push_back(ramp);
    }
    return out;
}

Reliability read_reliability(io::TomlTable const& t, Scenario const& scenario) {
    Reliability out{.failures = read_failures(t, scenario),
                    .checkpoints = read_checkpoints(t, scenario),
                    .source = t.text("source"),
                    .origin = t.origin()};
    t.reject_unknown_keys();
    return out;
}

Economics read_economics(io::TomlTable const& t) {
    Economics out{.hosting = t.text("hosting"),
                  .purchases = {},
                  .power_price = t.optional_quantity<MoneyPerKwh>("power_price"),
                  .origin = t.origin("hosting"),
                  .purchases_origin = t.origin("purchases")};
    if (t.has("purchases")) {
        out.purchases = t.texts("purchases");
    }
    if (out.power_price && out.power_price->amount < 0) {
        throw InputError{t.origin("power_price"), "must not be negative"};
    }
    t.reject_unknown_keys();
    return out;
}

} // namespace moesaic::scenario
