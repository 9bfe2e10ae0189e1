#include "parallel/layer_activations.hpp"
#include "unit/parallel/job_fixture.hpp"
#include "unit/parallel/program_sums.hpp"

#include "parallel/time_alone.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <map>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::block_named;
using moesaic::test::collective_bytes;
using moesaic::test::compute_times;
using moesaic::test::job_of;

namespace {

/// DeepSeek-V2-Lite, 27 layers, on 64 H800: 4 stages of 16 replicas, 8 micro-batches each.
test::JobFixture lite(std::string const& plan) {
    return job_of("deepseek_v2_lite", {{"h", "h800_4096", 64}}, 128,
                  "pipeline = 4\nexpert = 16\nlayers = [7, 7, 7, 6]\n" + plan);
}

/// The same with its layers left open.
test::JobFixture open_lite(std::string const& plan) {
    return job_of("deepseek_v2_lite", {{"h", "h800_4096", 64}}, 128, "pipeline = 4\nexpert = 16\n" + plan);
}

/// DeepSeek-V3 as it was trained, see scenarios/papers/deepseek_v3.
test::JobFixture v3(std::string const& plan) {
    return job_of("deepseek_v3", {{"h", "deepseek_h800_2048", 2048}}, 15360,
                  "pipeline = 16\nexpert = 64\nlayer_split = \"with_ends\"\n" + plan);
}

double kernel_seconds(Block const& block) {
    double sum = 0;
    for (auto const& op : block.ops) {
        auto const* c = std::get_if<Compute>(&op.work);
        sum += c ? c->duration.time.value() : 0.0;
    }
    return sum;
}

/// How long a block takes if each operation starts as soon as its stream and what it waits for allow.
Seconds block_time(std::vector<BlockOp> const& ops, TimeAlone const& time) {
    std::array<Seconds, streams> free{};
    std::vector<Seconds> end(ops.size());
    Seconds last;
    for (std::size_t i = 0; i < ops.size(); ++i) {
        auto& stream = free[static_cast<std::size_t>(ops[i].stream)];
        for (int const before : ops[i].after) {
            stream = std::max(stream, end[static_cast<std::size_t>(before)]);
        }
        stream += time(ops[i]);
        end[i] = stream;
        last = std::max(last, stream);
    }
    return last;
}

/// Kernel seconds and bytes of exchanges that each class does in a step.
std::vector<std::pair<double, double>> work_of_classes(Program const& program) {
    std::vector<std::pair<double, double>> out;
    for (auto const& rank_class : program.classes) {
        auto& [seconds, bytes] = out.emplace_back();
        for (auto const& item : rank_class.schedule) {
            auto const& block = rank_class.blocks.at(static_cast<std::size_t>(item.block));
            seconds += block.phase == Phase::step_end ? 0.0 : kernel_seconds(block);
            for (auto const& op : block.ops) {
                auto const* c = std::get_if<Collective>(&op.work);
                bytes += c && op.stream == Stream::expert ? c->bytes.value() : 0.0;
            }
        }
    }
    return out;
}

} // namespace

TEST_CASE("schedules that pair or part passes do the same work in the same stage", "[parallel]") {
    auto const plain = work_of_classes(build_program(lite("").job()));
    for (std::string const plan : {"overlap_exchange = true\n", "schedule = \"zb-h1\"\n"}) {
        auto const other = work_of_classes(build_program(lite(plan).job()));
        INFO(plan);
        REQUIRE(other.size() == plain.size());
        for (std::size_t c = 0; c < plain.size(); ++c) {
            CHECK(other[c].first == Approx(plain[c].first));
            CHECK(other[c].second == Approx(plain[c].second));
        }
    }
    // DualPipe: stage s does half of stage s's and half of stage p-1-s's
    auto const dual = work_of_classes(build_program(lite("schedule = \"dualpipe\"\n").job()));
    for (std::size_t c = 0; c < plain.size(); ++c) {
        CHECK(dual[c].first == Approx((plain[c].first + plain[3 - c].first) / 2));
        CHECK(dual[c].second == Approx((plain[c].second + plain[3 - c].second) / 2));
    }
}

