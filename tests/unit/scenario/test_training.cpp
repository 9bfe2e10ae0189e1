#include "scenario/run_scenario.hpp"
#include "scenario/time_to_train.hpp"

#include "apart.hpp"

#include <array>
#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::scenario;
using Catch::Matchers::Contains;

namespace {

std::string const data = MOESAIC_SOURCE_DIR;
std::string const lab = data + "/scenarios/tutorial/08-fleet-and-money.toml";

std::vector<io::TomlOverride> with(std::vector<std::string> const& settings) {
    std::vector<io::TomlOverride> out;
    std::ranges::transform(settings, std::back_inserter(out), io::parse_override);
    return out;
}

Scenario read(std::vector<std::string> const& settings = {}) {
    return read_scenario(lab, with(settings), data);
}

results::Run run(std::vector<std::string> const& settings) { return run_scenario(read(settings), data, {}); }

} // namespace

TEST_CASE("a batch that grows takes more steps, each as long as a simulation of it says", "[scenario]") {
    auto const ramped = run({});
    REQUIRE(ramped.training->phases.size() == 2);
    auto const& small = ramped.training->phases.front();
    // 50e9 tokens / (256 x 4,096) and (1e12 - 50e9) / (512 x 4,096)
    CHECK(small.steps == Approx(47683.7).epsilon(1e-4));
    CHECK(ramped.training->phases.back().steps == Approx(452995.3).epsilon(1e-4));
    CHECK(ramped.training->undisturbed.value() ==
          Approx(small.steps * small.step.value() +
                 ramped.training->phases.back().steps * ramped.training->phases.back().step.value()));
}

TEST_CASE("the step of a smaller batch is within 1 % of its own simulation", "[scenario]") {
    auto const in_ramp = test::apart([] {
                             return run({"training.batch_ramp=[{until=\"50 Btokens\",global_batch=64}]"})
                                 .training->phases.front()
                                 .step.value();
                         }).result;
    auto const simulated = run({"training.global_batch=64", "training.batch_ramp=[]"});
    CHECK(in_ramp == Approx(simulated.metrics->step.value()).epsilon(0.01));
}

TEST_CASE("a run says where its chips come from and what they cost", "[scenario]") {
    auto const one = run({});
    auto const& spending = one.spending.value();
    REQUIRE(spending.lots.size() == 2);
    CHECK(spending.lots[0].lot.chips == 24); // 16 and a spare node
    CHECK(spending.lots[0].lot.way == economics::Way::owned);
    CHECK(spending.lots[1].lot.way == economics::Way::bought);
    CHECK(iso_text(*spending.lots[1].day) == "2025-03-01");
    using economics::Account;
    // 16 H20 x 110,000 CNY x 1.37 host x 1.11 network
    CHECK(total(spending.bill, Account::purchase) == Approx(16 * 110000 * 1.37 * 1.11));
    CHECK(spending.budget == Money{5e6, "CNY"});
    CHECK_FALSE(spending.over_budget());
}

TEST_CASE("contradictions of the whole training are told with their place", "[scenario]") {
    auto const problem = [](std::string const& setting) {
        try {
            (void)read({setting});
        } catch (InputError const& error) {
            return std::string{error.what()};
        }
        return std::string{"no error"};
    };
    CHECK_THAT(problem("training.batch_ramp=[{ until = \"2 Ttokens\", global_batch = 256 }]"),
               Contains("training.batch_ramp[0].until: must be above 0 tokens and below the 1 Ttokens"));
    CHECK_THAT(problem("fleet.start=\"2025-02-01\""),
               Contains("fleet.start: 2025-02-01 is before the date of the regime, 2025-03-01"));
    CHECK_THAT(problem("reliability.checkpoint_save=\"1 s\""),
               Contains("either this or checkpoint_bandwidth"));
    CHECK_THAT(
        problem("regime.date=\"2025-05-01\""),
        Contains("nvidia_h20 cannot be had in CN on 2025-05-01: licence required (us_2025_04_letters"));
    CHECK_THAT(problem("regime.date=\"2023-07-01\""),
               Contains("nvidia_h20 cannot be had in CN on 2023-07-01: it was launched "
                        "only on 2023-11-09"));
    CHECK_THAT(
        problem("fleet.stock=[{ chip = \"nvidia_h800_sxm5\", count = 8, owned_since = \"2023-06-01\" }]"),
        Contains("cover 8 and its licences 0 of the 24 needed"));
    CHECK_THAT(problem("pools[0].spare_nodes=600"),
               Contains("spare_nodes: cluster h800_4096 has 4096 chips only"));
}

