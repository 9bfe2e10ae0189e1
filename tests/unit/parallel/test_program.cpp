#include "unit/parallel/job_fixture.hpp"
#include "unit/parallel/program_sums.hpp"

#include "model/parameters.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::collective_bytes;
using moesaic::test::job_of;

namespace {

int messages_of(Program const& program, int from, int to) {
    return static_cast<int>(std::ranges::count_if(
        program.messages, [&](Message const& m) { return m.from == ClassId{from} && m.to == ClassId{to}; }));
}

} // namespace

TEST_CASE("one class stands for all ranks of a stage", "[parallel]") {
    auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\n");
    auto const program = build_program(f.job());
    REQUIRE(program.classes.size() == 8);
    CHECK(program.chips == 1024);
    CHECK(program.classes[3].members == RankSet{ChipIndex{3 * 128}, 1, 128});
    CHECK(program.classes[3].schedule.size() == 2 * 70 + 1); // forwards, backwards, the end of the step
    CHECK(messages_of(program, 3, 4) == 70);
    CHECK(messages_of(program, 4, 3) == 70);
    CHECK(messages_of(program, 3, 5) == 0);
}

TEST_CASE("a message carries the rows of a micro-batch over the tensor ranks", "[parallel]") {
    auto const f =
        job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\ntensor = 2\n");
    // 4096 rows x 5376 columns x 2 bytes / 2 ranks
    CHECK(build_program(f.job()).messages.front().bytes.value() == Approx(4096.0 * 5376 * 2 / 2));
}

TEST_CASE("messages block under the schedules that are named", "[parallel]") {
    auto const all_block = [](std::string const& plan) {
        auto const f = job_of("ling_plus", {{"d", "h800_4096", 512}}, 8960,
                              "pipeline = 4\ntensor = 2\nexpert = 8\n" + plan);
        auto const messages = build_program(f.job()).messages;
        auto const blocking = std::ranges::count_if(messages, &Message::blocking);
        CHECK((blocking == 0 || blocking == std::ssize(messages)));
        return blocking > 0;
    };
    CHECK_FALSE(all_block(""));
    CHECK(all_block("blocking_messages = [\"1f1b\"]\n"));
    std::string const interleaved = "schedule = \"interleaved\"\nchunks = 2\n";
    CHECK_FALSE(all_block(interleaved + "blocking_messages = [\"1f1b\"]\n"));
    CHECK(all_block(interleaved + "blocking_messages = [\"1f1b\", \"interleaved\"]\n"));
    CHECK_THROWS_WITH(all_block("blocking_messages = [\"1f1\"]\n"),
                      Catch::Contains("blocking_messages: \"1f1\" is not known") && Catch::Contains("1f1b"));
}

TEST_CASE("messages block between pools where senders wait, and nowhere else", "[parallel]") {
    auto f = job_of("llama2_7b", {{"a", "h800_4096", 16}, {"b", "h800_4096", 8}}, 64,
                    "layer_split = \"balanced\"\n[[parallel.stages]]\npool = \"a\"\ncount = "
                    "2\n[[parallel.stages]]\npool = \"b\"\n");
    hardware::SiteLink link{0, 1, BytesPerSecond{400e9}, Seconds{1e-5}};
    link.sender_waits = true;
    hardware::Topology const topology{{f.topology.pool(PoolId{0}), f.topology.pool(PoolId{1})}, {link}};
    Job const job{f.model, f.plan, f.shape, topology, f.timings};
    for (auto const& message : build_program(job).messages) {
        bool const between = message.from == ClassId{2} || message.to == ClassId{2};
        CHECK(message.blocking == between);
    }
}

namespace {

/// Bytes of the first message, and of the gathers that make up its rows, in the last stage's forward.
std::pair<double, double> first_message(std::string const& plan) {
    auto const f = job_of("llama2_7b", {{"d", "h800_4096", 64}}, 128, "pipeline = 2\ntensor = 4\n" + plan);
    auto const program = build_program(f.job());
    double gathered = 0.0;
    for (auto const& op : program.classes.back().blocks.front().ops) {
        auto const* c = std::get_if<Collective>(&op.work);
        gathered += c && c->role == "message" ? c->bytes.value() : 0.0;
    }
    return {program.messages.front().bytes.value(), gathered};
}

} // namespace

