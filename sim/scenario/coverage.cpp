#include "scenario/coverage.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <tuple>

namespace moesaic::scenario {

namespace {

using parallel::Compute;

/// A kernel of a class's block, and how often the block runs in a step.
struct Run {
    Compute const* compute;
    std::int64_t times;
};

std::vector<Run> runs_of(parallel::RankClass const& rank_class) {
    std::map<int, std::int64_t> blocks;
    for (auto const& item : rank_class.schedule) {
        ++blocks[item.block];
    }
    std::vector<Run> out;
    for (auto const& [block, times] : blocks) {
        for (auto const& op : rank_class.blocks[static_cast<std::size_t>(block)].ops) {
            if (auto const* compute = std::get_if<Compute>(&op.work)) {
                out.push_back({compute, times});
            }
        }
    }
    return out;
}

using Key = std::tuple<std::string, timing::TableOpId, std::string, model::Pass, std::string>;

class Sum {
  public:
    Sum(Scenario const& scenario, timing::Timings const& timings, double chip_seconds)
        : scenario_{scenario}, timings_{timings}, chip_seconds_{chip_seconds} {}

    void add(parallel::RankClass const& rank_class) {
        auto const& chip =
            scenario_.pools[static_cast<std::size_t>(rank_class.pool.index())].cluster.node.chip;
        auto const imbalance =
            scenario_.plan.kinds[static_cast<std::size_t>(rank_class.replica_kind)].expert_imbalance;
        for (auto const& [compute, runs] : runs_of(rank_class)) {
            if (compute->operation != nullptr && compute->duration.time.value() > 0) {
                auto const times = runs * rank_class.members.count;
                add(chip, *compute, times);
                add_expert(chip, *compute, static_cast<double>(times) / chip_seconds_, imbalance);
            }
        }
    }
    [[nodiscard]] ExpertTime experts() const { return experts_; }
    [[nodiscard]] std::vector<CoverageLine> lines() const {
        std::vector<CoverageLine> out;
        for (auto const& [key, line] : lines_) {
            out.push_back(line);
        }
        std::ranges::stable_sort(out, std::ranges::greater{}, &CoverageLine::share);
        return out;
    }

  private:
    void add(hardware::Chip const& chip, Compute const& compute, std::int64_t times) {
        auto const kernels = timings_.evidence(chip, *compute.operation);
        Seconds whole{0};
        for (auto const& kernel : kernels) {
            whole += kernel.duration.time;
        }
        for (auto const& kernel : kernels) {
            Key const key{chip.id, kernel.kernel.op, kernel.kernel.dtype, compute.pass,
                          timing::shape_text(kernel.kernel)};
            auto& line = lines_[key];
            if (line.times == 0) {
                line.chip = chip.id;
                line.chip_timing_name = chip.timing_names.empty() ? chip.id : chip.timing_names.front();
                line.operation = fmt::format("{} {}", model::name_of(compute.kind), compute.role);
                line.pass = compute.pass;
                line.evidence = kernel;
            }
            line.times += times * compute.times;
            // what was priced may hold more than the kernel alone
            line.share += static_cast<double>(times) * compute.duration.time.value() *
                          (kernel.duration.time / whole) / chip_seconds_;
        }
    }
    /// The experts' own kernels, with the rows that they have and with the mean of the ranks.
    void add_expert(hardware::Chip const& chip, Compute const& compute, double weight, double imbalance) {
        if (!compute.operation->role.starts_with("expert")) {
            return;
        }
        auto mean = *compute.operation;
        mean.m = std::max<std::int64_t>(1, std::llround(static_cast<double>(mean.m) / imbalance));
        auto const ratio =
            timings_.duration(chip, mean).time / timings_.duration(chip, *compute.operation).time;
        experts_.most_loaded += weight * compute.duration.time.value();
        experts_.mean += weight * compute.duration.time.value() * ratio;
    }
    Scenario const& scenario_;
    timing::Timings const& timings_;
    double chip_seconds_;
    ExpertTime experts_;
    std::map<Key, CoverageLine> lines_;
};

bool is_exchange(std::string const& key) {
    return timing::find_collective(key.substr(0, key.find(' '))).has_value();
}

} // namespace

Coverage coverage_of(Scenario const& scenario, timing::Timings const& timings, Facts const& facts,
                     std::string const& calibration) {
    auto const run = run_scenario(
        scenario, timings, facts,
        {.timings = {}, .keep_events = true, .calibration_file = calibration, .beyond_memory = true});
    Coverage out{run.scenario, run.timeline.step, {}, {}, {}};
    Sum sum{scenario, timings, run.timeline.step.value() * static_cast<double>(run.program->chips)};
    for (auto const& rank_class : run.program->classes) {
        sum.add(rank_class);
    }
    out.kernels = sum.lines();
    out.experts = sum.experts();
    for (auto const& key : run.timeline.path_keys) {
        if (is_exchange(key.key) && key.time.value() > 0) {
            out.exchanges.push_back({key.key, key.evidence, key.time_weighted_sigma / key.time.value(),
                                     key.time / run.timeline.step});
        }
    }
    return out;
}

} // namespace moesaic::scenario
