#include "scenario/run_origin.hpp"

namespace moesaic::scenario {

namespace {

std::vector<results::PublishedFigure> figures_of(std::optional<Published> const& published) {
    std::vector<results::PublishedFigure> out;
    if (!published) {
        return out;
    }
    auto const& p = *published;
    auto const add = [&](std::string metric, double value, std::string unit) {
        out.push_back({std::move(metric), value, std::move(unit), p.source});
    };
    if (p.cost_per_trillion_tokens) {
        add("cost_per_trillion_tokens", p.cost_per_trillion_tokens->amount,
            p.cost_per_trillion_tokens->currency);
    }
    if (p.chip_hours_per_trillion_tokens) {
        add("chip_hours_per_trillion_tokens", *p.chip_hours_per_trillion_tokens, "h");
    }
    if (p.step_time) {
        add("step_time", p.step_time->value(), "s");
    }
    if (p.tokens_per_s) {
        add("tokens_per_s", *p.tokens_per_s, "tokens/s");
    }
    if (p.mfu) {
        add("mfu", *p.mfu, "1");
    }
    return out;
}

} // namespace

results::RunOrigin origin_of(Scenario const& scenario, std::vector<std::string> const& timings,
                             std::string version, std::string calibration) {
    results::RunOrigin origin{.file = scenario.file,
                              .text = scenario.text,
                              .overrides = {},
                              .assumptions = scenario.assumptions,
                              .timings = scenario.timings,
                              .calibration = std::move(calibration),
                              .software = scenario.software,
                              .software_known = scenario.plan.practice.is_known,
                              .seed = scenario.seed,
                              .version = std::move(version),
                              .published = figures_of(scenario.published)};
    for (auto const& setting : scenario.overrides) {
        origin.overrides.push_back(setting.path + "=" + setting.value);
    }
    origin.timings.insert(origin.timings.end(), timings.begin(), timings.end());
    return origin;
}

} // namespace moesaic::scenario
