#include "unit/parallel/job_fixture.hpp"
#include "unit/parallel/program_sums.hpp"

#include "model/parameters.hpp"
#include "parallel/expert_split.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <numeric>
#include <set>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::collective_bytes;
using moesaic::test::compute_times;
using moesaic::test::job_of;

namespace {

/// 8 + 8 H800: attention of Ling-Lite on one half, its experts on the other.
std::string apart(std::string const& more = "", std::string const& experts = "ranks = 8\n") {
    return more + "[parallel.experts]\npool = \"e\"\n" + experts;
}

test::JobFixture fixture(std::string const& parallel, std::string const& model = "ling_lite",
                         model::Precision const& precision = {}) {
    return job_of(model, {{"a", "h800_4096", 8}, {"e", "h800_4096", 8}}, 64, "pool = \"a\"\n" + parallel,
                  precision);
}

/// Bytes of all token messages, by sender and receiver.
std::map<std::pair<std::int64_t, std::int64_t>, double> tokens_sent(Program const& program) {
    std::map<std::pair<std::int64_t, std::int64_t>, double> out;
    for (auto const& m : program.messages) {
        if (m.stream == Stream::expert) {
            auto const& from = program.classes.at(static_cast<std::size_t>(m.from.index())).members;
            out[{m.from.index(), m.to.index()}] += m.bytes.value() * static_cast<double>(from.count);
        }
    }
    return out;
}

/// Seconds of each role's kernels of experts, all classes: of one rank, over the step.
std::map<std::string, double> expert_seconds(Program const& program) {
    std::map<std::string, double> out;
    for (auto const& rank_class : program.classes) {
        for (auto const& item : rank_class.schedule) {
            for (auto const& op : rank_class.blocks.at(static_cast<std::size_t>(item.block)).ops) {
                auto const* c = std::get_if<Compute>(&op.work);
                if (c &&
                    (c->role == "expert_up" || c->role == "expert_down" || c->role == "expert_activation")) {
                    out[c->role] += c->duration.time.value();
                }
            }
        }
    }
    return out;
}

std::set<std::string> roles_of(RankClass const& rank_class) {
    std::set<std::string> out;
    for (auto const& block : rank_class.blocks) {
        for (auto const& op : block.ops) {
            if (auto const* c = std::get_if<Compute>(&op.work)) {
                out.insert(c->role);
            }
        }
    }
    return out;
}

} // namespace

TEST_CASE("experts apart: attention ranks and expert ranks are a class each with kernels of their own",
          "[parallel][apart]") {
    auto const program = build_program(fixture(apart()).job());
    REQUIRE(program.classes.size() == 2);
    CHECK(program.chips == 16);
    auto const attention = roles_of(program.classes[0]), experts = roles_of(program.classes[1]);
    CHECK(attention.contains("qkv"));
    CHECK(attention.contains("router"));
    CHECK(attention.contains("shared_up"));
    CHECK(attention.contains("head"));
    CHECK_FALSE(attention.contains("expert_up"));
    CHECK(experts.contains("expert_up"));
    CHECK(experts.contains("optimizer"));
    CHECK_FALSE(experts.contains("qkv"));
    CHECK_FALSE(experts.contains("head"));
}

TEST_CASE("experts apart do the same work as experts beside attention, over any split and recomputation",
          "[parallel][apart][property]") {
    for (std::string const recompute :
         {"none", "pointwise", "selective", "operators", "full", "mlp+moe_act+shared_experts"}) {
        auto const again = "recompute = \"" + recompute + "\"\n";
        // as many tokens in a step; work of the attention's and of the experts' matrix products
        auto const usual =
            build_program(job_of("ling_lite", {{"a", "h800_4096", 8}}, 64, again + "expert = 8\n").job());
        for (std::string const experts :
             {"ranks = 8\n", "ranks = 4\n", "ranks = 8\nexchange_groups = 2\n",
              "ranks = 8\nbatches_in_turn = 4\n", "ranks = 4\non_attention_ranks = 2\n"}) {
            auto const program = build_program(fixture(apart(again, experts)).job());
            INFO(recompute << " " << experts);
            CHECK(program.hardware_flop / usual.hardware_flop == Approx(1.0).epsilon(1e-12));
            CHECK(program.tokens.value() == usual.tokens.value());
        }
        auto const staged =
            build_program(fixture(apart(again + "pipeline = 2\nreplicas = 4\n", "ranks = 4\n")).job());
        CHECK(staged.hardware_flop / usual.hardware_flop == Approx(1.0).epsilon(1e-12));
    }
}

