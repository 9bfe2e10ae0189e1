#include "io/hdf5.hpp"
#include "io/text_file.hpp"
#include "run_program.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace moesaic;
using nlohmann::json;

TEST_CASE("run --json prints one object with everything that scripts rely on", "[cli]") {
    auto const ran = run_program("run --json " + tutorial("01-one-node.toml"));
    REQUIRE(ran.exit_code == 0);
    auto const run = json::parse(ran.out);
    for (auto const* key :
         {"scenario", "fits", "step_time_s", "tokens_per_s", "mfu", "chips", "chip_hours_per_trillion_tokens",
          "cost_per_trillion_tokens", "time_by_evidence", "step_time_interval_80_s", "simulation_wall_s"}) {
        INFO(key);
        CHECK(run.contains(key));
    }
    double evidence = 0.0;
    for (auto const& share : run["time_by_evidence"]) {
        evidence += share.get<double>();
    }
    CHECK(evidence == Approx(1.0).epsilon(1e-9));
    CHECK(run["step_time_interval_80_s"][0] < run["step_time_s"]);
    CHECK(run["step_time_interval_80_s"][1] > run["step_time_s"]);
    // 64 sequences of 4,096 tokens per step; 8 chips at 5.64 CNY/h
    CHECK(run["tokens_per_s"].get<double>() == Approx(64 * 4096 / run["step_time_s"].get<double>()));
    auto const hours = 1e12 / run["tokens_per_s"].get<double>() / 3600 * 8;
    CHECK(run["chip_hours_per_trillion_tokens"].get<double>() == Approx(hours));
    CHECK(run["cost_per_trillion_tokens"]["value"].get<double>() == Approx(hours * 5.64));
    CHECK(run["cost_per_trillion_tokens"]["currency"] == "CNY");
}

TEST_CASE("several scenarios make a table, or a list of runs in JSON", "[cli]") {
    auto const both = tutorial("01-one-node.toml") + " " + tutorial("04-replicas-on-two-pools.toml");
    auto const table = run_program("run " + both);
    REQUIRE(table.exit_code == 0);
    CHECK(table.out.find("Ling-Lite on one H20 server") != std::string::npos);
    CHECK(table.out.find("Ling-Lite on H800 and Ascend 910B2") != std::string::npos);
    auto const runs = json::parse(run_program("run --json " + both).out)["runs"];
    REQUIRE(runs.size() == 2);
    // in the order of the command line, and as each is alone
    CHECK(runs[0]["step_time_s"] ==
          json::parse(run_program("run --json " + tutorial("01-one-node.toml")).out)["step_time_s"]);
}

TEST_CASE("rows of one's own tables that no answer rests on are told before the run", "[cli]") {
    TemporaryFile const table{"own.csv"};
    io::write_text_file(table.path, "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence\n"
                                    "n8,gemm,bf16,4096,4096,4096,1,,500,me,mine\n"
                                    "H20,gemm,bf16,8192,8192,8192,1,,0.001,me,mine\n"
                                    "H20,group_gemm,bf16,8192,8192,8192,1,,100,me,mine\n");
    auto const ran = run_program("run " + tutorial("01-one-node.toml") + " --timings " + table.path);
    CHECK(ran.exit_code == 0);
    for (auto const* told : {"own.csv:2:0: chip: 1 row: chip n8 is not in the catalogue",
                             "own.csv:3:0: time_us: 1 row refused: faster than 1.10 times the peak of H20",
                             "own.csv:4:0: op: 1 row refused: unknown operation group_gemm"}) {
        INFO(told);
        CHECK(ran.err.find(told) != std::string::npos);
    }
    CHECK(run_program("run " + tutorial("01-one-node.toml")).err.find("row") == std::string::npos);
    // several scenarios share a table: told once
    auto const both = run_program("run " + tutorial("01-one-node.toml") + " " +
                                  tutorial("04-replicas-on-two-pools.toml") + " --timings " + table.path);
    auto const first = both.err.find("own.csv:2:0");
    CHECK(first != std::string::npos);
    CHECK(both.err.find("own.csv:2:0", first + 1) == std::string::npos);
}

TEST_CASE("the same scenario gives the same bits", "[cli]") {
    auto first = json::parse(run_program("run --json " + tutorial("04-replicas-on-two-pools.toml")).out);
    auto second = json::parse(run_program("run --json " + tutorial("04-replicas-on-two-pools.toml")).out);
    first.erase("simulation_wall_s");
    second.erase("simulation_wall_s");
    CHECK(first == second);
}

