#include "run_program.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <vector>

using namespace moesaic;
using nlohmann::json;

namespace {

double step_of(std::string const& scenario, std::string const& settings) {
    auto const ran = run_program("run --json " + tutorial(scenario) + " " + settings);
    INFO(ran.err);
    REQUIRE(ran.exit_code == 0);
    return json::parse(ran.out)["step_time_s"];
}

/// The step times of one scenario over values of one setting.
std::vector<double> steps_over(std::string const& scenario, std::string const& path,
                               std::vector<std::string> const& values) {
    std::vector<double> out;
    for (auto const& value : values) {
        out.push_back(step_of(scenario, "--set '" + path + "=" + value + "'"));
    }
    return out;
}

void check_never_rises(std::vector<double> const& steps) {
    for (std::size_t i = 1; i < steps.size(); ++i) {
        INFO(steps[i - 1] << " s, then " << steps[i] << " s");
        CHECK(steps[i] <= steps[i - 1] * (1 + 1e-9));
    }
    CHECK(steps.back() < steps.front()); // the setting matters at all
}

} // namespace

TEST_CASE("more bandwidth of the NICs is never slower", "[property]") {
    check_never_rises(steps_over("03-experts-across-nodes.toml", "pools[0].nic_bandwidth",
                                 {"10 GB/s", "25 GB/s", "50 GB/s", "200 GB/s"}));
}

TEST_CASE("more bandwidth inside the node is never slower", "[property]") {
    check_never_rises(steps_over("02-pipeline.toml", "pools[0].scale_up_bandwidth",
                                 {"100 GB/s", "200 GB/s", "450 GB/s", "900 GB/s"}));
}

TEST_CASE("more bandwidth between context ranks is never slower, whatever they send", "[property]") {
    std::string const exchange = GENERATE("ring", "all_gather", "all_to_all");
    INFO(exchange);
    check_never_rises(steps_over("01-one-node.toml",
                                 "parallel.context=4' --set 'parallel.context_exchange=" + exchange +
                                     "' --set 'pools[0].scale_up_bandwidth",
                                 {"50 GB/s", "200 GB/s", "900 GB/s"}));
}

TEST_CASE("a wider link between sites is never slower", "[property]") {
    check_never_rises(steps_over("04-replicas-on-two-pools.toml", "site_links[0].bandwidth",
                                 {"5 GB/s", "25 GB/s", "100 GB/s", "400 GB/s"}));
}

TEST_CASE("less oversubscription is never slower", "[property]") {
    check_never_rises(steps_over("03-experts-across-nodes.toml",
                                 "parallel.expert=64' --set 'pools[0].oversubscription",
                                 {"16", "8", "4", "1"}));
}

TEST_CASE("a busier expert rank is never faster", "[property]") {
    check_never_rises(steps_over("03-experts-across-nodes.toml",
                                 "parallel.recompute=full' --set 'parallel.expert_imbalance",
                                 {"2.0", "1.5", "1.2", "1.0"}));
}

TEST_CASE("more tokens of training change no step, and cost in proportion", "[property]") {
    auto const run = [](std::string const& tokens) {
        return json::parse(run_program("run --json " + tutorial("01-one-node.toml") +
                                       " --set 'training.tokens=" + tokens + "'")
                               .out);
    };
    CHECK(run("1 Ttokens")["cost_per_trillion_tokens"] == run("9 Ttokens")["cost_per_trillion_tokens"]);
}

TEST_CASE("twice the batch takes less than twice the time: the bubble and the end of the step are shared",
          "[property]") {
    auto const once = step_of("02-pipeline.toml", "");
    auto const twice = step_of("02-pipeline.toml", "--set training.global_batch=128");
    CHECK(twice < 2 * once);
    CHECK(twice > 1.5 * once);
}

TEST_CASE("the same pool under another name gives the same step", "[property]") {
    CHECK(step_of("01-one-node.toml", "--set 'pools[0].name=other'") == step_of("01-one-node.toml", ""));
}