TEST_CASE("a currency without a rate in that year is an error at the year", "[scenario]") {
    CHECK_THROWS_WITH(run({"currency=\"USD\"", "exchange_year=2001"}),
                      Contains("exchange_year: no exchange rate from CNY to USD for 2001"));
}

TEST_CASE("times of failures are checked, and a training that gets nowhere is told", "[scenario]") {
    auto const problem = [](std::string const& setting) -> std::string {
        auto const file = data + "/scenarios/tutorial/06-failures.toml";
        auto const told = test::apart([&] {
            std::array<char, 500> text{};
            try {
                (void)run_scenario(read_scenario(file, with({setting}), data), data, {});
            } catch (InputError const& error) {
                std::string_view{error.what()}.substr(0, text.size() - 1).copy(text.data(), text.size());
            }
            return text;
        });
        return told.result.data();
    };
    CHECK_THAT(problem("reliability.checkpoint_save=\"0 s\""),
               Contains("checkpoint_save: must be above zero"));
    CHECK_THAT(problem("reliability.detection=\"-1 h\""), Contains("detection: must not be negative"));
    CHECK_THAT(problem("reliability.restart=\"-1 h\""), Contains("restart: must not be negative"));
    CHECK_THAT(problem("reliability.checkpoint_interval=\"1 us\""), Contains("Give a longer"));
    CHECK_THAT(problem("training.tokens=\"1e30 tokens\""), Contains("days of training would save"));
    CHECK_THAT(problem("reliability.chip_hours_per_failure=300"), Contains("does not come to its end"));
    CHECK_THAT(problem("parallel.memory_reserve=\"-1 GiB\""),
               Contains("memory_reserve: must not be negative"));
}

TEST_CASE("a list of prices that is not there is told at the purchases", "[scenario]") {
    CHECK_THROWS_WITH(run({"economics.purchases=[\"nope\"]"}), Contains("economics.purchases"));
}

TEST_CASE("Llama 3's run on 16,384 H100 trains in more than 90 % of its time, as published", "[scenario]") {
    auto const scenario =
        read_scenario(data + "/scenarios/papers/llama3_herd/effective_training_time.toml", {}, data);
    // 405.9e9 weights x 14 bytes at 2 TB/s
    CHECK(scenario.reliability->checkpoints.save.value() == Approx(2.84).epsilon(0.01));
    auto const llama3 = run_scenario(scenario, data, {});
    auto const& played = llama3.training->played.value();
    CHECK(played.wall.value() / 86400.0 == Approx(54).epsilon(0.1));
    CHECK(static_cast<double>(played.failures) == Approx(419).epsilon(0.15)); // drawn, not given
    CHECK(played.goodput(llama3.training->undisturbed) > *scenario.published->effective_training_time);
    CHECK(played.goodput(llama3.training->undisturbed) < 0.94);
}

TEST_CASE("an hour of a chip costs what the bill of a whole training makes of it", "[scenario]") {
    auto const scenario = read({"training.batch_ramp=[]"});
    auto const hourly = hourly_costs(scenario, data);
    REQUIRE(hourly.size() == 2);
    // all chips of both kinds compute for 10 hours: the bill is 10 times their hours
    results::TrainingTime ten;
    ten.undisturbed = Seconds{36000.0};
    ten.busy_chips = {{"nvidia_h800_sxm5", 24.0}, {"nvidia_h20", 16.0}};
    auto const bill = spending_of(scenario, ten, data).bill;
    CHECK(total(bill, economics::Total::cost) ==
          Approx(10 * (24 * hourly.at("nvidia_h800_sxm5").amount + 16 * hourly.at("nvidia_h20").amount)));
}

TEST_CASE("a scenario's own price of power takes the place of the hosting's", "[scenario]") {
    results::TrainingTime hour;
    hour.undisturbed = Seconds{seconds_per_hour};
    auto const power = [&](std::vector<std::string> const& settings) {
        double sum = 0.0;
        for (auto const& line : spending_of(read(settings), hour, data).bill.lines) {
            sum += line.account == economics::Account::power ? line.amount : 0.0;
        }
        return sum;
    };
    CHECK(power({"economics.power_price=\"2 CNY/kWh\""}) ==
          Approx(4.0 * power({"economics.power_price=\"0.5 CNY/kWh\""})));
    CHECK(power({"economics.power_price=\"0 CNY/kWh\""}) == 0.0);
    CHECK(power({}) > 0.0);
    CHECK_THROWS_WITH(read({"economics.power_price=\"-1 CNY/kWh\""}), Contains("must not be negative"));
}
