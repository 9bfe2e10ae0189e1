#pragma once
#include "hardware/catalogue.hpp"
#include "io/toml.hpp"
#include "no_tables.hpp"
#include "parallel/build_program.hpp"
#include "parallel/read_plan.hpp"

#include <string>
#include <vector>

namespace moesaic::test {

/// A job on the shipped catalogue with all that it refers to. Timings are analytic and chips alike: neither tables nor the
/// slowest chip are of any concern here.
struct JobFixture {
    model::Model model;
    parallel::Plan plan;
    parallel::TrainingShape shape;
    hardware::Topology topology;
    timing::Timings timings = test::no_tables();

    [[nodiscard]] parallel::Job job() const { return {model, plan, shape, topology, timings}; }
};

struct FixturePool {
    std::string name;
    std::string cluster;
    int chips;
};

inline JobFixture job_of(std::string const& model, std::vector<FixturePool> const& pools, int global_batch,
                         std::string const& parallel, model::Precision const& precision = {}) {
    std::string const data = MOESAIC_SOURCE_DIR;
    hardware::Catalogue const catalogue{data + "/platforms"};
    std::vector<hardware::TopologyPool> topology_pools;
    std::vector<hardware::SiteLink> links;
    parallel::PlanContext context{
        .pool_names = {}, .pool_chips = {}, .global_batch = global_batch, .precision = precision};
    context.defaults.chips_alike = true;
    for (auto const& pool : pools) {
        topology_pools.push_back({catalogue.cluster(pool.cluster, {}), pool.chips});
        for (int other = 0; other + 1 < static_cast<int>(topology_pools.size()); ++other) {
            links.push_back(
                {other, static_cast<int>(topology_pools.size()) - 1, BytesPerSecond{400e9}, Seconds{1e-5}});
        }
        context.pool_names.push_back(pool.name);
        context.pool_chips.push_back(pool.chips);
    }
    auto const table = io::parse_toml("[parallel]\n" + parallel, "plan.toml").table("parallel");
    return {model::ModelCatalogue{data + "/scenarios/models"}.model(model, {}),
            parallel::read_plan(table, context),
            {4096, global_batch},
            hardware::Topology{topology_pools, links},
            test::no_tables()};
}

} // namespace moesaic::test