TEST_CASE("experts apart: with MTP modules the work is the usual one too", "[parallel][apart]") {
    auto const usual = job_of("deepseek_v3", {{"a", "h800_4096", 256}}, 512, "expert = 64\n");
    auto const apart_ = job_of("deepseek_v3", {{"a", "h800_4096", 256}, {"e", "h800_4096", 64}}, 512,
                               "pool = \"a\"\n[parallel.experts]\npool = \"e\"\nranks = 64\n");
    REQUIRE(usual.model.mtp_depth == 1);
    CHECK(build_program(apart_.job()).hardware_flop / build_program(usual.job()).hardware_flop ==
          Approx(1.0).epsilon(1e-12));
}

TEST_CASE("experts apart on the same chip take the time of the usual kernels at the same rows",
          "[parallel][apart]") {
    auto const usual = build_program(job_of("ling_lite", {{"a", "h800_4096", 8}}, 64, "expert = 8\n").job());
    // 8 attention ranks send to 8 expert ranks: each has the rows of an expert rank of the usual plan
    auto const program = build_program(fixture(apart()).job());
    auto const expected = expert_seconds(usual), got = expert_seconds(program);
    REQUIRE(expected.size() == 3);
    for (auto const& [role, seconds] : expected) {
        INFO(role);
        CHECK(got.at(role) == Approx(seconds).epsilon(1e-12));
    }
}

TEST_CASE("experts apart: tokens cross between the classes four times a layer, every copy once",
          "[parallel][apart]") {
    for (std::string const experts : {"ranks = 8\n", "ranks = 4\n", "ranks = 8\nexchange_groups = 4\n"}) {
        INFO(experts);
        auto const sent = tokens_sent(build_program(fixture(apart("", experts)).job()));
        // sequences x tokens x layers x top-k x hidden x 2 bytes, forwards and backwards, each way
        double const once = 64.0 * 4096 * 28 * 6 * 2048 * 2;
        REQUIRE(sent.size() == 2);
        CHECK(sent.at({0, 1}) == Approx(2 * once));
        CHECK(sent.at({1, 0}) == Approx(2 * once));
    }
}

TEST_CASE("experts that attention ranks hold too get their part of the tokens", "[parallel][apart]") {
    auto const sent =
        tokens_sent(build_program(fixture(apart("", "ranks = 8\non_attention_ranks = 2\n")).job()));
    double const twice = 2 * 64.0 * 4096 * 28 * 6 * 2048 * 2;
    // 8 x 2 of 64 experts on the attention ranks, 6 on each expert rank
    CHECK(sent.at({0, 1}) == Approx(twice * 48 / 64));
    CHECK(sent.at({0, 0}) == Approx(2 * twice * 16 / 64)); // there and back
}

TEST_CASE("experts apart: dispatch in a narrow format halves what goes out forwards", "[parallel][apart]") {
    auto const wide = tokens_sent(build_program(fixture(apart()).job()));
    auto const narrow = tokens_sent(build_program(fixture(apart("dispatch_precision = \"fp8\"\n")).job()));
    CHECK(narrow.at({0, 1}) == Approx(wide.at({0, 1}) * 0.75));
    CHECK(narrow.at({1, 0}) == Approx(wide.at({1, 0})));
    // but for 7 of 28 layers, which do all in 16 bit
    model::Precision const but_some{.dispatch = Dtype::fp8, .last_wide = 7};
    auto const mixed = tokens_sent(build_program(fixture(apart(), "ling_lite", but_some).job()));
    CHECK(mixed.at({0, 1}) == Approx(wide.at({0, 1}) * (0.75 + 0.25 * 7 / 28)));
}

TEST_CASE("experts apart: memory of weights and optimizer lies where the weights are", "[parallel][apart]") {
    auto const f = fixture(apart("zero = \"none\"\n"));
    auto const memory = memory_of_classes(f.job());
    REQUIRE(memory.size() == 2);
    auto const all = static_cast<double>(model::total_parameters(f.model));
    double experts = 0;
    for (int layer = 0; layer < f.model.layers; ++layer) {
        experts += static_cast<double>(model::layer_parameters(f.model, layer).experts);
    }
    CHECK(memory[0].parts.weights.value() == Approx(2.0 * (all - experts)));
    CHECK(memory[1].parts.weights.value() == Approx(2.0 * experts / 8));
    CHECK(memory[0].parts.optimizer.value() == Approx(12.0 * (all - experts)));
    CHECK(memory[1].parts.optimizer.value() == Approx(12.0 * experts / 8));
    CHECK(memory[0].parts.gradients.value() == Approx(4.0 * (all - experts)));
    CHECK(memory[1].parts.gradients.value() == Approx(4.0 * experts / 8));
}