TEST_CASE("without sequence parallelism a stage sends parts that are gathered, or whole rows", "[parallel]") {
    double const rows = 4096.0 * 4096 * 2; // of a micro-batch, in 16 bit
    CHECK(first_message("") == std::pair{rows / 4, 0.0});
    // each rank has rows of its own
    CHECK(first_message("whole_messages = true\n") == std::pair{rows / 4, 0.0});
    CHECK(first_message("sequence_parallel = false\n") == std::pair{rows / 4, rows});
    CHECK(first_message("sequence_parallel = false\nwhole_messages = true\n") == std::pair{rows, 0.0});
}

TEST_CASE("whole rows come once to each rank of a stage with another tensor degree", "[parallel]") {
    auto const f = job_of("llama2_7b", {{"d", "h800_4096", 24}}, 64,
                          "replicas = 4\nsequence_parallel = false\nwhole_messages = true\n"
                          "[[parallel.stages]]\ntensor = 2\n[[parallel.stages]]\ntensor = 4\n");
    double const rows = 4096.0 * 4096 * 2;
    for (auto const& message : build_program(f.job()).messages) {
        bool const forwards = message.from == ClassId{0}; // 2 ranks to 4, and 4 back to 2
        CHECK(message.bytes.value() == (forwards ? 2.0 : 0.5) * rows);
    }
}

TEST_CASE("parts of the rows go once to a stage with another tensor degree, whichever is the wider",
          "[parallel]") {
    auto const f = job_of("llama2_7b", {{"d", "h800_4096", 24}}, 64,
                          "replicas = 4\n[[parallel.stages]]\ntensor = 2\n[[parallel.stages]]\ntensor = 4\n");
    double const rows = 4096.0 * 4096 * 2;
    for (auto const& message : build_program(f.job()).messages) {
        double const senders = message.from == ClassId{0} ? 2.0 : 4.0;
        CHECK(message.bytes.value() * senders == rows);
    }
}

TEST_CASE("interleaved chunks pass from the last stage back to the first", "[parallel]") {
    auto const f = job_of("ling_plus", {{"d", "h800_4096", 512}}, 8960,
                          "pipeline = 4\ntensor = 2\nexpert = 8\nschedule = \"interleaved\"\nchunks = 2\n");
    auto const program = build_program(f.job());
    // 8960 / 64 replicas = 140 micro-batches; 8 parts of 11 layers: each neighbour pair of stages is passed twice,
    // the way from the last stage to the first once
    CHECK(messages_of(program, 0, 1) == 2 * 140);
    CHECK(messages_of(program, 3, 0) == 140);
    // of each chunk the first forward, the others, the backwards and the last one; and the end of the step
    CHECK(program.classes[0].blocks.size() == 2 * 4 + 1);
}

TEST_CASE("without recomputation the kernels do the model's work, over any split", "[parallel][property]") {
    // experts, attention, head: all ranks together do three times the forward work
    for (std::string const plan : {"pipeline = 8\nexpert = 8\n", "pipeline = 4\nexpert = 16\ntensor = 2\n",
                                   "pipeline = 8\nexpert = 32\nexpert_tensor = 2\ntensor = 2\n",
                                   "pipeline = 8\nexpert = 8\nschedule = \"gpipe\"\n"}) {
        auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, plan);
        auto const program = build_program(f.job());
        INFO(plan);
        // the attention kernels' backward is 2.5 times the forward (FlashAttention), the formula counts 2: a little more
        CHECK(program.hardware_flop / program.model_flop > 1.0);
        CHECK(program.hardware_flop / program.model_flop < 1.03);
    }
}

TEST_CASE("uneven routing gives the busiest rank more to do, and all ranks together as much as before",
          "[parallel]") {
    auto const work = [](std::string const& imbalance) {
        return build_program(job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960,
                                    "pipeline = 8\nexpert = 8\n" + imbalance)
                                 .job())
            .hardware_flop;
    };
    CHECK(work("expert_imbalance = 3.0\n") / work("") == Approx(1.0).epsilon(1e-4));
}

TEST_CASE("full recomputation adds one forward of the layers", "[parallel]") {
    auto const without = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\n");
    auto const with = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960,
                             "pipeline = 8\nexpert = 8\nrecompute = \"full\"\n");
    auto const ratio = build_program(with.job()).hardware_flop / build_program(without.job()).hardware_flop;
    CHECK(ratio > 1.28); // 4/3 less the head, which is not computed again
    CHECK(ratio < 4.0 / 3.0);
}

TEST_CASE("tokens travel to their experts twice forwards and twice backwards", "[parallel]") {
    auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\n");
    // sequences x tokens x layers x top-k x hidden x 2 bytes
    double const once = 8960.0 * 4096 * 88 * 4 * 5376 * 2;
    auto const program = build_program(f.job());
    for (auto const* role : {"dispatch", "combine", "dispatch gradient", "combine gradient"}) {
        CHECK(collective_bytes(program, role).value() == Approx(once));
    }
}

