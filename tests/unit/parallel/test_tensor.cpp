#include "parallel/layer_activations.hpp"
#include "unit/parallel/job_fixture.hpp"
#include "unit/parallel/program_sums.hpp"

#include "parallel/stage_setting.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::job_of;

namespace {

/// GPT-3 (96 layers of 12288), 8 sequences of 4096 over 8 tensor ranks.
test::JobFixture gpt(std::string const& plan) {
    return job_of("gpt3_175b", {{"h", "h100_16384", 8}}, 8, "tensor = 8\n" + plan);
}

constexpr double rows = 4096.0 * 12288 * 2; ///< of a micro-batch, in bytes

/// Bytes of a kind among the tensor ranks that one rank's collectives say per layer, forward and backward.
double per_layer(test::JobFixture const& f, timing::CollectiveKind kind) {
    auto const program = build_program(f.job());
    double sum = 0;
    for (auto const& item : program.classes.at(0).schedule) {
        for (auto const& op : program.classes[0].blocks.at(static_cast<std::size_t>(item.block)).ops) {
            auto const* c = std::get_if<Collective>(&op.work);
            bool const ends = c && (c->role == "head" || c->role == "head gradient");
            sum += c && op.stream == Stream::tensor && c->kind == kind && !ends ? c->bytes.value() : 0.0;
        }
    }
    return sum / 8 / 96;
}

} // namespace

TEST_CASE("sequence parallelism gathers and scatters where tensor ranks all-reduce without it",
          "[parallel]") {
    using enum timing::CollectiveKind;
    // around attention and FFN, forward and backward: four of each
    auto const with = gpt(""), without = gpt("sequence_parallel = false\n");
    CHECK(per_layer(with, all_gather) == Approx(4 * rows));
    CHECK(per_layer(with, reduce_scatter) == Approx(4 * rows));
    CHECK(per_layer(with, all_reduce) == 0.0);
    CHECK(per_layer(without, all_reduce) == Approx(4 * rows));
    CHECK(per_layer(without, all_gather) == 0.0);
}

TEST_CASE("experts on tensor ranks are refused without sequence parallelism", "[parallel]") {
    auto const f = job_of("ling_lite", {{"h", "h800_4096", 8}}, 64,
                          "tensor = 2\nexpert = 8\nsequence_parallel = false\n");
    CHECK_THROWS_WITH(build_program(f.job()), Catch::Contains("tensor = 2 without sequence_parallel") &&
                                                  Catch::Contains("plan.toml:2"));
    CHECK_THROWS_AS(memory_of_classes(f.job()), InputError);
}

TEST_CASE("without sequence parallelism every tensor rank keeps the rows between the blocks", "[parallel]") {
    // Korthikanti et al. 2022, equations 2 and 3: s b h (10 + 24/t) against s b h 34/t, maps left out;
    // their 34 counts dropout masks (3), which this model has for the two residuals only
    auto const kept = [](std::string const& plan) {
        auto const f = gpt(plan);
        auto const places = place_stages(f.plan, f.topology);
        return activation_bytes(stage_setting(f.model, f.plan, places.at(0), 4096), 0, Recompute::none)
                   .value() /
               (4096.0 * 12288);
    };
    double const statistics = 96.0 * 2 * 2 / 8 / 12288;
    CHECK(kept("") == Approx(34.0 / 8 + statistics).epsilon(0.02));
    CHECK(kept("sequence_parallel = false\n") == Approx(10 + 24.0 / 8 + statistics).epsilon(0.02));
}

TEST_CASE("unfused attention keeps its maps: 5 a s / h more per row and column", "[parallel]") {
    auto const kept = [](std::string const& plan, Recompute recompute) {
        auto const f = gpt(plan);
        auto const places = place_stages(f.plan, f.topology);
        return activation_bytes(stage_setting(f.model, f.plan, places.at(0), 4096), 0, recompute).value() /
               (4096.0 * 12288);
    };
    // 2 bytes of softmax, and with dropout a mask and what it leaves
    double const cells = 96.0 * 4096 / 12288 / 8;
    auto const model = gpt("").model;
    CHECK(kept("fused_attention = false\n", Recompute::none) - kept("", Recompute::none) ==
          Approx((model.dropout ? 5 : 2) * cells));
    CHECK(kept("fused_attention = false\n", Recompute::selective) == Approx(kept("", Recompute::selective)));
}

TEST_CASE("unfused attention is three kernels over the full square, run again when selected", "[parallel]") {
    auto const f = gpt("fused_attention = false\nrecompute = \"selective\"\n");
    auto const program = build_program(f.job());
    CHECK(test::compute_times(program, model::Pass::forward, "scores") > 0);
    CHECK(test::compute_times(program, model::Pass::forward, "recompute scores") ==
          test::compute_times(program, model::Pass::forward, "scores"));
    CHECK(test::compute_times(program, model::Pass::forward, "recompute ffn_up") == 0);
    CHECK(test::compute_times(program, model::Pass::forward, "attention") == 0);
}

TEST_CASE("overlap moves bytes beside products and adds none", "[parallel]") {
    for (std::string const plan : {"", "sequence_parallel = false\n"}) {
        for (auto const kind : {timing::CollectiveKind::all_gather, timing::CollectiveKind::reduce_scatter,
                                timing::CollectiveKind::all_reduce}) {
            auto const none = per_layer(gpt(plan + "tensor_overlap = \"none\"\n"), kind);
            CHECK(per_layer(gpt(plan + "tensor_overlap = \"weight_gradients\"\n"), kind) == Approx(none));
            CHECK(per_layer(gpt(plan + "tensor_overlap = \"products\"\n"), kind) == Approx(none));
        }
    }
}

TEST_CASE("a reduction beside a weight gradient waits for the inputs' gradients only", "[parallel]") {
    auto const f = gpt("");
    auto const program = build_program(f.job());
    auto const& block = test::block_named(program.classes.at(0), "backward");
    auto const reduction = std::ranges::find_if(block.ops, [](BlockOp const& op) {
        auto const* c = std::get_if<Collective>(&op.work);
        return c && c->role == "ffn gradient" && c->kind == timing::CollectiveKind::reduce_scatter;
    });
    REQUIRE(reduction != block.ops.end());
    auto const& beside = *std::next(reduction);
    REQUIRE(std::holds_alternative<Compute>(beside.work));
    CHECK(std::get<Compute>(beside.work).pass == model::Pass::weight_gradient);
    CHECK(std::get<Compute>(beside.work).role == "ffn_up");
    CHECK(beside.after == reduction->after);
}
