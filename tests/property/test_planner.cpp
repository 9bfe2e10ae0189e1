#include "io/text_file.hpp"
#include "run_program.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace moesaic;
using nlohmann::json;

namespace {

std::string const head = R"(
name = "small"
model = "mixtral_8x7b"
prices = "ling_2025"
[training]
global_batch = 64
sequence_length = 4096
)";

std::string pool(std::string const& name, std::string const& cluster, int chips) {
    return "[[pools]]\nname = \"" + name + "\"\ncluster = \"" + cluster +
           "\"\nchips = " + std::to_string(chips) + "\n";
}

std::string const joined = R"([[site_links]]
between = ["a", "b"]
bandwidth = "400 GB/s"
latency = "10 us"
)";

std::string const search = R"([search]
tensor = [1, 2]
pipeline = [1, 2, 4]
expert = [4, 8]
micro_batch = [1, 2]
schedule = ["1f1b", "zb-h1", "dualpipe", "dualpipev"]
zero = ["optimizer", "parameters"]
)";

std::string const mixed_search = R"([search]
tensor = [1, 2]
pipeline = [2, 4]
expert = [4, 8]
micro_batch = [1]
overlap_exchange = false
schedule = ["1f1b", "zb-h1", "dualpipev"]
zero = ["optimizer"]
)";

json plan(std::string const& scenario, std::string const& options = {}) {
    TemporaryFile const file{"plan.toml"};
    io::write_text_file(file.path, scenario);
    auto const ran = run_program("plan --json " + file.path + " " + options);
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    return json::parse(ran.out);
}

json run(std::string const& scenario) {
    TemporaryFile const file{"run.toml"};
    io::write_text_file(file.path, scenario);
    auto const ran = run_program("run --json " + file.path);
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    return json::parse(ran.out);
}

/// Where a model of its own begins.
std::string shape(std::string const& name, int layers) {
    return "name = \"" + name + "\"\n[model]\nid = \"" + name +
           "\"\n[model.shape]\nsource = \"made up\"\nlayers = " + std::to_string(layers) +
           "\nhidden = 4096\nvocab = 32000\nsequence_length = 4096\n";
}

std::string const attention = R"([model.attention]
source = "made up"
kind = "gqa"
heads = 32
kv_heads = 8
head_dim = 128
)";

std::string const experts = R"([model.moe]
source = "made up"
experts = 16
topk = 2
expert_ffn = 7168
)";

std::string const training = R"([training]
global_batch = 64
sequence_length = 4096
)";

/// The best of a space is the best of all its plans simulated, and no bound is above what its plan takes.
void check_loss_zero(std::string const& scenario) {
    auto const found = plan(scenario);
    auto const all = plan(scenario, "--exhaustive --top 100000");
    CHECK(found["plans"][0]["step_time_s"] == all["plans"][0]["step_time_s"]);
    CHECK(found["considered"] == all["considered"]);
    CHECK(found["simulated"] < all["simulated"]);
    CHECK(all["considered"] < 2000);
    CHECK(all["plans"].size() == all["simulated"]);
    for (auto const& one : all["plans"]) {
        CHECK(one["closed_form_bound_s"].get<double>() <= one["step_time_s"].get<double>() * (1 + 1e-9));
    }
    for (auto const& one : found["plans"]) {
        CHECK(one["longest_path_s"].get<double>() <= one["step_time_s"].get<double>() * (1 + 1e-9));
    }
}

} // namespace

TEST_CASE("on a small space of one pool the best plan is that of simulating every plan", "[property]") {
    check_loss_zero(head + pool("a", "h800_4096", 16) + search);
}

TEST_CASE("on a small space of two pools the best plan is that of simulating every plan", "[property]") {
    check_loss_zero(head + pool("a", "h800_4096", 16) + pool("b", "ascend_910b2_4096", 16) + joined +
                    mixed_search);
}

TEST_CASE("nor is a plan missed where dense layers stand between those with experts", "[property]") {
    auto const alternating = shape("alternating", 15) + "dense_ffn = 28672\n" + attention +
                             "window = 1024\nfull_attention_every = 3\n" + experts +
                             "leading_dense_layers = 1\nevery = 2\n" + training;
    check_loss_zero(alternating + pool("a", "h800_4096", 16) + search);
    check_loss_zero(alternating + pool("a", "h800_4096", 16) + pool("b", "ascend_910b2_4096", 16) + joined +
                    mixed_search);
}

