#include "cli/reproduce_report.hpp"
#include "io/csv.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

TEST_CASE("the table of reproductions reads back, whatever a text of a record holds", "[cli]") {
    results::Reproduced run;
    run.id = "r1, the first";
    run.paper = "a \"paper\"";
    run.group = "torchtitan, 8 nodes";
    run.published = Seconds{2.0};
    run.simulated = Seconds{1.0};
    run.interval = {Seconds{0.9}, Seconds{1.1}};
    run.time_by_evidence = {0.1, 0.2, 0.3, 0.4};
    run.plan = "8 chips, tp 1";
    auto failed = run;
    failed.problem = "a kernel cannot be priced,\nsince a figure is \"unknown\"";
    std::vector<std::vector<std::string>> rows;
    io::parse_csv(cli::reproduction_csv({run, failed}), "t.csv",
                  {"id", "paper", "group", "problem", "published_s", "simulated_s", "analytic", "plan"},
                  [&](io::CsvRow const& row) { rows.emplace_back(row.fields.begin(), row.fields.end()); });
    REQUIRE(rows.size() == 2);
    CHECK(rows[0] ==
          std::vector<std::string>{run.id, run.paper, run.group, "", "2", "1", "0.4", "8 chips, tp 1"});
    CHECK(rows[1] == std::vector<std::string>{run.id, run.paper, run.group, failed.problem, "2", "", "",
                                              "8 chips, tp 1"});
}