TEST_CASE("a pair takes less than its two passes one after the other", "[parallel]") {
    auto const f = lite("overlap_exchange = true\n");
    auto const program = build_program(f.job());
    auto const& stage = program.classes.at(1);
    auto const alone = time_alone(f.topology, f.timings, stage.pool);
    auto const& pair = block_named(stage, "forward + backward");
    auto const& forward = block_named(stage, "forward");
    auto const& backward = block_named(stage, "backward");
    auto const apart = block_time(forward.ops, alone) + block_time(backward.ops, alone);
    auto const kernels = Seconds{kernel_seconds(forward) + kernel_seconds(backward)};
    CHECK(pair.ops.size() == forward.ops.size() + backward.ops.size());
    CHECK(block_time(pair.ops, alone) < apart);
    // most of what the kernels leave is hidden
    CHECK(block_time(pair.ops, alone) - kernels < (apart - kernels) * 0.5);
}

TEST_CASE("weights' gradients are compute alone and are summed after the last", "[parallel]") {
    auto const program = build_program(lite("schedule = \"zb-h1\"\n").job());
    for (auto const& rank_class : program.classes) {
        for (auto const& block : rank_class.blocks) {
            for (auto const& op : block.ops) {
                if (block.phase == Phase::weight_gradient) {
                    CHECK((op.stream == Stream::compute || (op.detached && block.name.ends_with("last"))));
                }
                CHECK_FALSE((block.phase == Phase::input_gradient && op.stream == Stream::data));
            }
        }
    }
    CHECK(collective_bytes(program, "gradients") ==
          collective_bytes(build_program(lite("").job()), "gradients"));
}

TEST_CASE("DualPipe passes micro-batches along both ways and keeps every part twice", "[parallel]") {
    auto const f = lite("schedule = \"dualpipe\"\n");
    auto const program = build_program(f.job());
    std::map<std::pair<std::int64_t, std::int64_t>, int> messages;
    for (auto const& message : program.messages) {
        ++messages[{message.from.index(), message.to.index()}];
    }
    // between neighbours each way 4 forwards of one half and 4 backwards of the other
    CHECK(messages.size() == 6);
    CHECK(std::ranges::all_of(messages, [](auto const& entry) { return entry.second == 8; }));
    auto const plain = memory_of_classes(lite("").job());
    auto const dual = memory_of_classes(f.job());
    for (std::size_t c = 0; c < 4; ++c) {
        CHECK(dual[c].parts.weights.value() ==
              Approx(plain[c].parts.weights.value() + plain[3 - c].parts.weights.value()));
        // shared out over twice as many ranks
        CHECK(dual[c].parts.optimizer.value() ==
              Approx((plain[c].parts.optimizer.value() + plain[3 - c].parts.optimizer.value()) / 2));
    }
}

TEST_CASE("DualPipeV sends nothing where micro-batches turn round, and holds every weight once",
          "[parallel]") {
    auto const f = open_lite("schedule = \"dualpipev\"\nlayer_split = \"balanced\"\n");
    auto const program = build_program(f.job());
    std::map<std::pair<std::int64_t, std::int64_t>, int> messages;
    for (auto const& message : program.messages) {
        ++messages[{message.from.index(), message.to.index()}];
    }
    // between neighbours each way 8 forwards of one chunk and 8 backwards of the other
    CHECK(messages.size() == 6);
    CHECK(std::ranges::all_of(messages, [](auto const& entry) { return entry.second == 16; }));
    auto const all_weights = [](auto const& job) {
        double sum = 0;
        for (auto const& c : memory_of_classes(job)) {
            sum += c.parts.weights.value();
        }
        return sum;
    };
    CHECK(all_weights(f.job()) == Approx(all_weights(lite("").job())));
    CHECK(program.hardware_flop == build_program(lite("").job()).hardware_flop);
}

TEST_CASE("the layers of a schedule with several chunks are listed by part", "[parallel]") {
    // DeepSeek-V2-Lite has 27
    auto const listed = [](std::string const& schedule, std::string const& layers) {
        auto const f = open_lite("schedule = \"" + schedule + "\"\nlayers = [" + layers + "]\n");
        std::vector<int> out;
        for (auto const& range : split_layers(f.plan, f.plan.kinds.front(), f.model.layers)) {
            out.push_back(range.count());
        }
        return out;
    };
    CHECK(listed("dualpipev", "3, 3, 4, 4, 4, 4, 4, 1") == std::vector{3, 3, 4, 4, 4, 4, 4, 1});
    CHECK(listed("interleaved", "3, 3, 4, 4, 4, 4, 4, 1") == std::vector{3, 3, 4, 4, 4, 4, 4, 1});
    CHECK_THROWS_WITH(listed("1f1b", "3, 3, 4, 4, 4, 4, 4, 1"),
                      Catch::Contains("layers of 8 parts are listed for 4 stages of one each"));
    CHECK_THROWS_WITH(listed("dualpipev", "7, 7, 7, 6"), Catch::Contains("27 layers in 4 parts"));
    CHECK_THROWS_WITH(listed("dualpipev", "7, 7, 7"), Catch::Contains("lists 3 stages, but there are 4"));
}

