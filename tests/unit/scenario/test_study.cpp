#include "io/text_file.hpp"
#include "scenario/study.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

using namespace moesaic;
using namespace moesaic::scenario;
using Catch::Matchers::Contains;

namespace {

std::string const data = MOESAIC_SOURCE_DIR;

std::string study_text(std::string const& more) {
    return "name = \"s\"\n[common]\nregime = { date = \"2025-04-15\", destination = \"CN\" }\n"
           "economics = { hosting = \"china_2025\", purchases = [\"china_2025\"] }\n" +
           more;
}

std::string const candidate = "[[candidates]]\nname = \"H20\"\nscenario = \"" + data +
                              "/scenarios/whatif/plans/deepseek_v3_hopper.toml\"\n"
                              "set = { \"pools[0].cluster\" = \"h20_4096\" }\n";

Study study_of(std::string const& text, std::string const& file) {
    io::write_text_file(file, text);
    return read_study(file);
}

std::string problem_of(std::string const& text) {
    TemporaryFile const file{"study.toml"};
    try {
        (void)options_of(study_of(text, file.path), data);
    } catch (InputError const& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("a study's cases and candidates are read, one for each value where they say so", "[scenario]") {
    TemporaryFile const file{"study.toml"};
    auto const study =
        study_of(study_text("[[cases]]\nname = \"day {}\"\neach = { \"regime.date\" = [\"2023-01-01\", "
                            "\"2025-05-01\"] }\n" +
                            candidate),
                 file.path);
    REQUIRE(study.cases.size() == 2);
    CHECK(study.cases[0].name == "day 2023-01-01");
    CHECK(study.cases[1].set.at(0).path == "regime.date");
    CHECK(study.cases[1].set.at(0).value == "\"2025-05-01\"");
    CHECK(study.common.size() == 2);
}

TEST_CASE("what the rules refuse is an option that cannot be done, with the reason", "[scenario]") {
    TemporaryFile const file{"study.toml"};
    auto const study =
        study_of(study_text("[[cases]]\nname = \"letters\"\n[[cases]]\nname = \"none\"\nset = { "
                            "\"regime.what_if\" = { remove = [\"us_2025_04_letters\"] } }\n" +
                            candidate),
                 file.path);
    auto const options = options_of(study, data);
    REQUIRE(options.size() == 2);
    CHECK_THAT(
        options[0].refused,
        Contains("nvidia_h20: licence required (us_2025_04_letters: US origin and memory bandwidth 4 TB/s"));
    CHECK_FALSE(options[0].scenario);
    CHECK(options[1].refused.empty());
    REQUIRE(options[1].scenario);
    CHECK(options[1].scenario->means.lots.front().lot.chips == 1024);
}

TEST_CASE("options that differ only in rules, fleet and prices share a simulation", "[scenario]") {
    TemporaryFile const file{"study.toml"};
    auto const study = study_of(
        study_text(
            "[[cases]]\nname = \"a\"\nset = { \"regime.date\" = \"2025-03-01\" }\n[[cases]]\nname = \"b\"\n"
            "set = { \"regime.date\" = \"2025-02-01\", prices = \"ling_2025\" }\n[[cases]]\nname = "
            "\"c\"\nset "
            "= { \"regime.date\" = \"2025-02-01\", \"training.global_batch\" = 7680 }\n" +
            candidate),
        file.path);
    auto const options = options_of(study, data);
    CHECK(simulation_key(options[0]) == simulation_key(options[1]));
    CHECK(simulation_key(options[0]) != simulation_key(options[2]));
}

TEST_CASE("the cheapest and the fastest are those of the options that can be done", "[scenario]") {
    auto const option = [](double cost, double seconds, std::string refused) {
        StudyOption out;
        out.refused = std::move(refused);
        out.spending = results::Spending{};
        out.spending->bill.training = Seconds{seconds};
        out.spending->bill.lines = {{.amount = cost}};
        return out;
    };
    std::vector<StudyOption> const options{option(3, 10, ""), option(2, 20, ""), option(1, 1, "too dear")};
    CHECK(best_of(options, 0, Objective::cheapest) == &options[1]);
    CHECK(best_of(options, 0, Objective::fastest) == &options[0]);
    CHECK(best_of(options, 1, Objective::cheapest) == nullptr);
}

TEST_CASE("a wrong study is refused with the place", "[scenario]") {
    auto const one_case = std::string{"[[cases]]\nname = \"a\"\n"};
    CHECK_THAT(problem_of(study_text(one_case)), Contains("candidates: is missing"));
    CHECK_THAT(problem_of(study_text(one_case + one_case + candidate)),
               Contains("study.toml:8:8: cases[1].name: a second \"a\""));
    CHECK_THAT(problem_of("baseline = \"x\"\n" + study_text(one_case + candidate)),
               Contains("there is no case \"x\""));
    CHECK_THAT(problem_of(study_text("[[cases]]\nname = \"a\"\nset = { \"regime.dat\" = \"2025-01-01\" }\n" +
                                     candidate)),
               Contains("study.toml:7:24: regime.dat: is not a known key"));
    CHECK_THAT(
        problem_of(study_text("[[cases]]\nname = \"a\"\nset = { \"regime.what_if\" = { edit = [{ rule = "
                              "\"us_2025_04_letters\", limits = { memory_limit = \"4 W\" } }] } }\n" +
                              candidate)),
        Contains("memory_limit"));
    CHECK_THAT(problem_of(study_text(one_case + "colour = 1\n" + candidate)),
               Contains("colour: is not a known key"));
}

TEST_CASE("the shipped studies can be read, and every case leaves something to do", "[scenario]") {
    for (auto const& entry : std::filesystem::directory_iterator{data + "/scenarios/whatif"}) {
        if (entry.path().extension() != ".toml") {
            continue;
        }
        INFO(entry.path());
        auto const study = read_study(entry.path().string());
        auto const options = options_of(study, data);
        for (std::size_t c = 0; c < study.cases.size(); ++c) {
            INFO(study.cases[c].name);
            CHECK(std::ranges::any_of(options, [&](StudyOption const& option) {
                return option.study_case == c && option.refused.empty();
            }));
        }
    }
}

TEST_CASE("a plan that is found uses its own chips of what a search may use", "[scenario]") {
    TemporaryFile const file{"study.toml"};
    auto const searched = candidate + "plan = \"search\"\nchips = [4096]\n";
    auto const study = study_of(study_text("fleet = { acquisition = \"buy\" }\n[[cases]]\nname = \"a\"\n"
                                           "set = { \"regime.date\" = \"2025-03-01\" }\n" +
                                           searched),
                                file.path);
    auto const options = options_of(study, data);
    REQUIRE(options.at(0).scenario);
    CHECK(options[0].scenario->pools.at(0).chips == 4096); // the file itself says 1,024
    CHECK(options[0].scenario->means.lots.at(0).lot.chips == 4096);
    auto const found =
        with_plan(options[0], {options[0].scenario->plan, {512}, "a plan", Seconds{1.0}}, data);
    CHECK(found.scenario->means.lots.at(0).lot.chips == 512);
    CHECK(simulation_key(found) != simulation_key(options[0]));
}

TEST_CASE("what is wrong with a search's candidate is told where it stands", "[scenario]") {
    auto const one_case =
        std::string{"[[cases]]\nname = \"a\"\nset = { \"regime.date\" = \"2025-03-01\" }\n"};
    auto const with = [&](std::string const& more) {
        return problem_of(study_text(one_case + candidate + more));
    };
    CHECK_THAT(with("plan = \"find\"\n"), Contains("\"find\" is neither search nor as_written"));
    CHECK_THAT(with("chips = [8]\n"), Contains("chips: is for plan = \"search\""));
    CHECK_THAT(with("plan = \"search\"\nchips = [0]\n"), Contains("chips: leaves no chips to search with"));
    CHECK_THAT(with("plan = \"search\"\nchips = [1000000]\n"),
               Contains("study.toml") && Contains("but its cluster h20_4096 has 4096 only"));
    CHECK_THAT(with("plan = \"search\"\nchips = [8, 8]\n"), Contains("chips: lists 2 numbers for 1 pools"));
}

namespace {

/// H800 (in stock or forbidden), and Ascend. @param fleet lines of [common.fleet]
std::vector<StudyOption> mixed_options(std::string const& fleet, std::string const& chips,
                                       std::string const& more = "[[cases]]\nname = \"a\"\n") {
    TemporaryFile const file{"study.toml"};
    return options_of(study_of(study_text("fleet = { " + fleet + " }\n" + more +
                                          "[[candidates]]\nname = \"mix\"\nscenario = \"" + data +
                                          "/scenarios/whatif/plans/deepseek_v3_hopper_and_ascend.toml\"\n"
                                          "plan = \"search\"\nchips = " +
                                          chips + "\n"),
                               file.path),
                      data);
}

std::vector<int> chips_of(StudyOption const& option) {
    std::vector<int> out;
    for (auto const& pool : option.scenario->pools) {
        out.push_back(pool.chips);
    }
    return out;
}

std::string const h800_stock =
    "stock = [{ chip = \"nvidia_h800_sxm5\", count = 1001, owned_since = \"2023-09-01\" }]";

} // namespace

TEST_CASE("a search has as many chips of a pool as the rules and the fleet give", "[scenario]") {
    auto const options = mixed_options(h800_stock, "[2048, 4096]");
    REQUIRE(options.at(0).scenario);
    CHECK(chips_of(options[0]) == std::vector{1000, 4096}); // whole nodes
    REQUIRE(options[0].fewer.size() == 1);
    CHECK_THAT(options[0].fewer[0], Contains("1000 of 2048 nvidia_h800_sxm5") &&
                                        Contains("us_2023_10_3a090a") && Contains("past supply cover 1001"));
    CHECK(options[0].scenario->means.lots.size() == 2);
}

TEST_CASE("a pool that cannot be had is left out of a search, and the others are searched", "[scenario]") {
    auto const options = mixed_options("acquisition = \"buy\"", "[2048, 4096]");
    REQUIRE(options.at(0).scenario);
    CHECK(chips_of(options[0]) == std::vector{4096});
    CHECK(options[0].scenario->site_links.empty());
    CHECK_THAT(options[0].fewer.at(0), Contains("0 of 2048 nvidia_h800_sxm5"));
    auto const found =
        with_plan(options[0], {options[0].scenario->plan, {512}, "a plan", Seconds{1.0}}, data);
    CHECK(found.scenario->means.lots.at(0).lot.chips == 512);
}

TEST_CASE("a search that may use no chip that can be had is refused with all reasons", "[scenario]") {
    auto const options =
        mixed_options("supply = [{ chip = \"huawei_ascend_910b2\", per_quarter = 8, from = \"2025-04-01\" }]",
                      "[2048, 4096]");
    CHECK_FALSE(options.at(0).scenario);
    CHECK(options[0].fewer.empty());
    CHECK_THAT(options[0].refused, Contains("nvidia_h800_sxm5") && Contains("huawei_ascend_910b2"));
}

TEST_CASE("zero chips of a pool leave it out of a search without a word", "[scenario]") {
    auto const options = mixed_options(h800_stock, "[0, 4096]");
    CHECK(chips_of(options.at(0)) == std::vector{4096});
    CHECK(options[0].fewer.empty());
}

TEST_CASE("a study's days are read, and are above zero", "[scenario]") {
    TemporaryFile const file{"study.toml"};
    auto const one_case = std::string{"[[cases]]\nname = \"a\"\n"};
    CHECK(study_of("days = 90.5\n" + study_text(one_case + candidate), file.path).days == 90.5);
    CHECK_THAT(problem_of("days = 0\n" + study_text(one_case + candidate)),
               Contains("study.toml:1:8: days: must be above zero"));
}

TEST_CASE("a list of no values is no case", "[scenario]") {
    CHECK_THAT(
        problem_of(study_text("[[cases]]\nname = \"day {}\"\neach = { \"regime.date\" = [] }\n" + candidate)),
        Contains("has no values"));
}
