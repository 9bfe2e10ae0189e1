#include "base/random.hpp"
#include "export_control/evaluate_predicate.hpp"
#include "rules_for_tests.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::export_control;
using Catch::Matchers::Contains;

namespace {

/// Two limits, the groups of the rules folder and one other rule.
struct Names {
    Limits limits{{"io_limit", {BytesPerSecond{600e9}, "600 GB/s"}}, {"tpp_limit", {4800.0, "4800"}}};
    CountryGroups groups = published_rules().groups;
    std::vector<std::string> rules{"us_2023_10_3a090a"};
};

Predicate parsed(std::string const& text) {
    static Names const names;
    return parse_predicate(
        {text, [](std::size_t at) { return Origin{"p", 1, static_cast<int>(at) + 1, ""}; }},
        {names.limits, names.groups, names.rules});
}

std::string error_in(std::string const& text) {
    return error_of([&] { (void)parsed(text); });
}

Truth truth(std::string const& text, Figures const& figures, Deal const& deal = {}) {
    static RuleSet const rules = published_rules();
    static Names const names;
    return evaluate(parsed(text), names.limits, {figures, deal, rules});
}

Figures with(std::vector<std::pair<Attribute, Value>> const& values) {
    Figures out{"x"};
    for (auto const& [attribute, value] : values) {
        out.set(attribute, {value, "test"});
    }
    return out;
}

} // namespace

TEST_CASE("a predicate comes back from its printed source as the same tree", "[export_control]") {
    for (auto const* text :
         {"true",
          "us_origin",
          "not us_origin",
          "tpp >= 4800",
          "tpp < tpp_limit",
          "memory_bandwidth >= 1400 GB/s",
          "memory_bandwidth > 1.4 TB/s",
          "applicable_die_area <= 814 mm2",
          "hbm_bandwidth_density > 2 GB/s/mm2",
          "power != 700 W",
          "memory_capacity >= 80 GiB",
          "launch_date <= 2026-01-15",
          "tpp >= 2.1e4",
          "destination == CN",
          "destination in D5",
          "destination not in {D1, D4, MO}",
          "chip in {a, b_2}",
          "kind == memory",
          "end_use != military",
          "rule(us_2023_10_3a090a)",
          "not rule(us_2023_10_3a090a)",
          "us_origin and tpp >= 4800 or tpp < 1600 and not datacenter_designed",
          "(us_origin or tpp >= 1) and (tpp < 2 or (tpp > 3 and not (tpp < 5 or us_origin)))",
          "((us_origin and tpp > 1) and tpp > 2) and tpp > 3",
          "not not us_origin",
          "not (destination in china)"}) {
        INFO(text);
        auto const tree = parsed(text);
        INFO(to_source(tree));
        CHECK(parsed(to_source(tree)) == tree);
        CHECK(to_source(parsed(to_source(tree))) == to_source(tree));
    }
    CHECK(to_source(parsed("us_origin  and(tpp>=4800)")) == "us_origin and tpp >= 4800");
    CHECK(to_source(parsed("us_origin == false")) == "not us_origin");
}

TEST_CASE("every predicate of the rules folder comes back from its printed source", "[export_control]") {
    auto const rules = published_rules();
    auto const ids = rules.ids();
    int checked = 0;
    for (auto const& rule : rules.rules) {
        auto const again = [&](Predicate const& tree) {
            INFO(rule.id << ": " << to_source(tree));
            CHECK(parse_predicate({to_source(tree), [](std::size_t) { return Origin{}; }},
                                  {rule.limits, rules.groups, ids}) == tree);
            ++checked;
        };
        again(rule.reach);
        if (rule.predicate) {
            again(*rule.predicate);
        }
        for (auto const& exception : rule.exceptions) {
            again(exception.when);
        }
    }
    CHECK(checked > 40);
}

TEST_CASE("and binds closer than or, not closest", "[export_control]") {
    CHECK(parsed("us_origin or us_origin and not us_origin") ==
          parsed("us_origin or (us_origin and (not us_origin))"));
    CHECK_FALSE(parsed("us_origin or us_origin and us_origin") ==
                parsed("(us_origin or us_origin) and us_origin"));
}

TEST_CASE("a predicate in words names figures and limits", "[export_control]") {
    Names const names;
    CHECK(
        to_words(
            parsed("us_origin and (memory_bandwidth >= 1400 GB/s or io_bandwidth_both_ways >= io_limit)"),
            names.limits) ==
        "US origin and (memory bandwidth at least 1400 GB/s or I/O bandwidth (both ways) at least 600 GB/s)");
    CHECK(to_words(parsed("destination not in {D5, MO} and launch_date < 2026-01-15"), names.limits) ==
          "destination not D5 or MO and launch date before 2026-01-15");
    CHECK(to_words(parsed("not tpp >= tpp_limit"), names.limits) == "TPP below 4800");
}