TEST_CASE("tokens go to the experts of wide layers in the activations' format", "[parallel]") {
    auto const sent = [](int last_wide) {
        model::Precision const precision{.dispatch = Dtype::fp8, .last_wide = last_wide};
        auto const f = job_of("ling_lite", {{"d", "h800_4096", 8}}, 64, "expert = 8\n", precision);
        return collective_bytes(build_program(f.job()), "dispatch").value();
    };
    CHECK(sent(14) == Approx(1.5 * sent(0))); // of 28 layers
    CHECK(sent(28) == Approx(2.0 * sent(0)));
}

TEST_CASE("every gradient is summed once per step", "[parallel]") {
    for (std::string const plan : {"", "overlap_gradients = false\n"}) {
        auto const f =
            job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\n" + plan);
        auto const program = build_program(f.job());
        auto const bytes =
            collective_bytes(program, "gradients") + collective_bytes(program, "expert gradients");
        // each of 128 replicas brings all dense weights, each of 16 expert-data ranks all experts, in fp32
        auto const layers = model::layer_parameters(f.model, 0);
        double const experts = 88.0 * static_cast<double>(layers.experts);
        double const dense = static_cast<double>(model::total_parameters(f.model)) - experts;
        CHECK(bytes.value() == Approx(4.0 * (128 * dense + 16 * experts)).epsilon(1e-9));
    }
}

TEST_CASE("parameters come back in one broadcast per owner, of which there are no more than tensors",
          "[parallel]") {
    // Llama 2 7B: 9 tensors a layer, embedding, last norm, head
    for (auto const& [chips, owners] : {std::pair{16, 16}, std::pair{512, 32 * 9 + 3}}) {
        auto const f = job_of("llama2_7b", {{"h", "h100_16384", chips}}, chips,
                              "overlap_parameters = false\nparameter_broadcasts = true\n");
        auto const program = build_program(f.job());
        int broadcasts = 0;
        Bytes bytes;
        for (auto const& op : program.classes.front().blocks.back().ops) {
            auto const* c = std::get_if<Collective>(&op.work);
            if (c != nullptr && c->kind == timing::CollectiveKind::broadcast) {
                ++broadcasts;
                bytes += c->bytes;
            }
        }
        CHECK(broadcasts == owners);
        CHECK(bytes.value() == Approx(2.0 * static_cast<double>(model::total_parameters(f.model))));
    }
}

TEST_CASE("first and last stage sum the gradients of an embedding that is tied to the head", "[parallel]") {
    auto const bytes = [](std::string const& model, std::string const& plan) {
        auto const f = job_of(model, {{"h", "h100_16384", 512}}, 512, "tensor = 8\n" + plan);
        return collective_bytes(build_program(f.job()), "gradients of the tied embedding").value();
    };
    auto const f = job_of("gpt3_175b", {{"h", "h100_16384", 512}}, 512, "tensor = 8\npipeline = 8\n");
    auto const table = static_cast<double>(model::rank_end_parameters(f.model, {.tensor = 8}).embedding);
    // 64 ranks of each of the two stages, once per step, in fp32 unless said otherwise
    CHECK(bytes("gpt3_175b", "pipeline = 8\n") == Approx(2 * 64 * 4.0 * table));
    CHECK(bytes("gpt3_175b", "pipeline = 8\ngradient = \"bf16\"\n") == Approx(2 * 64 * 2.0 * table));
    CHECK(bytes("gpt3_175b", "pipeline = 8\nschedule = \"interleaved\"\nchunks = 2\n") ==
          Approx(2 * 64 * 4.0 * table));
    // shared out over the 8 replicas before
    CHECK(bytes("gpt3_175b", "pipeline = 8\nzero = \"gradients\"\n") == Approx(2 * 64 * 4.0 * table / 8));
    CHECK(bytes("gpt3_175b", "pipeline = 1\n") == 0.0);                           // one copy
    CHECK(bytes("gpt3_175b", "pipeline = 8\nschedule = \"dualpipe\"\n") == 0.0);  // both ends in both stages
    CHECK(bytes("gpt3_175b", "pipeline = 8\nschedule = \"dualpipev\"\n") == 0.0); // both on the first stage
    CHECK(bytes("llama2_70b", "pipeline = 8\n") == 0.0);                          // not tied
}