TEST_CASE("a mistake of the user is told with its place, and the exit code is 2", "[cli]") {
    struct Mistake {
        std::string arguments;
        std::string message;
    };
    auto const one = tutorial("01-one-node.toml");
    for (auto const& [arguments, message] : {
             Mistake{"run nowhere.toml", "error: nowhere.toml: cannot be read (No such file or directory)"},
             Mistake{"run " + one + " --set model=ling_lit", "Did you mean ling_lite"},
             Mistake{"run " + one + " --set 'pools[0].cluster=h02_4096'", "Did you mean h20_4096"},
             Mistake{"run " + one + " --set parallel.expert=7",
                     "expert degree 7 x expert_tensor 1 does not divide the 8 ranks of a stage"},
             Mistake{"run " + one + " --set parallel.pipeline=3", "do not divide into replicas of 3 chips"},
             Mistake{"run " + one + " --set training.global_batch=9",
                     "a global batch of 9 sequences does not divide into 8 replicas"},
             Mistake{"run " + one + " --set 'pools[0].chips=12'",
                     "12 chips are no whole number of nodes of 8"},
             Mistake{"run " + one + " --set training.precision=fp7", "number format \"fp7\" is not known"},
             Mistake{"run " + one + " --set paralel.tensor=2",
                     "--set: paralel: is not a known key. Did you mean parallel?"},
             Mistake{"run " + one + " --set prices=ling_2026", "ling_2025"},
             Mistake{"run " + one + " --set parallel.tensor", "has no \"=\""},
             Mistake{"run", "scenario is required"},
             Mistake{"rnu", "required"},
         }) {
        INFO(arguments);
        auto const ran = run_program(arguments);
        CHECK(ran.exit_code == 2);
        CHECK_THAT(ran.err, Catch::Contains(message));
        CHECK(ran.out.empty());
    }
}

TEST_CASE("a model that does not fit is told with what it needs, and the exit code is 2", "[cli]") {
    auto const arguments = "run " + tutorial("01-one-node.toml") + " --set model=ling_plus";
    auto const ran = run_program(arguments);
    CHECK(ran.exit_code == 2);
    CHECK_THAT(ran.err, Catch::Contains("does not fit: stage 0 of 1 on nvidia_h20 needs") &&
                            Catch::Contains("largest: "));
    CHECK_THAT(ran.out, Catch::Contains("memory"));
    auto const as_json = run_program(arguments + " --json");
    CHECK(as_json.exit_code == 2);
    auto const told = json::parse(as_json.out);
    CHECK(told["fits"] == false);
    CHECK_FALSE(told.contains("step_time_s"));
}

TEST_CASE(
    "of several scenarios one that cannot be done gives exit code 2, and the others are told all the same",
    "[cli]") {
    auto const both = "run " + tutorial("08-fleet-and-money.toml") + " " + tutorial("01-one-node.toml");
    CHECK(run_program(both).exit_code == 0);
    auto const misfit = run_program(both + " --set model=ling_plus");
    CHECK(misfit.exit_code == 2);
    CHECK_THAT(misfit.out, Catch::Contains("Ling-Lite on one H20 server"));
    CHECK_THAT(misfit.err, Catch::Contains("01-one-node.toml") && Catch::Contains("does not fit: "));
    // one of the two has a budget
    auto const poor =
        "run " + tutorial("08-fleet-and-money.toml") + " --set 'fleet.budget=\"1e6 CNY\"' --json";
    auto const over_budget = run_program(poor);
    CHECK(over_budget.exit_code == 2);
    CHECK(json::parse(over_budget.out).contains("spending"));
    CHECK_THAT(over_budget.err, Catch::Contains("fleet.budget"));
}

TEST_CASE("the shares of a rank's time add up to the step, whatever holds it up", "[cli]") {
    auto const out =
        run_program("run " + tutorial("02-pipeline.toml") + " --set parallel.host_layer='\"30 ms\"'").out;
    std::istringstream lines{out.substr(out.find("time of a rank"))};
    std::string headings, row;
    std::getline(lines, headings);
    std::getline(lines, row);
    CHECK_THAT(headings, Catch::Contains("host"));
    double all = 0.0;
    for (std::size_t at = row.find('%'); at != std::string::npos; at = row.find('%', at + 1)) {
        all += std::stod(row.substr(at - 6, 6)); // "  31.9 %"
    }
    CHECK(all == Approx(100.0).margin(0.3)); // six figures with one digit behind the point
}

