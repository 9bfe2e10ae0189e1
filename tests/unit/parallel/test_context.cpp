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

namespace {

/// Rows of a part, in 16 bit.
constexpr double column = 4096.0 / 4 * 2;
/// Of 8 ranks, 32 layers, 4 micro-batches on each of 2 replicas.
constexpr double times = 8.0 * 32 * 4;

std::string const by_heads = "context = 4\ncontext_exchange = \"all_to_all\"\n";

} // namespace

TEST_CASE("queries, keys, values and the output change ranks once forward, their gradients once backward",
          "[parallel]") {
    auto const f = llama(by_heads);
    auto const program = build_program(f.job());
    for (std::string const of : {"", " gradients"}) {
        CHECK(collective_bytes(program, "queries" + of).value() == Approx(times * column * 32 * 128));
        CHECK(collective_bytes(program, "keys" + of).value() == Approx(times * column * 8 * 128));
        CHECK(collective_bytes(program, "values" + of).value() == Approx(times * column * 8 * 128));
        CHECK(collective_bytes(program, "attention output" + of).value() ==
              Approx(times * column * 32 * 128));
    }
}

TEST_CASE("of latent attention the keys and values of every head change ranks", "[parallel]") {
    // DeepSeek-V3: 61 layers and one for multi-token prediction, 128 heads, keys of 192, values of 128
    auto const f = job_of("deepseek_v3", {{"h", "h100_16384", 8}}, 2, "expert = 8\n" + by_heads);
    auto const program = build_program(f.job());
    double const of_head = 8.0 * 62 * column * 128;
    CHECK(collective_bytes(program, "queries").value() == Approx(of_head * 192));
    CHECK(collective_bytes(program, "keys").value() == Approx(of_head * 192));
    CHECK(collective_bytes(program, "values").value() == Approx(of_head * 128));
    CHECK(collective_bytes(program, "attention output").value() == Approx(of_head * 128));
}

TEST_CASE("queries, keys and values that are computed again change ranks again", "[parallel]") {
    auto const sent = [](std::string const& recompute, std::string const& role) {
        auto const f = llama(by_heads + "recompute = \"" + recompute + "\"\n");
        return collective_bytes(build_program(f.job()), role).value() / (times * column * 128);
    };
    for (std::string const recompute : {"operators", "selective", "full"}) {
        INFO(recompute);
        CHECK(sent(recompute, "queries") == Approx(2 * 32));
        CHECK(sent(recompute, "keys") == Approx(2 * 8));
    }
    CHECK(sent("pointwise", "queries") == Approx(32));
}

TEST_CASE("a context rank that shares heads holds what it sends and gets, and the output on both sides",
          "[parallel]") {
    auto const parts = [](std::string const& plan) {
        auto const f = llama(plan);
        return memory_of_classes(f.job()).front().parts;
    };
    auto const ring = parts("context = 4\n"), heads = parts(by_heads);
    CHECK(heads.buffers.value() - ring.buffers.value() == Approx(2 * column * 32 * 128)); // queries too
    CHECK(heads.activations.value() - ring.activations.value() == Approx(32 * column * 32 * 128));
}

TEST_CASE("queries, keys and values are sent once more where attention runs again, and there alone",
          "[parallel]") {
    auto const sent = [](std::string const& recompute) {
        auto const f = job_of("deepseek_v3", {{"h", "h100_16384", 8}}, 2,
                              "expert = 8\n" + by_heads + "recompute = \"" + recompute + "\"\n");
        return collective_bytes(build_program(f.job()), "queries").value();
    };
    CHECK(sent("mla_up_proj") == sent("none")); // attention keeps what came
    CHECK(sent("selective") == Approx(2 * sent("none")));
    CHECK(sent("mla_up_proj+selective") == Approx(2 * sent("none")));
}

TEST_CASE("ranks that gather keys and values hold those of all, and their gradients", "[parallel]") {
    auto const buffers = [](std::string const& plan) {
        return memory_of_classes(llama(plan).job()).front().parts.buffers.value();
    };
    CHECK(buffers("context = 4\ncontext_exchange = \"all_gather\"\n") - buffers("context = 4\n") ==
          Approx((4 - 1) * 2 * column * 8 * 256));
}