TEST_CASE("an error of the language stands at its character", "[export_control]") {
    CHECK(error_in("us_origin and tppp >= 4800") ==
          "p:1:15: there is no attribute \"tppp\". Did you mean tpp?");
    CHECK_THAT(error_in("memory_bandwidth >= 1400 GB"),
               Contains("p:1:21: memory_bandwidth is a bandwidth and cannot be compared with \"1400 GB\"") &&
                   Contains("Write a bandwidth such as \"50 GB/s\""));
    CHECK_THAT(error_in("memory_bandwidth >= 1400"),
               Contains("p:1:21: ") && Contains("cannot be compared with \"1400\""));
    CHECK_THAT(error_in("tpp >= 4800 GB/s"),
               Contains("p:1:8: tpp is a plain number") && Contains("\"4800 GB/s\""));
    CHECK_THAT(error_in("memory_bandwidth >= tpp_limit"),
               Contains("p:1:21: the limit tpp_limit = 4800 is not a bandwidth"));
    CHECK_THAT(error_in("tpp >= tpp_limt"),
               Contains("p:1:8: \"tpp_limt\" is no limit") && Contains("tpp_limit"));
    CHECK_THAT(error_in("us_origin and"), Contains("p:1:14: ends where an attribute is expected"));
    CHECK_THAT(error_in("(us_origin"), Contains("p:1:11: ends where \")\" is expected"));
    CHECK_THAT(error_in("us_origin tpp >= 1"), Contains("p:1:11: \"tpp\" is not expected here"));
    CHECK_THAT(error_in("destination in {CN, D9}"),
               Contains("p:1:21: \"D9\" is neither a country nor a group of countries"));
    CHECK_THAT(error_in("destination in {CN D5}"),
               Contains("p:1:20: \",\" or \"}\" is expected, not \"D5\""));
    CHECK_THAT(error_in("destination >= CN"), Contains("p:1:13: destination is a country and has no order"));
    CHECK_THAT(error_in("tpp in {a}"), Contains("p:1:8: tpp is a plain number and has no sets"));
    CHECK_THAT(error_in("tpp"), Contains("p:1:4: tpp is a plain number and needs a comparison"));
    CHECK_THAT(error_in("rule(us_2023_10_3a090)"),
               Contains("p:1:6: there is no rule") && Contains("us_2023_10_3a090a"));
    CHECK_THAT(error_in("end_use == comercial"),
               Contains("p:1:12: there is no end use") && Contains("commercial"));
    CHECK_THAT(error_in("tpp = 1"),
               Contains("p:1:5: '=' is not part of the language. Equality is written =="));
    CHECK_THAT(error_in("launch_date < 2026-02-30"), Contains("p:1:15: launch_date is a date"));
    CHECK_THAT(error_in("tpp >= -5"), Contains("p:1:8: '-' is not part of the language"));
    CHECK_THAT(error_in(""), Contains("p:1:1: ends where an attribute is expected"));
}

TEST_CASE("nesting without end is refused, not followed into a crash", "[export_control]") {
    CHECK_THAT(error_in(std::string(100000, '(')), Contains("nested more than 64 deep"));
    std::string nots;
    for (int i = 0; i < 100000; ++i) {
        nots += "not ";
    }
    CHECK_THAT(error_in(nots + "us_origin"), Contains("nested more than 64 deep"));
    CHECK(error_in(std::string(60, '(') + "us_origin" + std::string(60, ')')) == "no error");
}

TEST_CASE("a comparison converts units and takes its limit in or out as written", "[export_control]") {
    auto const chip = with({{Attribute::memory_bandwidth, BytesPerSecond{1.4e12}}});
    CHECK(truth("memory_bandwidth >= 1400 GB/s", chip) == Truth::yes);
    CHECK(truth("memory_bandwidth >= 1.4 TB/s", chip) == Truth::yes);
    CHECK(truth("memory_bandwidth > 1400 GB/s", chip) == Truth::no);
    CHECK(truth("memory_bandwidth <= 1400 GB/s", chip) == Truth::yes);
    CHECK(truth("memory_bandwidth < 1400 GB/s", chip) == Truth::no);
    CHECK(truth("memory_bandwidth == 1400000 MB/s", chip) == Truth::yes);
    CHECK(truth("memory_bandwidth != 1400 GB/s", chip) == Truth::no);
}