TEST_CASE("the stage of the MTP modules holds the token table and sums its gradients with the first stage",
          "[parallel]") {
    auto const deepseek = [](std::string const& plan) {
        return job_of("deepseek_v3", {{"h", "deepseek_h800_2048", 2048}}, 15360,
                      "pipeline = 16\nexpert = 64\nlayer_split = \"with_ends\"\n" + plan);
    };
    auto const summed = [&](std::string const& plan) {
        return collective_bytes(build_program(deepseek(plan).job()), "gradients of the embedding for MTP")
            .value();
    };
    auto const head_weights = [&](std::string const& plan) {
        auto const f = deepseek(plan);
        auto const setting = stage_setting(f.model, f.plan, place_stages(f.plan, f.topology).at(0), 4096);
        return weights_of_ends(setting, {.layers = {61, 61}, .embedding = false, .head = true}).dense;
    };
    double const table = 129280.0 * 7168;
    CHECK(summed("") == Approx(2 * 128 * 4.0 * table)); // 128 ranks of each of the two stages, in fp32
    // both ends on every stage
    CHECK(summed("schedule = \"dualpipe\"\n") == 0.0);
    CHECK(head_weights("") - head_weights("schedule = \"dualpipe\"\n") == Approx(table));
    CHECK(head_weights("") - head_weights("schedule = \"dualpipev\"\n") == Approx(table));
}

TEST_CASE("moments in 16 bit are half the traffic of the optimizer's state", "[parallel]") {
    auto const moved = [](std::string const& plan) {
        auto const f = job_of("llama2_7b", {{"h", "h100_16384", 16}}, 32, plan);
        auto const program = build_program(f.job());
        double sum = 0;
        for (auto const& op : program.classes.front().blocks.back().ops) {
            auto const* c = std::get_if<Compute>(&op.work);
            bool const updates = c && c->kind == model::OpKind::optimizer_step;
            sum += updates ? model::bytes_of(*c->operation).value() : 0.0;
        }
        return sum;
    };
    // master 8, moments 16 or 8, gradient 4, weight 2
    CHECK(moved("optimizer_moments = \"bf16\"\n") / moved("") == Approx(22.0 / 30.0));
}

TEST_CASE("the two stages of a tied embedding wait for each other, and each pairs ranks of one place",
          "[parallel]") {
    auto const f = job_of("gpt3_175b", {{"h", "h100_16384", 512}}, 512, "tensor = 8\npipeline = 8\n");
    auto const program = build_program(f.job());
    auto const sum_of = [&](std::size_t at) {
        for (auto const& op : program.classes.at(at).blocks.back().ops) {
            auto const* c = std::get_if<Collective>(&op.work);
            if (c && c->role == "gradients of the tied embedding") {
                return c;
            }
        }
        return static_cast<Collective const*>(nullptr);
    };
    REQUIRE(sum_of(0));
    REQUIRE(sum_of(7));
    CHECK(sum_of(0)->rendezvous == sum_of(7)->rendezvous);
    CHECK(sum_of(0)->rendezvous > 1); // the norm of the gradients is 0, sums between replica kinds 1
    CHECK(sum_of(0)->group == RankSet{ChipIndex{0}, 7 * 64, 2});
    CHECK(sum_of(7)->group == RankSet{ChipIndex{7 * 64}, -7 * 64, 2});
    CHECK(sum_of(3) == nullptr);
}

TEST_CASE("the norm of the gradients joins all classes", "[parallel]") {
    auto const f = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 8\nexpert = 8\n");
    for (auto const& rank_class : build_program(f.job()).classes) {
        auto const& ops = rank_class.blocks.back().ops;
        CHECK(std::ranges::count_if(ops, [](BlockOp const& op) {
                  auto const* c = std::get_if<Collective>(&op.work);
                  return c && c->rendezvous == 0;
              }) == 1);
    }
}

TEST_CASE("layers that do not divide need a balanced split", "[parallel]") {
    auto const even =
        job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960, "pipeline = 16\ntensor = 2\nexpert = 8\n");
    CHECK_THROWS_WITH(build_program(even.job()),
                      Catch::Contains("88 layers do not divide evenly over 16 stages"));
    auto const balanced = job_of("ling_plus", {{"d", "h800_4096", 1024}}, 8960,
                                 "pipeline = 16\ntensor = 2\nexpert = 8\nlayer_split = \"balanced\"\n");
    auto const ranges = split_layers(balanced.plan, balanced.plan.kinds[0], 88);
    CHECK(ranges.front().count() == 5);
    CHECK(ranges.back().count() == 5);
    CHECK(ranges.back().end == 88);
    CHECK(ranges.at(8).count() == 6);
}
