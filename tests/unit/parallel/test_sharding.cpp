#include "parallel/layer_activations.hpp"
#include "unit/parallel/job_fixture.hpp"
#include "unit/parallel/program_sums.hpp"

#include "model/parameters.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <set>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::collective_bytes;
using moesaic::test::compute_times;
using moesaic::test::job_of;

namespace {

/// Llama 2 7B on 16 chips, 32 sequences of 4096: 2 micro-batches on each of 16 replicas.
test::JobFixture llama(std::string const& plan) {
    return job_of("llama2_7b", {{"h", "h100_16384", 16}}, 32, plan);
}

double layer_weights(test::JobFixture const& f) {
    return static_cast<double>(model::layer_parameters(f.model, 0).total());
}
double end_weights(test::JobFixture const& f) {
    return static_cast<double>(model::end_parameters(f.model).total());
}

} // namespace

TEST_CASE("fully sharded: layers gathered in both passes, the ends once per micro-batch", "[parallel]") {
    auto const f = llama("zero = \"parameters\"\n");
    // 16 ranks, 2 micro-batches, bf16
    double const once = 2.0 * (2 * 32 * layer_weights(f) + end_weights(f));
    CHECK(collective_bytes(build_program(f.job()), "parameters").value() == Approx(16 * 2 * once));
}

TEST_CASE("gradients shared out are summed after every micro-batch, others once", "[parallel]") {
    for (auto const& [zero, times] :
         {std::pair{"none", 1}, {"optimizer", 1}, {"gradients", 2}, {"parameters", 2}}) {
        auto const f = llama(fmt::format("zero = \"{}\"\n", zero));
        double const all = 4.0 * (32 * layer_weights(f) + end_weights(f)); // fp32
        INFO(zero);
        CHECK(collective_bytes(build_program(f.job()), "gradients").value() == Approx(16 * times * all));
    }
}

TEST_CASE("an all-reduce of gradients whose sums are shared out sends twice the bytes", "[parallel]") {
    auto const kinds = [](std::string const& plan) {
        std::set<timing::CollectiveKind> out;
        auto const program = build_program(llama(plan).job());
        for (auto const& block : program.classes.front().blocks) {
            for (auto const& op : block.ops) {
                auto const* c = std::get_if<Collective>(&op.work);
                if (c && c->role == "gradients") {
                    out.insert(c->kind);
                }
            }
        }
        return out;
    };
    using enum timing::CollectiveKind; // of as many bytes; an all-reduce sends each twice
    CHECK(kinds("zero = \"optimizer\"\n") == std::set{reduce_scatter});
    CHECK(kinds("zero = \"optimizer\"\ngradient_all_reduce = true\n") == std::set{all_reduce});
    CHECK(kinds("zero = \"gradients\"\ngradient_all_reduce = true\n") == std::set{reduce_scatter});
}

TEST_CASE("a shard group gathers within itself and sums its shares over the copies", "[parallel]") {
    auto const f = llama("zero = \"parameters\"\nshard_group = 8\ngradient = \"bf16\"\n");
    auto const program = build_program(f.job());
    double const all = 2.0 * (32 * layer_weights(f) + end_weights(f));
    CHECK(collective_bytes(program, "gradients").value() == Approx(16 * 2 * all));
    CHECK(collective_bytes(program, "gradients of shares").value() == Approx(16 * 2 * all / 8));
    auto const groups = shard_groups(f.plan, RankSet{ChipIndex{0}, 1, 16});
    CHECK(groups.shard == RankSet{ChipIndex{0}, 1, 8});
    CHECK(groups.copies == RankSet{ChipIndex{0}, 8, 2});
}

