#include "planner/plan_text.hpp"
#include "planner_fixture.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::planner;

namespace {

std::string const pools = R"(
[[pools]]
name = "new"
cluster = "h800_4096"
chips = 32
[[pools]]
name = "old"
cluster = "ascend_910b2_4096"
chips = 32
[[site_links]]
between = ["new", "old"]
bandwidth = "200 GB/s"
latency = "20 us"
[parallel]
)";

void check_read_back(std::string const& parallel) {
    auto const fixture = test::planning_of(test::mixtral_on(pools + parallel));
    auto const& s = fixture->scenario;
    TemporaryFile const file{"written.toml"};
    io::write_text_file(file.path, scenario_text(s, s.plan));
    INFO(io::read_text_file(file.path));
    auto const again = scenario::read_scenario(file.path, {}, MOESAIC_SOURCE_DIR);
    CHECK(test::without_origins(again.plan) == test::without_origins(s.plan));
}

} // namespace

TEST_CASE("a plan of stages with settings of their own is read back from TOML as it was", "[planner]") {
    check_read_back(R"(
schedule = "interleaved"
zero = "gradients"
shard_group = 4
overlap_exchange = true
collectives = { all_reduce = "tree" }
kept_inputs = "fp8"
context_exchange = "all_to_all"
gradient_copies = "6 B"
blocking_messages = ["1f1b"]
micro_batch = 1
expert = 2
expert_imbalance = 1.25
[[parallel.stages]]
pool = "new"
count = 1
tensor = 4
recompute = "full"
recompute_share = 0.3
activations = "fp16"
layers = [20]
[[parallel.stages]]
pool = "old"
count = 1
tensor = 4
precision = "fp16"
layers = [12]
)");
}

TEST_CASE("a plan with local SGD is read back from TOML as it was", "[planner]") {
    check_read_back(R"(
local_sgd = { every = 50, method = "edit", format = "bf16", time_based = true, offload = true }
[[parallel.replica_kinds]]
name = "H800"
pool = "new"
tensor = 4
[[parallel.replica_kinds]]
name = "910B2"
pool = "old"
tensor = 8
)");
}

TEST_CASE("a plan with kernels of its own on chips that its software knows is read back as it was",
          "[planner]") {
    // of mixtral_on()'s software, whose file says other things of H100 and H800
    check_read_back(R"(
[[parallel.on]]
chips = ["nvidia_h800_sxm5", "huawei_ascend_910b2"]
host_moe_layer = "77 ms"
product_call = "12 us"
products = { bf16 = 1.5 }
passes = { rmsnorm = 2.0 }
source = "made up"
[[parallel.attention]]
chips = ["nvidia_h800_sxm5"]
forward = 0.2
backward = 0.1
source = "made up"
[[parallel.replica_kinds]]
name = "H800"
pool = "new"
[[parallel.replica_kinds]]
name = "910B2"
pool = "old"
)");
}

TEST_CASE("a written plan follows the formats of [training], save where it has others", "[planner]") {
    auto const fixture = test::planning_of(test::mixtral_on(pools + R"(
[[parallel.stages]]
pool = "new"
count = 1
tensor = 4
[[parallel.stages]]
pool = "old"
count = 1
tensor = 4
precision = "fp16"
)"));
    auto const& s = fixture->scenario;
    TemporaryFile const file{"written.toml"};
    io::write_text_file(file.path, scenario_text(s, s.plan));
    auto const again =
        scenario::read_scenario(file.path, {{"training.precision", "fp8"}}, MOESAIC_SOURCE_DIR);
    auto const& groups = again.plan.kinds.at(0).stage_groups;
    CHECK(groups.at(0).precision.gemm == Dtype::fp8);
    CHECK(groups.at(1).precision.gemm == Dtype::fp16);
}
