#include "results/run.hpp"

#include "base/normal.hpp"

#include <cmath>

namespace moesaic::results {

namespace {

/// Of all chips that the program uses.
FlopPerSecond peak_of(parallel::Program const& program, hardware::Topology const& topology) {
    FlopPerSecond sum;
    for (auto const& rank_class : program.classes) {
        auto const& chip = topology.pool(rank_class.pool).cluster.node.chip;
        auto const dtype = hardware::supports(chip, Dtype::bf16) ? Dtype::bf16 : Dtype::fp16;
        sum += hardware::peak_of(chip, dtype) * static_cast<double>(rank_class.members.count);
    }
    return sum;
}

} // namespace

std::map<std::string, double> step_errors(engine::Timeline const& timeline) {
    std::map<std::string, double> out;
    for (auto const& part : timeline.path_keys) {
        out[part.key] += part.time_weighted_sigma / timeline.step.value();
    }
    return out;
}

double step_sigma(engine::Timeline const& timeline) {
    if (timeline.step.value() <= 0.0) {
        return 0.0;
    }
    double squares = 0.0;
    for (auto const& [key, share] : step_errors(timeline)) {
        squares += share * share;
    }
    return std::sqrt(squares);
}

Interval interval_80(Seconds value, double sigma) {
    return {value * std::exp(-sigmas_of_80 * sigma), value * std::exp(sigmas_of_80 * sigma)};
}

Metrics metrics_of(parallel::Program const& program, engine::Timeline const& timeline,
                   hardware::Topology const& topology, double model_error) {
    Metrics out;
    out.step = timeline.step;
    out.timings_interval = interval_80(timeline.step, step_sigma(timeline));
    out.step_interval = interval_80(timeline.step, std::hypot(step_sigma(timeline), model_error));
    out.tokens_per_s = program.tokens.value() / timeline.step.value();
    auto const peak = peak_of(program, topology);
    out.mfu = program.model_flop / timeline.step / peak;
    out.hfu = program.hardware_flop / timeline.step / peak;
    out.chips = program.chips;
    constexpr double trillion = 1e12;
    out.chip_hours_per_trillion_tokens =
        trillion / out.tokens_per_s / seconds_per_hour * static_cast<double>(program.chips);
    Seconds path;
    for (auto const time : timeline.path_by_evidence) {
        path += time;
    }
    for (std::size_t i = 0; i < out.time_by_evidence.size() && path.value() > 0.0; ++i) {
        out.time_by_evidence[i] = timeline.path_by_evidence[i] / path;
    }
    return out;
}

} // namespace moesaic::results
