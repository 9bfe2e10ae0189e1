#include "parallel/read_plan.hpp"

#include "io/toml.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;

namespace {

PlanContext const one_pool{.pool_names = {"d"}, .pool_chips = {1024}, .global_batch = 8960, .precision = {}};
PlanContext const two_pools{
    .pool_names = {"new", "old"}, .pool_chips = {64, 128}, .global_batch = 960, .precision = {}};

Plan plan_of(std::string const& text, PlanContext const& context = one_pool) {
    return read_plan(io::parse_toml("[parallel]\n" + text, "plan.toml").table("parallel"), context);
}

std::string error_of(std::string const& text, PlanContext const& context = one_pool) {
    try {
        (void)plan_of(text, context);
    } catch (InputError const& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("replicas and micro-batches follow from chips and batch", "[parallel]") {
    auto const plan = plan_of("pipeline = 8\nexpert = 8\n");
    REQUIRE(plan.kinds.size() == 1);
    CHECK(plan.kinds[0].replicas == 128);                 // 1024 / (1 x 8)
    CHECK(plan.kinds[0].micro_batches.value_or(0) == 70); // 8960 / 128
    CHECK(chips_of(plan.kinds[0]) == 1024);
}

TEST_CASE("degrees that do not divide are errors with their reason", "[parallel]") {
    CHECK(error_of("pipeline = 7\n") ==
          "plan.toml:1:1: parallel: pool \"d\" has 1024 chips, which do not divide into replicas of "
          "7 chips (tensor x context x stages). Change the degrees, the pool's chips, or give `replicas`");
    CHECK(error_of("pipeline = 2\n")
              .starts_with("plan.toml:1:1: parallel: a global batch of 8960 sequences does not divide into "
                           "512 replicas"));
    CHECK(error_of("pipeline = 8\nexpert = 12\n")
              .find("expert degree 12 x expert_tensor 1 does not divide the 128 ranks") != std::string::npos);
    CHECK(error_of("tensor = 0\n") ==
          "plan.toml:2:10: parallel.tensor: 0 is not allowed (must be 1 or more)");
}

TEST_CASE("names that are not known list what was meant", "[parallel]") {
    CHECK(error_of("pipeline = 8\nschedule = \"1f1\"\n") ==
          "plan.toml:3:12: parallel.schedule: \"1f1\" is not known. Did you mean 1f1b?");
    CHECK(error_of("pipeline = 8\nrecompute = \"ful\"\n").ends_with("Did you mean full?"));
    CHECK(error_of("pipeline = 8\npipelin = 8\n")
              .ends_with("parallel.pipelin: is not a known key. Did you mean pipeline?"));
    CHECK(error_of("pipeline = 8\npool = \"e\"\n").find("there is no pool \"e\"") != std::string::npos);
}

TEST_CASE("the interleaved schedule wants a multiple of the stages", "[parallel]") {
    CHECK(error_of("pipeline = 8\nschedule = \"interleaved\"\n")
              .find("micro-batches (70) that are a multiple of the stages (8)") != std::string::npos);
    CHECK(error_of("pipeline = 8\nchunks = 2\n").find("only the interleaved schedule has chunks") !=
          std::string::npos);
    auto const plan =
        plan_of("pipeline = 8\ntensor = 2\nschedule = \"interleaved\"\nchunks = 4\nreplicas = 40\n");
    CHECK(std::get<Interleaved>(plan.schedule).chunks == 4); // 8960 / 40 = 224 = 28 x 8 micro-batches
}

TEST_CASE("stages on different pools have their own degrees", "[parallel]") {
    auto const plan = plan_of(R"(
expert = 4
[[parallel.stages]]
pool = "new"
count = 2
tensor = 2
layers = [20, 20]
precision = "fp8"
[[parallel.stages]]
pool = "old"
count = 4
tensor = 2
recompute = "full"
layers = [12, 12, 12, 12]
)",
                              two_pools);
    auto const& kind = plan.kinds.at(0);
    CHECK(kind.replicas == 16); // 64 / (2 x 2) and 128 / (4 x 2)
    CHECK(stages_of(kind) == 6);
    CHECK(kind.stage_groups.at(0).precision.gemm == Dtype::fp8);
    CHECK(kind.stage_groups.at(1).recompute == Recompute::full);
    CHECK(kind.stage_groups.at(1).precision.gemm == Dtype::bf16);
}

TEST_CASE("replica kinds must take the whole batch together", "[parallel]") {
    std::string const kinds = R"(
[[parallel.replica_kinds]]
name = "new"
pool = "new"
pipeline = 4
micro_batches = 20
[[parallel.replica_kinds]]
name = "old"
pool = "old"
pipeline = 8
micro_batches = )";
    CHECK(plan_of(kinds + "40\n", two_pools).kinds.size() == 2); // 16 x 20 + 16 x 40 = 960
    CHECK(error_of(kinds + "41\n", two_pools)
              .find("take 976 sequences per step, but the global batch has 960") != std::string::npos);
}

TEST_CASE("a pool cannot be used twice over", "[parallel]") {
    CHECK(error_of(R"(
[[parallel.replica_kinds]]
name = "a"
pool = "new"
pipeline = 4
replicas = 16
[[parallel.replica_kinds]]
name = "b"
pool = "new"
pipeline = 4
replicas = 1
)",
                   two_pools)
              .find("the plan needs 68 chips of pool \"new\", which has 64") != std::string::npos);
}