TEST_CASE("a chip without a figure that is needed is told with chip and figure", "[cli]") {
    auto const ran = run_program("run " + tutorial("01-one-node.toml") +
                                 " --set 'pools[0].cluster=ascend_910b2_4096' --set training.precision=fp8");
    CHECK(ran.exit_code == 2);
    CHECK_THAT(ran.err, Catch::Contains("huawei_ascend_910b2") && Catch::Contains("fp8"));
}

TEST_CASE("help teaches with an example", "[cli]") {
    CHECK(run_program("--version").exit_code == 0);
    auto const help = run_program("run --help");
    CHECK(help.exit_code == 0);
    CHECK_THAT(help.out, Catch::Contains("Example: moesaic run"));
}

TEST_CASE("chips that the rules of the date forbid are refused with rule, predicate and figure", "[cli]") {
    auto const scenario = "run " + tutorial("07-export-rules.toml");
    CHECK(run_program(scenario + " --json").exit_code == 0); // owned since before the rule
    auto const late = run_program(scenario + " --set 'pools[0].owned_since=\"2024-01-01\"'");
    CHECK(late.exit_code == 2);
    CHECK_THAT(late.err,
               Catch::Contains("us_2023_10_3a090a") && Catch::Contains("TPP 15840 is at least 4800"));
    CHECK_THAT(run_program(scenario + " --set 'pools[0].owned_since=soon'").err,
               Catch::Contains("\"soon\" is no date"));
}

TEST_CASE("failures and checkpoints lengthen the training, not the step", "[cli]") {
    auto const run = [](std::string const& more) {
        return json::parse(run_program("run --json " + tutorial("06-failures.toml") + more).out);
    };
    auto const usual = run("");
    CHECK(usual["training"]["goodput"].get<double>() < 1.0);
    CHECK(usual["training"]["failures"].get<int>() > 0);
    auto const rare = run(" --set reliability.chip_hours_per_failure=500000");
    CHECK(rare["training"]["goodput"].get<double>() > usual["training"]["goodput"].get<double>());
    CHECK(rare["step_time_s"] == usual["step_time_s"]);
}

TEST_CASE("a degree that does not divide the model is blamed where it was written", "[cli]") {
    auto const chips =
        tutorial("01-one-node.toml") + " --set 'pools[0].chips=128' --set training.global_batch=128";
    auto const experts = run_program("run " + chips + " --set parallel.expert=128");
    CHECK(experts.exit_code == 2);
    CHECK_THAT(experts.err, Catch::Contains("parallel.expert: 64 experts are fewer than expert = 128"));
    auto const heads = run_program("run " + chips + " --set parallel.tensor=32 --set parallel.expert=8");
    CHECK(heads.exit_code == 2);
    CHECK_THAT(heads.err,
               Catch::Contains("parallel.tensor: 16 attention heads do not divide by tensor = 32"));
}

TEST_CASE("every command that simulates a scenario takes constants from another file", "[cli]") {
    TemporaryFile const slower{"constants.toml"};
    auto const shipped = io::read_text_file(MOESAIC_SOURCE_DIR "/platforms/calibration.toml");
    // the constant of H800 in 16 bit with any software
    std::string const now = "factor = 1.140", then = "factor = 2.280";
    auto const at = shipped.find(now);
    REQUIRE(at != std::string::npos);
    io::write_text_file(slower.path, std::string{shipped}.replace(at, now.size(), then));
    auto const on_h800 = tutorial("01-one-node.toml") + " --json --set 'pools[0].cluster=\"h800_4096\"' ";
    TemporaryFile const trace{"step.json"};
    for (auto const& command :
         {std::string{"run"}, "trace -o " + trace.path, std::string{"timings coverage"}}) {
        INFO(command);
        auto const step = [&](std::string const& more) {
            return nlohmann::json::parse(run_program(command + " " + on_h800 + more).out)["step_time_s"]
                .get<double>();
        };
        CHECK(step("--calibration " + slower.path) > 1.1 * step(""));
        CHECK(step("--calibration none") < step(""));
    }
    CHECK(run_program("plan " + tutorial("01-one-node.toml") + " --calibration /nowhere.toml").exit_code ==
          2);
    TemporaryFile const file{"run.h5"};
    run_program("run " + on_h800 + "--calibration " + slower.path + " -o " + file.path);
    CHECK(io::Hdf5Reader{file.path}.text("/scenario/calibration") == slower.path);
}