TEST_CASE("what is shared out is kept once per group", "[parallel]") {
    auto const parts = [](std::string const& plan) {
        return memory_of_classes(llama(plan).job()).front().parts;
    };
    auto const whole = parts("zero = \"none\"\n"), optimizer = parts("zero = \"optimizer\"\n");
    auto const gradients = parts("zero = \"gradients\"\n"), parameters = parts("zero = \"parameters\"\n");
    auto const hybrid = parts("zero = \"parameters\"\nshard_group = 8\n");
    CHECK(optimizer.optimizer.value() == Approx(whole.optimizer.value() / 16));
    CHECK(optimizer.gradients.value() == Approx(whole.gradients.value()));
    CHECK(gradients.gradients.value() == Approx(whole.gradients.value() / 16));
    CHECK(gradients.weights.value() == Approx(whole.weights.value()));
    CHECK(parameters.weights.value() == Approx(whole.weights.value() / 16));
    CHECK(hybrid.weights.value() == Approx(whole.weights.value() / 8));
}

TEST_CASE(
    "shares in fp32 are weight and master in one, 16 bytes a parameter with the gradient and two moments",
    "[parallel]") {
    auto const parts = [](std::string const& plan) {
        return memory_of_classes(llama(plan).job()).front().parts;
    };
    std::string const shared = "zero = \"parameters\"\n", once = "fp32_shares = true\n";
    auto const both = parts(shared), alone = parts(shared + once);
    auto const bf16 = parts(shared + once + "gradient = \"bf16\"\n");
    double const parameters = both.weights.value() / 2.0;
    CHECK(alone.weights.value() == Approx(4.0 * parameters));
    CHECK(alone.optimizer.value() == Approx(8.0 * parameters));
    CHECK(both.total().value() - alone.total().value() == Approx(2.0 * parameters)); // 18 bytes and 16
    CHECK(bf16.gradients.value() == Approx(4.0 * parameters)); // sent in 16 bit, kept as the share is
    CHECK(parts(once).total() == parts("").total());           // nothing is shared out
}

TEST_CASE("a shard group must divide the ranks that hold the same weights", "[parallel]") {
    CHECK_THROWS_WITH(llama("zero = \"optimizer\"\nshard_group = 12\n"),
                      Catch::Contains("shard_group 12 does not divide the 16 ranks"));
    CHECK_THROWS_WITH(llama("zero = \"none\"\nshard_group = 8\n"), Catch::Contains("has no use"));
}

TEST_CASE("a layer's parameters set off one layer ahead", "[parallel]") {
    auto const f = llama("zero = \"parameters\"\n");
    auto const program = build_program(f.job());
    auto const& forward = test::block_named(program.classes.at(0), "forward");
    std::vector<int> gathers;
    for (std::size_t i = 0; i < forward.ops.size(); ++i) {
        auto const* c = std::get_if<Collective>(&forward.ops[i].work);
        if (c && c->role == "parameters") {
            gathers.push_back(static_cast<int>(i));
        }
    }
    REQUIRE(gathers.size() == 33); // the ends and 32 layers
    CHECK(forward.ops[static_cast<std::size_t>(gathers[0])].early);
    CHECK(forward.ops[static_cast<std::size_t>(gathers[1])].early);
    // layer 2's waits for the last kernel of layer 0, on which layer 1's first kernel waits too
    auto const& second = forward.ops[static_cast<std::size_t>(gathers[3])];
    auto const& first_kernel = forward.ops[static_cast<std::size_t>(gathers[3]) + 1];
    REQUIRE(second.after.size() == 1);
    CHECK(first_kernel.after.at(0) == second.after[0]);
    CHECK(first_kernel.after.at(1) == gathers[2]); // and for its own parameters
}

