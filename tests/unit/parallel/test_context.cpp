#include "unit/parallel/job_fixture.hpp"
#include "unit/parallel/program_sums.hpp"

#include "parallel/context_attention.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::collective_bytes;
using moesaic::test::compute_times;
using moesaic::test::job_of;

namespace {

/// Llama 3 8B (32 layers, 8 key-value heads of 128), 8 sequences of 4096 over 8 chips.
test::JobFixture llama(std::string const& plan) {
    return job_of("llama3_8b", {{"h", "h100_16384", 8}}, 8, plan);
}

/// Keys and values of one part: 4096/4 rows x 8 heads x (128 + 128) x 2 bytes.
constexpr double part = 4096.0 / 4 * 8 * 256 * 2;

} // namespace

TEST_CASE("context ranks lie next to tensor ranks, replicas beyond them", "[parallel]") {
    auto const f = llama("tensor = 2\ncontext = 2\n");
    auto const place = place_stages(f.plan, f.topology).at(0);
    auto const groups = groups_of(f.plan.kinds.at(0), place);
    CHECK(f.plan.kinds.at(0).replicas == 2);
    CHECK(groups.tensor == RankSet{ChipIndex{0}, 1, 2});
    CHECK(groups.context == RankSet{ChipIndex{0}, 2, 2});
    CHECK(groups.data == RankSet{ChipIndex{0}, 2, 4}); // gradients are summed over context ranks too
}

TEST_CASE("keys and values go round the context ranks, their gradients one hop further", "[parallel]") {
    auto const f = llama("context = 4\n");
    auto const program = build_program(f.job());
    // 8 ranks, 32 layers, 4 micro-batches on each of 2 replicas; 3 hops of 4, in both passes
    double const hops = 8.0 * 32 * 4 * 3;
    CHECK(collective_bytes(program, "keys and values").value() == Approx(2 * hops * part));
    CHECK(collective_bytes(program, "key and value gradients").value() == Approx(hops / 3 * 4 * part));
    CHECK(compute_times(program, model::Pass::forward, "attention") == 32 * 4 * 4); // a step per part
}

TEST_CASE("gathered keys and values are gathered again backward and their gradients scattered",
          "[parallel]") {
    auto const f = llama("context = 4\ncontext_exchange = \"all_gather\"\n");
    auto const program = build_program(f.job());
    CHECK(collective_bytes(program, "keys and values").value() == Approx(8.0 * 32 * 4 * 2 * 4 * part));
    CHECK(collective_bytes(program, "key and value gradients").value() == Approx(8.0 * 32 * 4 * 4 * part));
}

TEST_CASE("context ranks share the work, the rows of messages and what is kept", "[parallel]") {
    auto const alone = llama("pipeline = 2\n"), shared = llama("pipeline = 2\ncontext = 4\n");
    auto const one = build_program(alone.job()), four = build_program(shared.job());
    CHECK(four.hardware_flop.value() == Approx(one.hardware_flop.value()));
    CHECK(four.messages.front().bytes.value() == Approx(one.messages.front().bytes.value() / 4));
    auto const kept = [](test::JobFixture const& f) {
        return memory_of_classes(f.job()).at(1).parts.activations;
    };
    CHECK(kept(shared).value() ==
          Approx(kept(alone).value() / 4)); // the last stage: one micro-batch in flight
}

TEST_CASE("with a window too the steps of a ring together do the work of one rank", "[parallel]") {
    auto const flop = [](std::string const& plan) {
        auto const f = job_of("gpt_oss_20b", {{"h", "h100_16384", 8}}, 8, plan);
        return build_program(f.job()).hardware_flop.value();
    };
    CHECK(flop("context = 4\n") == Approx(flop("")));
}

TEST_CASE("the ring needs fused attention", "[parallel]") {
    CHECK_THROWS_WITH(llama("context = 2\nfused_attention = false\n"), Catch::Contains("fused attention"));
}