TEST_CASE("nor where layers are of several kinds, in a row or in an order of their own", "[property]") {
    auto const behind = R"([model.linear_attention]
source = "made up"
heads = 32
key_dim = 128
convolution = 4
)" + experts + training;
    auto const model = shape("hybrid", 12);
    check_loss_zero(model + attention + "full_attention_every = 3\n" + behind + pool("a", "h800_4096", 16) +
                    search);
    auto with_dense = behind; // the first layer with experts is one that attends
    with_dense.replace(with_dense.find("topk = 2"), 0, "leading_dense_layers = 2\n");
    check_loss_zero(model + "dense_ffn = 14336\n" + attention + "full_attention_every = 3\n" + with_dense +
                    pool("a", "h800_4096", 16) + search);
    check_loss_zero(model + "pattern = \"MEM*EMEME*EM\"\n" + attention + behind + pool("a", "h800_4096", 16) +
                    search);
    check_loss_zero(model + "pattern = \"MEM*EMEME*EM\"\n" + attention + behind + pool("a", "h800_4096", 16) +
                    pool("b", "ascend_910b2_4096", 16) + joined + mixed_search);
}

TEST_CASE("nor where layers at the ends have wider formats", "[property]") {
    auto const model = shape("wide_ends", 12) + attention + experts + training + R"(precision = "fp8"
[training.wider]
first_layers = 1
last_layers = 4
attention = "bf16"
)";
    check_loss_zero(model + pool("a", "h800_4096", 16) + search);
    check_loss_zero(model + pool("a", "h800_4096", 16) + pool("b", "h100_16384", 16) + joined + mixed_search);
}

TEST_CASE("bounds hold where dense layers hide what layers with experts have to send", "[property]") {
    std::string const unlike = R"(
name = "unlike"
[model]
id = "unlike"
[model.shape]
source = "made up"
layers = 8
hidden = 2048
vocab = 8192
sequence_length = 4096
dense_ffn = 32768
[model.attention]
source = "made up"
kind = "gqa"
heads = 16
kv_heads = 8
head_dim = 128
[model.moe]
source = "made up"
experts = 16
topk = 4
expert_ffn = 512
leading_dense_layers = 4
[training]
global_batch = 256
sequence_length = 4096
)";
    std::string const all = R"([search]
tensor = [1]
pipeline = [1, 2]
expert = [4, 8]
micro_batch = [1]
schedule = ["dualpipev", "dualpipe", "interleaved", "1f1b"]
overlap_exchange = true
zero = ["none", "optimizer"]
recompute = ["none"]
)";
    for (std::string const bandwidth : {"20 GB/s", "40 GB/s"}) {
        check_loss_zero(unlike + pool("a", "h800_4096", 8) + "scale_up_bandwidth = \"" + bandwidth + "\"\n" +
                        all);
    }
}

TEST_CASE("a plan's TOML runs, and takes the time that was said", "[property]") {
    auto const found =
        plan(head + pool("a", "h800_4096", 16) + pool("b", "ascend_910b2_4096", 16) + joined + mixed_search);
    for (auto const& one : found["plans"]) {
        auto const ran = run(one["plan"]);
        CHECK(ran["step_time_s"] == one["step_time_s"]);
        CHECK(ran["cost_per_trillion_tokens"]["value"].get<double>() ==
              Approx(one["cost_per_trillion_tokens"]["value"].get<double>()));
    }
}

TEST_CASE("with more chips no plan gets slower", "[property]") {
    double before = 1e30;
    for (int const chips : {16, 24, 32, 40}) {
        double const step = plan(head + pool("a", "h800_4096", chips) + search)["plans"][0]["step_time_s"];
        CHECK(step <= before);
        before = step;
    }
}

TEST_CASE("a further pool never makes the best plan slower", "[property]") {
    auto const one = plan(head + pool("a", "h800_4096", 16) + mixed_search);
    auto const two =
        plan(head + pool("a", "h800_4096", 16) + pool("b", "ascend_910b2_4096", 8) + joined + mixed_search);
    CHECK(two["plans"][0]["step_time_s"] <= one["plans"][0]["step_time_s"]);
}

