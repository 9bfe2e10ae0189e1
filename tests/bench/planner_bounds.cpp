#include "planner/closed_form.hpp"
#include "planner/degrees.hpp"
#include "planner/space.hpp"
#include "scenario/run_scenario.hpp"

#include <ctime>
#include <fmt/format.h>

/// Plans bounded per second of CPU time on one core: the whole first level for DeepSeek-V3 on 2,048 chips (times of layers
/// included), and the columns alone.
using namespace moesaic;

namespace {

double seconds_now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void time_columns() {
    planner::WholeModel const whole{.turn = 1.0,
                                    .layer_turn = 0.01,
                                    .layers = 61,
                                    .way = 1.0,
                                    .like_layers = 58,
                                    .held = 1e9,
                                    .shared_dense = 1e9,
                                    .shared_expert = 1e9,
                                    .kept = 1e8,
                                    .flight = 1.0,
                                    .room = 70e9};
    planner::PlanRows rows;
    constexpr int plans = 4000, repetitions = 200;
    for (int i = 0; i < plans; ++i) {
        rows.stages.push_back(1 + i % 61);
        rows.micro_batches.push_back(1 + i % 977);
        rows.dense_sharers.push_back(1 + i % 64);
        rows.expert_sharers.push_back(1 + i % 8);
    }
    auto const start = seconds_now();
    double sum = 0.0;
    for (int i = 0; i < repetitions; ++i) {
        sum += planner::lower_bounds(whole, rows)[static_cast<std::size_t>(i)];
    }
    fmt::print("columns alone                 {:>12.0f} plans/s   ({} bounded, check {:.3g})\n",
               plans * repetitions / (seconds_now() - start), plans * repetitions, sum);
}

} // namespace

int main() {
    std::string const data = MOESAIC_SOURCE_DIR;
    auto const scenario = scenario::read_scenario(data + "/scenarios/papers/deepseek_v3/h800_2048.toml", {},
                                                  data, scenario::PlanNeed::optional);
    auto const timings = scenario::load_timings(scenario, data, {});
    auto const topology = scenario::topology_of(scenario);
    parallel::Pricers pricers{timings};
    planner::Problem const problem{scenario, topology, timings, pricers, planner::imbalance_of(scenario)};
    auto const start = seconds_now();
    auto const degrees = planner::degrees_of(scenario);
    planner::LayerTimes times{problem, degrees.recompute};
    planner::Collector to{{planner::Objective{}}, {}, 20'000};
    planner::explore_single_pools({problem, degrees, times, to});
    auto const seconds = seconds_now() - start;
    fmt::print("DeepSeek-V3 on 2,048 chips    {:>12.0f} plans/s   ({} considered in {:.2f} s)\n",
               static_cast<double>(to.counts().considered) / seconds, to.counts().considered, seconds);
    time_columns();
    return 0;
}