TEST_CASE("frozen weights have no weight gradients; adapters alone are summed and updated", "[parallel]") {
    auto const whole = llama("zero = \"none\"\n"), adapters = llama("zero = \"none\"\nadapters = 16\n");
    auto const program = build_program(adapters.job());
    // 32 layers, two products of hidden x 16 and back, fp32, 16 ranks
    CHECK(collective_bytes(program, "gradients").value() == Approx(16 * 32 * 4.0 * 16 * 4096 * 4));
    auto const full = build_program(whole.job());
    CHECK(compute_times(full, model::Pass::weight_gradient, "ffn_up") == 32 * 2);
    CHECK(compute_times(program, model::Pass::weight_gradient, "ffn_up") == 0);
    CHECK(compute_times(program, model::Pass::input_gradient, "ffn_up") == 32 * 2);
    // a rank keeps 12 bytes for each of the adapters' parameters
    CHECK(memory_of_classes(adapters.job()).front().parts.optimizer.value() ==
          Approx(32 * 4.0 * 16 * 4096 * 12));
}

TEST_CASE("a schedule that parts the backward does no more work beside adapters", "[parallel]") {
    for (std::string const model : {"llama2_7b", "qwen3_30b_a3b"}) {
        auto const program = [&](std::string const& schedule) {
            auto const f = job_of(model, {{"h", "h100_16384", 16}}, 32,
                                  "pipeline = 4\nadapters = 16\nschedule = \"" + schedule + "\"\n");
            return build_program(f.job());
        };
        auto const plain = program("1f1b"), parted = program("zb-h1");
        INFO(model);
        CHECK(parted.hardware_flop / plain.hardware_flop == Approx(1.0));
        CHECK(compute_times(parted, model::Pass::weight_gradient, "qkv") == 0);
        CHECK(compute_times(parted, model::Pass::weight_gradient, "adapter") ==
              compute_times(plain, model::Pass::weight_gradient, "adapter"));
    }
}

TEST_CASE("the model's work beside adapters is what the kernels do, gradients of frozen weights left out",
          "[parallel]") {
    for (std::string const plan : {"", "pipeline = 4\nschedule = \"zb-h1\"\n"}) {
        auto const program = build_program(llama(plan + "adapters = 16\n").job());
        // attention's kernels do 2.5 times the forward in their backward, the formula counts 2
        CHECK(program.hardware_flop / program.model_flop > 1.0);
        CHECK(program.hardware_flop / program.model_flop < 1.03);
    }
}

TEST_CASE("until the adapters' gradients are done nothing of the frozen products waits", "[parallel]") {
    auto const f = llama("adapters = 16\n");
    auto const setting = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(0), 4096);
    // of four products, hidden to 16 and back, their inputs and output gradients in bf16
    CHECK(waiting_bytes(setting, 0).value() == Approx(4096 * 4 * 2.0 * (4096 + 16)));
}

TEST_CASE("replica kinds sum the gradients of what they train", "[parallel]") {
    auto const bytes = [](std::string const& model, std::string const& plan) {
        auto const f = job_of(model, {{"a", "h800_4096", 64}, {"b", "h800_4096", 64}}, 256,
                              plan + "[[parallel.replica_kinds]]\nname = \"a\"\npool = \"a\"\n"
                                     "[[parallel.replica_kinds]]\nname = \"b\"\npool = \"b\"\n");
        return collective_bytes(build_program(f.job()), "gradients between replica kinds").value();
    };
    // two kinds, each sends what it has in fp32
    auto const llama2 = llama("").model;
    auto const all = static_cast<double>(model::total_parameters(llama2));
    CHECK(bytes("llama2_7b", "") == Approx(2 * 4.0 * all));
    CHECK(bytes("llama2_7b", "pipeline = 2\n") == Approx(2 * 4.0 * all));
    CHECK(bytes("llama2_7b", "adapters = 16\n") == Approx(2 * 4.0 * 32 * 4 * 16 * 4096));
    auto const v3 = job_of("deepseek_v3", {{"h", "h100_16384", 64}}, 64, "expert = 64\n").model;
    auto const module = model::mtp_parameters(v3);
    auto const with_mtp = static_cast<double>(model::total_parameters(v3) + module.layer.total() +
                                              module.projection + module.norms);
    CHECK(bytes("deepseek_v3", "expert = 64\n") == Approx(2 * 4.0 * with_mtp));
}