TEST_CASE("DualPipe sums the gradients of both directions", "[parallel]") {
    auto const program = build_program(lite("schedule = \"dualpipe\"\n").job());
    auto const own = collective_bytes(program, "gradients").value() +
                     collective_bytes(program, "expert gradients").value();
    auto const plain = build_program(lite("").job());
    // every part is summed within two stages
    CHECK(own == Approx(2 * (collective_bytes(plain, "gradients").value() +
                             collective_bytes(plain, "expert gradients").value())));
    std::map<int, std::vector<std::int64_t>> meetings;
    double between = 0;
    for (auto const& rank_class : program.classes) {
        for (auto const& op : block_named(rank_class, "step end").ops) {
            auto const* c = std::get_if<Collective>(&op.work);
            if (c && c->role == "gradients of the other direction") {
                meetings[c->rendezvous].push_back(rank_class.stage);
                CHECK(c->kind == timing::CollectiveKind::reduce_scatter);
                between += c->bytes.value() * static_cast<double>(rank_class.members.count);
            }
        }
    }
    REQUIRE(meetings.size() == 2);
    for (auto const& [meeting, stages] : meetings) {
        CHECK(stages.at(0) + stages.at(1) == 3); // s and p-1-s
    }
    // dense parts are left in 16 shares, all ranks of a stage together so hold them once; experts in shares of 1
    auto const dense = collective_bytes(plain, "gradients").value() / 16;
    auto const experts = collective_bytes(plain, "expert gradients").value();
    CHECK(experts == 0.0); // expert parallel over all 16 ranks: nothing to sum inside the stage
    double expert_parameters = 0;
    for (auto const& memory : memory_of_classes(lite("").job())) {
        expert_parameters += memory.parts.gradients.value() * 16;
    }
    expert_parameters -= collective_bytes(plain, "gradients").value();
    CHECK(between == Approx(2 * (dense + expert_parameters)));
}

TEST_CASE("an exchange once per node says what spreads its tokens, and makes the copies itself",
          "[parallel]") {
    auto const direct = build_program(v3("").job());
    auto const once = build_program(v3("expert_exchange = \"once_per_node\"\n").job());
    auto const dispatch_of = [](Program const& program) {
        for (auto const& op : block_named(program.classes.at(3), "forward").ops) {
            auto const* c = std::get_if<Collective>(&op.work);
            if (c && c->role == "dispatch") {
                return *c;
            }
        }
        throw BugError{"a MoE layer dispatches"};
    };
    CHECK_FALSE(dispatch_of(direct).once_per_node);
    REQUIRE(dispatch_of(once).once_per_node);
    CHECK(*dispatch_of(once).once_per_node ==
          model::TokenSpread{.experts = 256, .topk = 8, .groups = 8, .groups_per_token = 4});
    CHECK(dispatch_of(once).bytes == dispatch_of(direct).bytes);
    CHECK(dispatch_of(once).chip_share == Approx(20.0 / 132));
    CHECK(compute_times(direct, model::Pass::forward, "permute") > 0);
    CHECK(compute_times(once, model::Pass::forward, "permute") == 0);
    CHECK(compute_times(once, model::Pass::forward, "unpermute") == 0);
    CHECK(compute_times(once, model::Pass::forward, "sort") ==
          compute_times(direct, model::Pass::forward, "sort"));
}

TEST_CASE("where a rank has all experts there is no exchange to make the copies", "[parallel]") {
    auto const program = build_program(
        job_of("mixtral_8x7b", {{"h", "h100_16384", 8}}, 8, "expert_exchange = \"once_per_node\"\n").job());
    CHECK(compute_times(program, model::Pass::forward, "permute") == 32);
    CHECK(compute_times(program, model::Pass::forward, "unpermute") == 32);
    CHECK(compute_times(program, model::Pass::forward, "sort") == 0);
}

TEST_CASE("pairs need a schedule that has them", "[parallel]") {
    CHECK_THROWS_WITH(lite("schedule = \"gpipe\"\noverlap_exchange = true\n"),
                      Catch::Contains("the schedule gpipe has no pairs of a forward and a backward"));
    CHECK(lite("schedule = \"dualpipe\"\n").plan.overlap_exchange);
    CHECK_FALSE(
        std::get<DualPipe>(lite("schedule = \"dualpipe\"\noverlap_exchange = false\n").plan.schedule).paired);
    CHECK(std::get<OneFOneB>(lite("overlap_exchange = true\n").plan.schedule).paired);
    CHECK_THROWS_WITH(lite("communication_share = 1.0\n"), Catch::Contains("below 1"));
}

