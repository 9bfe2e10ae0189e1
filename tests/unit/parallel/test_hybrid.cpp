#include "parallel/expert_split.hpp"
#include "parallel/layer_activations.hpp"
#include "unit/model/models.hpp"
#include "unit/parallel/job_fixture.hpp"
#include "unit/parallel/program_sums.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;
using moesaic::test::collective_bytes;
using moesaic::test::job_of;

namespace {

/// Bytes that a token keeps of a layer.
double kept(std::string const& model, int layer, std::string const& plan = "",
            Recompute recompute = Recompute::none) {
    auto const f = job_of(model, {{"d", "h800_4096", 64}}, 64, plan);
    auto const places = place_stages(f.plan, f.topology);
    auto const setting = stage_setting(f.model, f.plan, places.at(0), 4096);
    return activation_bytes(setting, layer, recompute).value() / 4096;
}

} // namespace

TEST_CASE("a layer of Mamba-2 keeps what its convolution, scan and gate read, and nothing of an FFN",
          "[parallel]") {
    // Nemotron-H 56B: 8,192 columns, 256 heads of 64 over 8 groups of 256; in 16 bit
    double const keys = 2 * 8 * 256, values = 256 * 64;
    double const inputs = 2 * 8192; // its own, and the norm's output
    double const before_and_after = 2 * (keys + values), gate_and_read = 2 * values, gated = values;
    CHECK(kept("nemotron_h_56b", 0) == Approx(2 * (inputs + before_and_after + gate_and_read + gated)));
    // the FFN: its input, the norm's output, before and behind the activation
    CHECK(kept("nemotron_h_56b", 1) == Approx(2 * (2 * 8192 + 2 * 32768)));
    // over two tensor ranks each has half of what is theirs
    std::string const two = "tensor = 2\nsequence_parallel = true\n";
    CHECK(kept("nemotron_h_56b", 0, two) == Approx(kept("nemotron_h_56b", 0) / 2));
}

TEST_CASE("keys of fewer heads than tensor ranks are whole on each", "[parallel]") {
    // Granite: one group of keys for 128 heads of 64
    std::string const two = "tensor = 2\nsequence_parallel = true\n";
    double const keys = 2 * 128;
    double const one = kept("granite_4_0_h_small", 0), half = kept("granite_4_0_h_small", 0, two);
    CHECK(half - one / 2 ==
          Approx(2 * 2 * keys / 2)); // before and after the convolution, the half that is there twice
}

TEST_CASE("gated attention keeps what it gives, the gate, and what the product behind them reads",
          "[parallel]") {
    // Qwen3-Next: 16 heads of 256, two of keys; against one without a gate the kernel's output twice more
    auto f = job_of("qwen3_next_80b_a3b", {{"d", "h800_4096", 64}}, 64, "expert = 64\n");
    auto const of = [](test::JobFixture const& job) {
        auto const places = place_stages(job.plan, job.topology);
        return activation_bytes(stage_setting(job.model, job.plan, places.at(0), 4096), 3, Recompute::none)
                   .value() /
               4096;
    };
    double const gated = of(f);
    std::get<model::Gqa>(f.model.attention).output_gate = false;
    CHECK(gated - of(f) == Approx(2.0 * 2 * 16 * 256));
}

TEST_CASE("norms of queries and keys that run again are not kept, in linear attention neither",
          "[parallel]") {
    auto const saved = [](int layer) {
        return kept("ring_mini_linear_2", layer, "expert = 8\n") -
               kept("ring_mini_linear_2", layer, "expert = 8\n", Recompute::inner_norms);
    };
    CHECK(saved(1) == Approx(2.0 * 2 * 16 * 128));   // 16 heads of both
    CHECK(saved(4) == Approx(2.0 * (16 + 4) * 128)); // attention: 4 heads of keys
}