TEST_CASE("experts apart keep together what the usual plan keeps", "[parallel][apart]") {
    // one turn in flight on either side; the usual plan keeps two micro-batches where it has as many replicas
    auto const usual = job_of("ling_lite", {{"a", "h800_4096", 8}}, 64, "expert = 8\n");
    auto const f = fixture(apart("", "ranks = 8\nbatches_in_turn = 1\n"));
    auto const together = memory_of_classes(f.job());
    auto const one = memory_of_classes(usual.job());
    REQUIRE(one.size() == 1);
    CHECK((together[0].parts.activations + together[1].parts.activations).value() ==
          Approx(one[0].parts.activations.value()).epsilon(1e-9));
    auto const two = memory_of_classes(fixture(apart("", "ranks = 8\nbatches_in_turn = 2\n")).job());
    CHECK(two[1].parts.activations.value() == Approx(2 * together[1].parts.activations.value()));
}

TEST_CASE("experts apart: gradients are summed per kind, each over its own ranks", "[parallel][apart]") {
    auto const f = fixture(apart("zero = \"none\"\n", "ranks = 8\nexchange_groups = 2\n"));
    auto const program = build_program(f.job());
    double experts = 0;
    for (int layer = 0; layer < f.model.layers; ++layer) {
        experts += static_cast<double>(model::layer_parameters(f.model, layer).experts);
    }
    auto const dense = static_cast<double>(model::total_parameters(f.model)) - experts;
    // input of each rank's all-reduce: all dense weights on 8 attention ranks, a quarter of the experts on 8 expert ranks
    CHECK(collective_bytes(program, "gradients").value() == Approx(8 * 4.0 * dense));
    CHECK(collective_bytes(program, "expert gradients").value() == Approx(8 * 4.0 * experts / 4));
    for (auto const& rank_class : program.classes) {
        for (auto const& block : rank_class.blocks) {
            for (auto const& op : block.ops) {
                if (auto const* c = std::get_if<Collective>(&op.work); c && c->role == "expert gradients") {
                    CHECK(c->group == RankSet{ChipIndex{8}, 4, 2}); // one of each group
                }
            }
        }
    }
}

TEST_CASE("experts apart: parameters shared out come back to each class once", "[parallel][apart]") {
    auto const f = fixture(apart("", "ranks = 8\nexchange_groups = 2\n"));
    auto const program = build_program(f.job());
    double experts = 0;
    for (int layer = 0; layer < f.model.layers; ++layer) {
        experts += static_cast<double>(model::layer_parameters(f.model, layer).experts);
    }
    auto const dense = static_cast<double>(model::total_parameters(f.model)) - experts;
    CHECK(collective_bytes(program, "parameters").value() == Approx(8 * 2.0 * dense));
    CHECK(collective_bytes(program, "expert parameters").value() == Approx(8 * 2.0 * experts / 4));
}

TEST_CASE("experts per rank are numbers, by layer in turn, and what they leave in equal parts",
          "[parallel][apart]") {
    auto const f = fixture("[parallel.experts]\non_attention_ranks = [0, 1]\n"
                           "[[parallel.experts.places]]\npool = \"e\"\nranks = 4\nexperts_per_rank = 10\n"
                           "[[parallel.experts.places]]\npool = \"e\"\nranks = 2\n");
    auto const split = split_experts(f.model, f.plan.kinds[0], f.plan.kinds[0].stage_groups[0]);
    REQUIRE(split.attention.size() == 28);
    CHECK(split.attention[0] == 0);
    CHECK(split.attention[1] == 1);
    CHECK(split.places[0][1] == 10);
    CHECK(split.places[1][0] == 12); // (64 - 4 x 10) / 2
    CHECK(split.places[1][1] == 8);  // (64 - 4 x 10 - 8) / 2
    auto const program = build_program(f.job());
    REQUIRE(program.classes.size() == 3);
    CHECK(program.classes[1].members == RankSet{ChipIndex{8}, 1, 4});
    CHECK(program.classes[2].members == RankSet{ChipIndex{12}, 1, 2});
    auto const memory = memory_of_classes(f.job());
    CHECK(memory[2].parts.weights / memory[1].parts.weights == Approx((12.0 + 8.0) / 20.0));
}

