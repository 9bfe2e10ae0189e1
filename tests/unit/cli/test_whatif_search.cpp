#include "cli/whatif_search.hpp"
#include "no_tables.hpp"

#include "io/text_file.hpp"
#include "scenario/run_scenario.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

TEST_CASE("a study's search bounds plans by the timings that their scenario is simulated with", "[cli]") {
    TemporaryFile const table{"own.csv"}, file{"study.toml"};
    io::write_text_file(table.path, "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence\n"
                                    "H20,gemm,bf16,8192,8192,8192,1,,9000,me,mine\n");
    io::write_text_file(file.path, R"(name = "own timings"
[common]
regime = { date = "2025-03-01", destination = "CN" }
fleet = { budget = "3e6 CNY", acquisition = "buy" }
economics = { hosting = "china_2025", purchases = ["china_2025"] }
search = { tensor = [1], micro_batch = [1], zero = ["optimizer"], schedule = ["1f1b"], recompute = ["full"] }
[[cases]]
name = "now"
[[candidates]]
name = "as shipped"
scenario = ")" MOESAIC_SOURCE_DIR R"(/scenarios/tutorial/01-one-node.toml"
plan = "search"
[[candidates]]
name = "own"
scenario = ")" MOESAIC_SOURCE_DIR R"(/scenarios/tutorial/01-one-node.toml"
plan = "search"
set = { timings = [")" + table.path + R"("] }
)");
    auto const study = scenario::read_study(file.path);
    auto const timings = test::no_tables();
    parallel::Calibration const calibration;
    std::vector<std::vector<std::string>> asked;
    cli::StudySearch search{{.timings = [&](scenario::Scenario const& s) -> timing::Timings const& {
                                 asked.push_back(s.timings);
                                 return timings;
                             },
                             .calibration = calibration,
                             .data_folder = MOESAIC_SOURCE_DIR,
                             .days = {},
                             .simulate =
                                 [](auto const&, auto const& plans) {
                                     return std::vector<planner::Simulated>(plans.size(), {1e3, ""});
                                 }}};
    for (auto const& option : scenario::options_of(study, MOESAIC_SOURCE_DIR)) {
        CHECK(search.plans_for(option).front().refused.empty());
    }
    CHECK(asked == std::vector<std::vector<std::string>>{{}, {table.path}});
}