TEST_CASE("an unknown figure makes unknown only what hangs on it", "[export_control]") {
    auto const chip =
        with({{Attribute::us_origin, false}, {Attribute::memory_bandwidth, BytesPerSecond{2e12}}});
    CHECK(truth("tpp >= 4800", chip) == Truth::unknown);
    CHECK(truth("not tpp >= 4800", chip) == Truth::unknown);
    CHECK(truth("us_origin and tpp >= 4800", chip) == Truth::no);
    CHECK(truth("tpp >= 4800 or memory_bandwidth >= 1 TB/s", chip) == Truth::yes);
    CHECK(truth("tpp >= 4800 and memory_bandwidth >= 1 TB/s", chip) == Truth::unknown);
    CHECK(truth("tpp >= 4800 or us_origin", chip) == Truth::unknown);
}

TEST_CASE("a date known to the month compares where the month decides", "[export_control]") {
    auto const chip = with({{Attribute::launch_date, *parse_date_span("2025-08")}});
    CHECK(truth("launch_date < 2025-09-01", chip) == Truth::yes);
    CHECK(truth("launch_date <= 2025-08-31", chip) == Truth::yes);
    CHECK(truth("launch_date < 2025-08-01", chip) == Truth::no);
    CHECK(truth("launch_date < 2025-08-15", chip) == Truth::unknown);
    CHECK(truth("launch_date == 2025-08-15", chip) == Truth::unknown);
    CHECK(truth("launch_date == 2025-09-15", chip) == Truth::no);
}

TEST_CASE("sets hold words, countries and groups", "[export_control]") {
    Deal const macau{.date = *parse_date("2025-01-01"), .destination = "MO", .headquarters = "CN"};
    Figures const chip{"x"};
    CHECK(truth("destination in china", chip, macau) == Truth::yes);
    CHECK(truth("destination in D5", chip, macau) == Truth::no); // Macau is not in D:5
    CHECK(truth("destination in {D5, MO}", chip, macau) == Truth::yes);
    CHECK(truth("headquarters in D5 and destination not in A5", chip, macau) == Truth::yes);
    CHECK(truth("end_use in {military, commercial}", chip, macau) == Truth::yes);
    CHECK(truth("date >= 2025-01-01 and date < 2025-01-02", chip, macau) == Truth::yes);
}

TEST_CASE("what decides is told with the figures, what is missing with its names", "[export_control]") {
    Names const names;
    auto const rules = published_rules();
    Deal const deal;
    auto const chip =
        with({{Attribute::us_origin, true}, {Attribute::memory_bandwidth, BytesPerSecond{4e12}}});
    Case const where{chip, deal, rules};
    auto const caught =
        explain(parsed("us_origin and (tpp >= 9 or memory_bandwidth >= 1400 GB/s)"), names.limits, where);
    CHECK(caught.truth == Truth::yes);
    CHECK(caught.words == "US origin and memory bandwidth 4 TB/s is at least 1400 GB/s");
    CHECK(caught.used == std::set{Attribute::us_origin, Attribute::memory_bandwidth});
    auto const open = explain(parsed("us_origin and (tpp >= 9 or power >= 900 W)"), names.limits, where);
    CHECK(open.truth == Truth::unknown);
    CHECK(open.missing == std::set<std::string>{"tpp", "power"});
    CHECK(open.words ==
          "TPP is not known (limit: at least 9) and power is not known (limit: at least 900 W)");
    auto const free = explain(parsed("us_origin and memory_bandwidth >= 4.1 TB/s"), names.limits, where);
    CHECK(free.words == "memory bandwidth 4 TB/s is below 4.1 TB/s");
}

TEST_CASE("whatever is written, the parser gives a tree or an InputError", "[export_control]") {
    std::vector<std::string> const pieces{"and",  "or",         "not",  "in",        "(",
                                          ")",    "{",          "}",    ",",         ">=",
                                          "<",    "==",         "tpp",  "us_origin", "destination",
                                          "CN",   "D5",         "4800", "1e",        "1.5.2",
                                          "GB/s", "2025-01-01", "rule", "true",      "memory_bandwidth",
                                          "=",    "\"",         "\n",   "\xc3",      "-"};
    Rng rng{1, "predicates"};
    int accepted = 0;
    for (int i = 0; i < 20000; ++i) {
        std::string text;
        for (auto length = rng.below(9); length > 0; --length) {
            text += pieces[rng.below(pieces.size())] + (rng.below(4) == 0 ? "" : " ");
        }
        try {
            auto const tree = parsed(text);
            REQUIRE(parsed(to_source(tree)) == tree);
            ++accepted;
        } catch (InputError const&) {
            continue; // anything else fails the test
        }
    }
    CHECK(accepted > 50);
}