TEST_CASE("what lies between the two factors of a gate and of a decay is kept whole on each rank",
          "[parallel]") {
    auto f = job_of("kimi_linear_48b_a3b", {{"d", "h800_4096", 64}}, 64,
                    "tensor = 2\nsequence_parallel = true\nexpert = 64\n");
    auto const of = [&] {
        auto const places = place_stages(f.plan, f.topology);
        return activation_bytes(stage_setting(f.model, f.plan, places.at(0), 4096), 1, Recompute::none)
                   .value() /
               4096;
    };
    double const with = of();
    double const ranks = f.model.linear->gate_rank + f.model.linear->decay_rank;
    CHECK(ranks == 256);
    f.model.linear->gate_rank = f.model.linear->decay_rank = 0;
    CHECK(with - of() == Approx(2 * ranks));
}

TEST_CASE("linear attention that no layer has asks nothing of the ranks", "[parallel]") {
    auto model = model::shipped_model("ring_mini_linear_2");
    model::Shard const shard{.tensor = 1, .context = 4};
    CHECK(model::problem_with(model, shard)->text.find("linear attention reads") == 0);
    model.full_attention_every = 0;
    for (int layer = 1; layer <= model.layers; ++layer) {
        model.full_attention_layers.push_back(layer);
    }
    CHECK_FALSE(model::problem_with(model, shard));
}

TEST_CASE("latent experts keep and send their own columns", "[parallel]") {
    auto f = job_of("nemotron_3_super_120b_a12b", {{"d", "h800_4096", 64}}, 64, "expert = 64\n");
    // with the weights' gradients still to come the way back from the experts waits too
    auto const places = place_stages(f.plan, f.topology);
    auto const waiting = [&] {
        return waiting_bytes(stage_setting(f.model, f.plan, places.at(0), 4096), 1).value() / 4096;
    };
    double const sent = collective_bytes(build_program(f.job()), "dispatch").value(), waits = waiting();
    f.model.moe->latent = 0;
    CHECK(collective_bytes(build_program(f.job()), "dispatch").value() ==
          Approx(4 * sent)); // 4,096 columns and 1,024
    double const copies = 22, latent = 1024, hidden = 4096;
    CHECK(waits - waiting() == Approx(2 * (2 * copies * (latent - hidden) + 2 * (hidden + latent))));
}

TEST_CASE("shares of recompute are even within each kind of layer, MTP modules behind a pattern included",
          "[parallel]") {
    StageGroup group;
    group.recompute = Recompute::full;
    group.recompute_share = 0.5;
    auto const again = [&](std::string const& pattern, int modules) {
        auto model = model::shipped_model("nemotron_3_nano_30b_a3b");
        model.layers = static_cast<int>(pattern.size());
        model.pattern = pattern;
        model.mtp_depth = modules;
        std::string out;
        for (int layer = 0; layer < model.layers + modules; ++layer) {
            out += recompute_of(group, model, layer) == Recompute::full ? 'R' : '.';
        }
        return out;
    };
    CHECK(again("MEMEMEME", 0) == "..RR..RR");
    // what is left over of a kind counts for the next
    group.recompute_share = 0.25;
    CHECK(std::ranges::count(again("M*-EM*-EMME-", 0), 'R') == 3);
    CHECK(std::ranges::count(again("M*-E", 0), 'R') == 1);
    group.recompute_share = 0.5;
    CHECK(again("MEMEMEME", 2) == "..RR..RR.R");
    CHECK(again("EMEMEMEM", 2) == "..RR..RR.R");
}

TEST_CASE("MTP modules behind a pattern have the numbers of experts of the last layer with experts",
          "[parallel]") {
    auto model = model::shipped_model("nemotron_3_nano_30b_a3b");
    model.layers = 4;
    model.mtp_depth = 1;
    for (std::string const pattern : {"MEME", "EMEM"}) {
        model.pattern = pattern;
        CHECK(moe_index(model, 4) == 1);
    }
}
