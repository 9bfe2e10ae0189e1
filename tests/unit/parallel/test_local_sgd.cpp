#include "unit/parallel/job_fixture.hpp"
#include "unit/parallel/program_sums.hpp"

#include "model/parameters.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::collective_bytes;
using moesaic::test::job_of;

namespace {

/// Llama 2 7B on 16 chips, 32 sequences.
test::JobFixture two_workers(std::string const& local, std::string const& zero = "optimizer") {
    return job_of("llama2_7b", {{"h", "h100_16384", 16}}, 32,
                  "zero = \"" + zero + "\"\n[parallel.local_sgd]\nevery = 50\n" + local);
}

Program meeting_of(test::JobFixture& f) {
    f.plan.local_sgd->meets = true;
    return build_program(f.job());
}

double parameters_of(test::JobFixture const& f) {
    return static_cast<double>(model::total_parameters(f.model));
}

} // namespace

TEST_CASE("workers sum gradients and gather parameters among their own ranks only", "[parallel]") {
    auto const f = two_workers("workers = 2\n");
    auto const program = build_program(f.job());
    for (auto const& block : program.classes.front().blocks) {
        for (auto const& op : block.ops) {
            if (auto const* collective = std::get_if<Collective>(&op.work)) {
                INFO(collective->role);
                CHECK(collective->group.count <= 8); // of 16 ranks, 8 are a worker
            }
        }
    }
    CHECK(outer_bytes(program).value() == 0.0);
}

TEST_CASE("at a meeting each rank passes on what it owns, once round the workers", "[parallel]") {
    // 8 ranks of a worker own an eighth each; fp32; a ring over 2 passes 2 x 1/2 of it
    for (auto const* method : {"diloco", "edit"}) {
        for (auto const* zero : {"optimizer", "parameters"}) {
            auto f = two_workers("workers = 2\nmethod = \"" + std::string{method} + "\"\n", zero);
            INFO(method << " " << zero);
            CHECK(outer_bytes(meeting_of(f)).value() == Approx(4.0 * parameters_of(f) / 8).epsilon(1e-3));
        }
    }
    // 4 workers of 4 ranks: 2 x 3/4 of a quarter, in bf16
    auto four = two_workers("workers = 4\nformat = \"bf16\"\n");
    CHECK(outer_bytes(meeting_of(four)).value() == Approx(1.5 * 2.0 * parameters_of(four) / 4).epsilon(1e-3));
}

TEST_CASE("DiLoCo meets after the update, EDiT ahead of each layer of the first forward", "[parallel]") {
    auto const blocks_that_meet = [](std::string const& method) {
        auto f = two_workers("workers = 2\nmethod = \"" + method + "\"\n");
        std::vector<Phase> out;
        std::size_t sums = 0;
        auto const program = meeting_of(f);
        for (auto const& block : program.classes.front().blocks) {
            auto const before = sums;
            for (auto const& op : block.ops) {
                auto const* collective = std::get_if<Collective>(&op.work);
                sums += collective != nullptr && collective->role == outer_role &&
                        collective->bytes > Bytes{100.0};
            }
            if (sums > before) {
                out.push_back(block.phase);
            }
        }
        return std::pair{out, sums};
    };
    CHECK(blocks_that_meet("diloco") == std::pair{std::vector{Phase::step_end}, std::size_t{1}});
    CHECK(blocks_that_meet("edit") ==
          std::pair{std::vector{Phase::forward}, std::size_t{33}}); // 32 layers and the ends
}

TEST_CASE("replica kinds are workers: no gradients between them, parameters at a meeting", "[parallel]") {
    auto const plan = [](std::string const& local) {
        return job_of("llama2_7b", {{"a", "h100_16384", 16}, {"b", "h20_4096", 8}}, 48,
                      local + "[[parallel.replica_kinds]]\nname = \"a\"\npool = \"a\"\nmicro_batches = 2\n"
                              "[[parallel.replica_kinds]]\nname = \"b\"\npool = \"b\"\nmicro_batches = 2\n");
    };
    constexpr auto gradients = "gradients between replica kinds";
    auto const together = plan("");
    CHECK(collective_bytes(build_program(together.job()), gradients).value() > 0.0);
    auto apart = plan("[parallel.local_sgd]\nevery = 10\n");
    CHECK(collective_bytes(build_program(apart.job()), gradients).value() == 0.0);
    // the smaller kind's ranks hold an eighth each; 2 kinds: 2 x 1/2 of it, fp32
    CHECK(outer_bytes(meeting_of(apart)).value() == Approx(4.0 * parameters_of(apart) / 8).epsilon(1e-3));
}

TEST_CASE("a chip keeps the parameters of the last meeting and the outer momentum, or its host does",
          "[parallel]") {
    auto const optimizer = [](test::JobFixture const& f) {
        return memory_of_classes(f.job()).front().parts.optimizer.value();
    };
    auto const here = optimizer(two_workers("workers = 2\n"));
    auto const away = optimizer(two_workers("workers = 2\noffload = true\n"));
    CHECK(here / away == Approx((12.0 + 8.0) / 12.0)); // master weight and two moments in fp32
}

TEST_CASE("workers must be able to part", "[parallel]") {
    CHECK_THROWS_WITH(two_workers("workers = 3\n"),
                      Catch::Contains("16 replicas do not part into 3 workers"));
    CHECK_THROWS_WITH(two_workers(""), Catch::Contains("do not part into 1 workers"));
    CHECK_THROWS_WITH(two_workers("workers = 2\ntime_based = true\n"), Catch::Contains("unlike"));
    CHECK_THROWS_WITH(two_workers("workers = 2\nmethod = \"dilocco\"\n"), Catch::Contains("diloco"));
}