TEST_CASE("experts apart refuse what does not come out or does not go with them", "[parallel][apart]") {
    auto const built = [](std::string const& parallel) { return build_program(fixture(parallel).job()); };
    CHECK_THROWS_WITH(built(apart("", "ranks = 8\nexperts_per_rank = 7\n")),
                      Catch::Contains("of the 64 experts of MoE layer 0 the ranks of a group hold 56"));
    CHECK_THROWS_WITH(built(apart("", "ranks = 6\n")), Catch::Contains("do not divide over 6 ranks"));
    CHECK_THROWS_WITH(built(apart("", "ranks = 8\nexchange_groups = 3\n")),
                      Catch::Contains("do not divide into 3 groups"));
    CHECK_THROWS_WITH(built(apart("", "ranks = 9\n")), Catch::Contains("needs 9 chips of pool \"e\""));
    CHECK_THROWS_WITH(built(apart("", "ranks = 8\nbatches_in_turn = 3\n")),
                      Catch::Contains("8 micro-batches do not divide into turns of 3"));
    CHECK_THROWS_WITH(built(apart("schedule = \"zb-h1\"\n")), Catch::Contains("the schedule zb-h1"));
    CHECK_THROWS_WITH(built(apart("zero = \"parameters\"\n")), Catch::Contains("do not go with zero"));
    CHECK_THROWS_WITH(built(apart("expert_exchange = \"once_per_node\"\n")),
                      Catch::Contains("do not go with expert_exchange"));
    CHECK_THROWS_WITH(built(apart("expert = 8\n")), Catch::Contains("puts them on others"));
    auto const dense = fixture(apart(), "llama3_8b");
    CHECK_THROWS_WITH(build_program(dense.job()), Catch::Contains("the model has no experts"));
}

TEST_CASE("by_speed: equal chips with much attention leave the experts where they are", "[parallel][apart]") {
    auto const f = fixture(apart("", "ranks = 2\nby_speed = true\n"));
    auto const plan = settle_experts(f.job());
    auto const& settled = *plan.kinds[0].apart;
    CHECK_FALSE(settled.by_speed);
    // 2 expert ranks have four times an attention rank's experts: some move to the attention ranks
    int moved = 0;
    for (std::size_t layer = 0; layer < settled.on_attention.size(); ++layer) {
        CHECK(8 * settled.on_attention[layer] + 2 * settled.places[0].experts[layer] == 64);
        moved += settled.on_attention[layer];
    }
    CHECK(moved > 0);
    CHECK(plan.kinds[0].expert == 10);
    CHECK(build_program(Job{f.model, plan, f.shape, f.topology, f.timings}).classes.size() == 2);
    // enough expert ranks: attention is the longer side, nothing moves
    auto const few = job_of("ling_lite", {{"a", "h800_4096", 8}, {"e", "h800_4096", 32}}, 64,
                            "pool = \"a\"\n" + apart("", "ranks = 32\nby_speed = true\n"));
    auto const unmoved = settle_experts(few.job());
    for (int const n : unmoved.kinds[0].apart->on_attention) {
        CHECK(n == 0);
    }
}

TEST_CASE("by_speed gives the faster of two pools more experts, and no other split makes the busiest rank "
          "idle less",
          "[parallel][apart]") {
    auto const f = job_of(
        "ling_lite", {{"a", "h800_4096", 8}, {"fast", "h800_4096", 8}, {"slow", "ascend_910b2_4096", 8}}, 64,
        "pool = \"a\"\n[parallel.experts]\nby_speed = true\n"
        "[[parallel.experts.places]]\npool = \"fast\"\nranks = 2\n"
        "[[parallel.experts.places]]\npool = \"slow\"\nranks = 2\n");
    auto const plan = settle_experts(f.job());
    auto const& places = plan.kinds[0].apart->places;
    int fast = 0, slow = 0;
    for (int const n : places[0].experts) {
        fast += n;
    }
    for (int const n : places[1].experts) {
        slow += n;
    }
    CHECK(fast > slow);
    // against each place holding the other's part
    auto swapped = plan;
    std::swap(swapped.kinds[0].apart->places[0].experts, swapped.kinds[0].apart->places[1].experts);
    auto const busiest = [&](Plan const& p) {
        double most = 0;
        for (auto const& rank_class :
             build_program(Job{f.model, p, f.shape, f.topology, f.timings}).classes) {
            double sum = 0;
            for (auto const& item : rank_class.schedule) {
                for (auto const& op : rank_class.blocks.at(static_cast<std::size_t>(item.block)).ops) {
                    auto const* c = std::get_if<Compute>(&op.work);
                    sum += c ? c->duration.time.value() : 0.0;
                }
            }
            most = std::max(most, sum);
        }
        return most;
    };
    CHECK(busiest(plan) < busiest(swapped));
}