TEST_CASE("context ranks do the work of one, whatever they send", "[parallel]") {
    auto const flop = [](std::string const& plan) {
        return build_program(llama(plan).job()).hardware_flop.value();
    };
    auto const* const exchange = GENERATE("ring", "all_gather", "all_to_all");
    INFO(exchange);
    CHECK(flop("context = 4\ncontext_exchange = \"" + std::string{exchange} + "\"\n") == Approx(flop("")));
}

TEST_CASE("heads that context ranks cannot share are refused where the degree was written", "[parallel]") {
    // 32 attention and 8 key-value heads; tensor ranks beyond these hold copies of one
    auto const check = [](std::string const& degrees, std::string const& problem) {
        auto const f = job_of("llama3_8b", {{"h", "h100_16384", 64}}, 64,
                              degrees + "context_exchange = \"all_to_all\"\n");
        CHECK_THROWS_WITH(build_program(f.job()), Catch::StartsWith("plan.toml:3:"));
        CHECK_THROWS_WITH(build_program(f.job()), Catch::Contains("parallel.context: " + problem));
        CHECK_THROWS_WITH(memory_of_classes(f.job()), Catch::Contains(problem));
    };
    check("tensor = 8\ncontext = 8\n", "4 attention heads of a tensor rank do not divide by context = 8");
    check("tensor = 4\ncontext = 4\n", "2 key-value heads of a tensor rank do not divide by context = 4");
    check("tensor = 16\ncontext = 2\n", "1 key-value heads of a tensor rank");
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

TEST_CASE("with a window too context ranks together do the work of one", "[parallel]") {
    auto const flop = [](std::string const& plan) {
        auto const f = job_of("gpt_oss_20b", {{"h", "h100_16384", 8}}, 8, plan);
        return build_program(f.job()).hardware_flop.value();
    };
    CHECK(flop("context = 4\n") == Approx(flop("")));
    CHECK(flop(by_heads) == Approx(flop("")));
}

TEST_CASE("context ranks that share the heads of linear attention do the work of one, and send what it reads",
          "[parallel]") {
    auto const of = [](std::string const& plan) {
        return job_of("qwen3_next_80b_a3b", {{"h", "h100_16384", 64}}, 64,
                      "expert = 64\nzero = \"optimizer\"\n" + plan);
    };
    auto const alone = of(""), shared = of("context = 2\ncontext_exchange = \"all_to_all\"\n");
    auto const two = build_program(shared.job());
    CHECK(two.hardware_flop.value() == Approx(build_program(alone.job()).hardware_flop.value()));
    // of 49 layers (one of its MTP module) 36 have 16 heads of keys, each with queries of their own, and 13 have 16 of queries
    double const column = 64 * (64.0 / 32 * 4096 / 2 * 2); // bytes of a column of the rows of all ranks
    CHECK(collective_bytes(two, "queries").value() == Approx(column * (36 * 16 * 128 + 13 * 16 * 256)));
    CHECK(collective_bytes(two, "values").value() == Approx(column * (36 * 32 * 128 + 13 * 2 * 256)));
    CHECK_THROWS_WITH(build_program(of("context = 2\n").job()),
                      Catch::Contains("parallel.context: linear attention"));
}

TEST_CASE("sequences that context ranks cannot share evenly are refused where the degree was written",
          "[parallel]") {
    auto f = job_of("llama3_8b", {{"h", "h100_16384", 64}}, 64, "context = 2\n");
    f.shape.sequence_length = 4095;
    CHECK_THROWS_WITH(build_program(f.job()),
                      Catch::StartsWith("plan.toml:2:") &&
                          Catch::Contains("sequences of 4095 tokens do not divide by context = 2"));
}

TEST_CASE("context ranks need fused attention", "[parallel]") {
    CHECK_THROWS_WITH(llama("context = 2\nfused_attention = false\n"), Catch::Contains("fused attention"));
}