TEST_CASE("narrow inputs and what runs again leave less to keep", "[parallel]") {
    auto const kept = [](std::string const& plan) {
        auto const f = v3(plan);
        auto const places = place_stages(f.plan, f.topology);
        auto const setting = stage_setting(f.model, f.plan, places.at(3), 4096);
        return activation_bytes(setting, 20, setting.group.recompute).value() / 4096;
    };
    // without query, key (128 heads x 192) and value (128 x 128), the normed latents (1536 + 512), the two norms'
    // outputs and the activations of 8 experts and the shared one (2048 each), all bf16
    double const again = 2.0 * (128 * (2 * 192 + 128) + 1536 + 512 + 2 * 7168 + 9 * 2048);
    CHECK(kept("") - kept("recompute = \"up_projections\"\n") == Approx(again));
    // fp8 instead of bf16: 8 copies as sent, gate and up of 9 experts; 12 bit: what 128 heads of 128 give
    double const narrow = 8 * 7168 + 9 * 2 * 2048 + 128 * 128 * 0.5;
    CHECK(kept("recompute = \"up_projections\"\n") -
              kept("recompute = \"up_projections\"\nkept_inputs = \"fp8\"\n") ==
          Approx(narrow));
    CHECK(kept("") - kept("weighted_activation = true\n") == Approx(2.0 * 8 * 7168));
    auto const moments = [](std::string const& plan) {
        return memory_of_classes(v3(plan).job()).at(3).parts.optimizer.value();
    };
    CHECK(moments("optimizer_moments = \"bf16\"\n") == Approx(moments("") * 8 / 12));
}

TEST_CASE("a pair on one stage keeps one micro-batch and one layer of the next", "[parallel]") {
    auto const on_one_stage = [](std::string const& plan) {
        return job_of("deepseek_v2_lite", {{"h", "h800_4096", 16}}, 128, "expert = 16\n" + plan);
    };
    auto const f = on_one_stage("overlap_exchange = true\n");
    auto const setting = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(0), 4096);
    double whole = 0, most = 0;
    for (int layer = 0; layer < f.model.layers; ++layer) {
        double const kept = activation_bytes(setting, layer, Recompute::none).value();
        whole += kept;
        most = std::max(most, kept);
    }
    whole += head_bytes(setting).kept.value();
    CHECK(memory_of_classes(f.job()).at(0).parts.activations.value() == Approx(whole + most));
    CHECK(memory_of_classes(on_one_stage("").job()).at(0).parts.activations.value() == Approx(whole));
}

TEST_CASE("until the weights' gradients are done a layer keeps inputs and output gradients", "[parallel]") {
    auto const f = job_of("gpt3_175b", {{"d", "h800_4096", 64}}, 64, "pipeline = 8\n");
    auto const places = place_stages(f.plan, f.topology);
    auto const waiting = waiting_bytes(stage_setting(f.model, f.plan, places.at(0), 2048), 0).value();
    // qkv: h + 3h, out: h + h, up: h + 4h, down: 4h + h, in bf16; Qi et al. count 32 s b h
    CHECK(waiting / (2048.0 * f.model.hidden) == Approx(2 * (4 + 2 + 5 + 5)));
}

TEST_CASE("ZB-H1 keeps what its schedule leaves open", "[parallel]") {
    auto const f = lite("schedule = \"zb-h1\"\n");
    auto const plain = lite("");
    auto const places = place_stages(f.plan, f.topology);
    auto const setting = stage_setting(f.model, f.plan, places.at(1), 4096);
    double whole = 0, waiting = 0;
    for (int layer = 7; layer < 14; ++layer) {
        whole += activation_bytes(setting, layer, Recompute::none).value();
        waiting += waiting_bytes(setting, layer).value();
    }
    // stage 1 of 4: 3 open forwards and 1 that waits, or 2 and 2 just after a backward
    auto const kept = memory_of_classes(f.job()).at(1).parts.activations.value();
    CHECK(kept == Approx(std::max(3 * whole + waiting, 2 * whole + 2 * waiting)));
    CHECK(memory_of_classes(plain.job()).at(1).parts.activations.value() == Approx(3 * whole));
}