TEST_CASE("by_speed keeps to the memory of each chip: what the fast ones have no room for the slow ones hold",
          "[parallel][apart]") {
    // 64 experts of a Ling-Lite layer: by speed alone the H800 take more than fits
    std::string const experts =
        "pool = \"a\"\nmemory_reserve = \"RESERVE\"\n[parallel.experts]\nby_speed = true\n"
        "[[parallel.experts.places]]\npool = \"fast\"\nranks = 2\n"
        "[[parallel.experts.places]]\npool = \"slow\"\nranks = 4\n";
    auto const settled_with = [&](std::string const& reserve) {
        auto text = experts;
        text.replace(text.find("RESERVE"), 7, reserve);
        auto const f = job_of(
            "ling_lite", {{"a", "h800_4096", 8}, {"fast", "h800_4096", 8}, {"slow", "ascend_910b2_4096", 8}},
            64, text);
        auto const plan = settle_experts(f.job());
        auto const memory = memory_of_classes(Job{f.model, plan, f.shape, f.topology, f.timings});
        return std::pair{plan.kinds[0].apart->places, misfit(memory)};
    };
    auto const held = [](ExpertRanks const& place) {
        return std::accumulate(place.experts.begin(), place.experts.end(), 0);
    };
    auto const [free, free_misfit] = settled_with("1 GiB");
    auto const [tight, tight_misfit] = settled_with("30 GiB");
    CHECK_FALSE(free_misfit);
    CHECK_FALSE(tight_misfit);
    CHECK(held(tight[0]) < held(free[0]));
    for (std::size_t layer = 0; layer < tight[0].experts.size(); ++layer) {
        CHECK(2 * tight[0].experts[layer] + 4 * tight[1].experts[layer] <= 64);
        CHECK(std::abs(tight[0].experts[layer] - tight[0].experts[0]) <= 2); // spread over the layers
    }
    // nowhere enough: told as any other lack of memory, by whoever runs it
    CHECK(settled_with("60 GiB").second);
}

TEST_CASE("by_speed and numbers of experts say the same thing twice", "[parallel][apart]") {
    CHECK_THROWS_WITH(fixture(apart("", "ranks = 8\nexperts_per_rank = 8\nby_speed = true\n")),
                      Catch::Contains("say the same thing twice"));
}

TEST_CASE(
    "experts in the pool of the attention ranks lie behind these, and replicas follow from what is left",
    "[parallel][apart]") {
    auto const f =
        job_of("ling_lite", {{"p", "h800_4096", 24}}, 64, "pipeline = 2\n[parallel.experts]\nranks = 4\n");
    CHECK(f.plan.kinds[0].replicas == 8); // (24 - 2 x 4) / 2
    auto const program = build_program(f.job());
    REQUIRE(program.classes.size() == 4);
    CHECK(program.classes[1].members == RankSet{ChipIndex{8}, 1, 8});  // attention of stage 1
    CHECK(program.classes[2].members == RankSet{ChipIndex{16}, 1, 4}); // experts of stage 0
    CHECK(program.classes[3].members == RankSet{ChipIndex{20}, 1, 4});
    CHECK(program.chips == 24);
    CHECK(chips_of(f.plan.kinds[0]) == 24);
}

TEST_CASE("experts apart take turns layer by layer, and the head turns each micro-batch round",
          "[parallel][apart]") {
    auto const program = build_program(fixture(apart("", "ranks = 8\nbatches_in_turn = 2\n")).job());
    std::string order; // of the first turn of the attention ranks
    for (auto const& item : program.classes[0].schedule) {
        auto const& block = program.classes[0].blocks.at(static_cast<std::size_t>(item.block));
        if (!block.name.starts_with("forward") && !block.name.starts_with("backward")) {
            continue; // shared experts
        }
        order += (block.phase == Phase::forward ? "F" : "B") + std::to_string(item.micro_batch) + " ";
        if (order.size() >= 3 * 2 * 2 * 29) {
            break;
        }
    }
    std::string expected; // 28 layers with experts: 29 pieces
    for (int piece = 0; piece < 28; ++piece) {
        expected += "F0 F1 ";
    }
    expected += "F0 B0 F1 B1 ";
    for (int piece = 0; piece < 28; ++piece) {
        expected += "B0 B1 ";
    }
    CHECK(order == expected);
}