TEST_CASE("chips of one cluster under two names give the result of one pool", "[property]") {
    auto const one = plan(head + pool("a", "h800_4096", 16) + search);
    auto const two = plan(head + pool("a", "h800_4096", 8) + pool("b", "h800_4096", 8) + search);
    CHECK(one["plans"].size() == two["plans"].size());
    for (std::size_t i = 0; i < one["plans"].size(); ++i) {
        CHECK(one["plans"][i]["step_time_s"] == two["plans"][i]["step_time_s"]);
        CHECK(run(two["plans"][i]["plan"])["step_time_s"] == two["plans"][i]["step_time_s"]);
    }
}

TEST_CASE("names of pools and the seed of a search without draws change nothing", "[property]") {
    auto const first = pool("a", "h800_4096", 16) + pool("b", "ascend_910b2_4096", 16);
    auto const second = pool("b", "h800_4096", 16) + pool("a", "ascend_910b2_4096", 16);
    auto const one = plan(head + first + joined + mixed_search, "--seed 1");
    for (auto const& other : {plan(head + second + joined + mixed_search, "--seed 1"),
                              plan(head + first + joined + mixed_search, "--seed 2")}) {
        REQUIRE(one["plans"].size() == other["plans"].size());
        for (std::size_t i = 0; i < one["plans"].size(); ++i) {
            CHECK(one["plans"][i]["step_time_s"] == other["plans"][i]["step_time_s"]);
            CHECK(one["plans"][i]["bound_by"] == other["plans"][i]["bound_by"]);
        }
        CHECK(one["simulated"] == other["simulated"]);
    }
}

TEST_CASE("limits of chips, money and days are kept, and the front of time against cost is one",
          "[property]") {
    auto const scenario =
        head + pool("a", "h800_4096", 16) + pool("b", "ascend_910b2_4096", 16) + joined + mixed_search;
    auto const free = plan(scenario);
    double const step = free["plans"][0]["step_time_s"];
    auto const few = plan(scenario, "--chips 16");
    REQUIRE(!few["plans"].empty());
    for (auto const& one : few["plans"]) {
        CHECK(one["chips"] <= 16);
    }
    auto const cheap = plan(scenario, "--mix");
    double const least = cheap["plans"][0]["cost_per_trillion_tokens"]["value"];
    CHECK(least <= free["plans"][0]["cost_per_trillion_tokens"]["value"]);
    auto const budget = plan(scenario, "--budget '" + std::to_string(least * 1.05) + " CNY'");
    REQUIRE(!budget["plans"].empty());
    for (auto const& one : budget["plans"]) {
        CHECK(one["cost_per_trillion_tokens"]["value"].get<double>() <= least * 1.05);
    }
    // a trillion tokens in steps of 64 x 4096
    double const days = step * 1.1 * 1e12 / (64 * 4096) / 86400;
    auto const soon = plan(scenario, "--mix --days " + std::to_string(days));
    REQUIRE(!soon["plans"].empty());
    for (auto const& one : soon["plans"]) {
        CHECK(one["step_time_s"].get<double>() <= step * 1.1 * (1 + 1e-6));
    }
    REQUIRE(!free["pareto"].empty());
    double time = 0.0, cost = 1e30;
    for (auto const& one : free["pareto"]) {
        CHECK(one["step_time_s"].get<double>() >= time);
        CHECK(one["cost_per_trillion_tokens"]["value"].get<double>() < cost);
        time = one["step_time_s"];
        cost = one["cost_per_trillion_tokens"]["value"];
    }
}

TEST_CASE("what cannot be planned is told", "[property]") {
    TemporaryFile const file{"plan.toml"};
    io::write_text_file(file.path, head + pool("a", "h800_4096", 8) + search + "replicas = [8]\n");
    auto const ran = run_program("plan " + file.path + " 2>&1");
    CHECK(ran.exit_code == 2);
    CHECK_THAT(ran.out, Catch::Contains("fits the memory"));
    auto const without = run_program("run " + file.path + " 2>&1");
    CHECK(without.exit_code == 2);
    CHECK_THAT(without.out, Catch::Contains("parallel"));
}
