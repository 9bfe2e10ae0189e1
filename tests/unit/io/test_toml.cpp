#include "io/toml.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::io;

namespace {

std::string message_of(auto const& action) {
    try {
        action();
    } catch (InputError const& error) {
        return error.what();
    }
    return "no error";
}

auto const scenario = R"(
name = "a"
[parallel]
tensor = 2
link = "50 GB/s"
[[pools]]
chips = 8
)";

} // namespace

TEST_CASE("a key of the wrong kind is an error with file, line, column and field", "[io]") {
    auto const table = parse_toml(scenario, "moe.toml");
    CHECK(message_of([&] { (void)table.integer("name"); }) ==
          "moe.toml:2:8: name: must be a whole number, but is a text");
    CHECK(message_of([&] { (void)table.table("parallel").text("tensor"); }) ==
          "moe.toml:4:10: parallel.tensor: must be a text, but is a whole number");
}

TEST_CASE("a missing key is reported where its table stands", "[io]") {
    auto const parallel = parse_toml(scenario, "moe.toml").table("parallel");
    CHECK(message_of([&] { (void)parallel.integer("pipeline"); }) ==
          "moe.toml:3:1: parallel.pipeline: is missing");
}

TEST_CASE("unknown keys are refused with the name that was meant", "[io]") {
    auto const parallel = parse_toml("[parallel]\ntensro = 2\n", "moe.toml").table("parallel");
    CHECK(parallel.integer_or("tensor", 1, 1) == 1);
    CHECK(message_of([&] { parallel.reject_unknown_keys(); }) ==
          "moe.toml:2:10: parallel.tensro: is not a known key. Did you mean tensor?");
}

TEST_CASE("an amount needs its unit", "[io]") {
    auto const parallel = parse_toml(scenario, "moe.toml").table("parallel");
    CHECK(parallel.quantity<BytesPerSecond>("link").value() == 50e9);
    CHECK(message_of([&] { (void)parallel.quantity<BytesPerSecond>("tensor"); })
              .starts_with(
                  "moe.toml:4:10: parallel.tensor: needs a unit, but is a whole number. Write a bandwidth"));
    CHECK(message_of([&] {
              (void)parallel.quantity<Seconds>("link");
          }).starts_with("moe.toml:5:8: parallel.link: \"50 GB/s\" is not understood. Write a time"));
}

TEST_CASE("a number below the least allowed one is refused", "[io]") {
    auto const table = parse_toml("pipeline = 0", "moe.toml");
    CHECK(message_of([&] { (void)table.integer_from("pipeline", 1); }) ==
          "moe.toml:1:12: pipeline: 0 is not allowed (must be 1 or more)");
}

TEST_CASE("a number that is not finite is refused", "[io]") {
    auto const table = parse_toml("share = nan\nsizes = [1.0, inf]\n", "moe.toml");
    CHECK(message_of([&] { (void)table.number("share"); }) ==
          "moe.toml:1:9: share: nan is not allowed (must be finite)");
    CHECK(message_of([&] { (void)table.numbers("sizes"); }) ==
          "moe.toml:2:9: sizes: inf is not allowed (must be finite)");
}

TEST_CASE("a file that is no TOML is an error with its position", "[io]") {
    CHECK(message_of([] { (void)parse_toml("a = [1,", "moe.toml"); }).starts_with("moe.toml:1:"));
    CHECK(message_of([] { (void)read_toml_file("/nowhere/moe.toml"); }) ==
          "/nowhere/moe.toml: cannot be read (No such file or directory)");
}

TEST_CASE("an override takes the place of a value, in tables and in arrays of tables", "[io]") {
    auto const table =
        parse_toml(scenario, "moe.toml",
                   {{"parallel.tensor", "4"}, {"pools[0].chips", "16"}, {"name", "b"}, {"new.key", "true"}});
    CHECK(table.table("parallel").integer("tensor") == 4);
    CHECK(table.tables("pools").at(0).integer("chips") == 16);
    CHECK(table.text("name") == "b");
    CHECK(table.table("new").boolean("key"));
}

TEST_CASE("an error in an override names the override", "[io]") {
    auto const table = parse_toml(scenario, "moe.toml", {{"parallel.tensor", "\"two\""}});
    CHECK(message_of([&] { (void)table.table("parallel").integer("tensor"); }) ==
          "--set: parallel.tensor: must be a whole number, but is a text");
    CHECK(message_of([] { (void)parse_toml(scenario, "moe.toml", {{"pools[3].chips", "1"}}); }) ==
          "--set pools[3].chips: \"pools\" has 1 entry, pools[0]");
    CHECK(message_of([] { (void)parse_toml(scenario, "moe.toml", {{"pools.chips", "1"}}); }) ==
          "--set pools.chips: \"pools\" is an array: say which, as in pools[0]");
    CHECK(message_of([] { (void)parse_toml(scenario, "moe.toml", {{"none[0].chips", "1"}}); }) ==
          "--set none[0].chips: \"none\" is no array of the file");
    CHECK(message_of([] { (void)parse_toml(scenario, "moe.toml", {{"name.chips", "1"}}); }) ==
          "--set name.chips: \"name\" is no table of the file");
    CHECK(message_of([] { (void)parse_override("tensor"); }) ==
          "--set tensor: has no \"=\". Write it like parallel.tensor=2");
}

TEST_CASE("an error in what another file sets names its place there", "[io]") {
    auto const other = parse_toml("[common]\n\"parallel.tensor\" = \"two\"\n"
                                  "[common.pools]\nlist = [{ chips = 1 },\n  { chips = \"x\" }]\n",
                                  "other.toml");
    auto const table = parse_toml(scenario, "moe.toml", other.table("common").overrides());
    CHECK(message_of([&] { (void)table.table("parallel").integer("tensor"); }) ==
          "other.toml:2:21: parallel.tensor: must be a whole number, but is a text");
    CHECK(message_of([&] { (void)table.table("pools").tables("list").at(1).integer("chips"); }) ==
          "other.toml:5:13: pools.list[1].chips: must be a whole number, but is a text");
    CHECK(message_of([&] { (void)table.table("pools").integer("chip"); }) ==
          "other.toml:3:1: pools.chip: is missing");
}

TEST_CASE("a character inside a text has its own line and column", "[io]") {
    auto const table = parse_toml("one = \"abc def\"\n"
                                  "two = 'abc'\n"
                                  "three = \"\"\"\nabc\ndef\n\"\"\"\n"
                                  "four = \"\"\"abc\ndef\"\"\"\n"
                                  "five = \"a\\tb\"\n",
                                  "x.toml");
    auto const at = [&](std::string_view key, std::size_t offset) {
        auto const origin = table.origin_in_text(key, offset);
        return std::pair{origin.line, origin.column};
    };
    CHECK(at("one", 4) == std::pair{1, 12}); // one = "abc def": the d is the 12th character
    CHECK(at("two", 0) == std::pair{2, 8});
    CHECK(at("three", 5) == std::pair{5, 2}); // the break after the quotes is trimmed: e of def
    CHECK(at("four", 1) == std::pair{7, 12});
    CHECK(at("four", 4) == std::pair{8, 1});
    CHECK(at("five", 2) == std::pair{9, 8}); // an escape hides the place: the value's own
}

TEST_CASE("a date is a text of year, month and day", "[io]") {
    auto const table = parse_toml("good = \"2025-04-15\"\nbad = \"2025-02-30\"\n", "x.toml");
    CHECK(table.date("good") == *parse_date("2025-04-15"));
    CHECK(message_of([&] { (void)table.date("bad"); }) ==
          "x.toml:2:7: bad: \"2025-02-30\" is no date. Write it like \"2025-04-15\"");
}

TEST_CASE("a value can be had as TOML writes it, on one line", "[io]") {
    auto const table = parse_toml(R"(
list = [1, 2.5, "50 GB/s", true, [1, 2], { chips = 8, name = 'a "b"' }]
)",
                                  "moe.toml");
    auto const texts = table.value_texts("list");
    REQUIRE(texts.size() == 6);
    CHECK(texts[0] == "1");
    CHECK(texts[1] == "2.5");
    CHECK(texts[2] == "\"50 GB/s\"");
    CHECK(texts[3] == "true");
    // What is written must read back as the same.
    auto const again = parse_toml("x = " + texts[4] + "\ny = " + texts[5], "again");
    CHECK(again.integers("x") == std::vector<std::int64_t>{1, 2});
    CHECK(again.table("y").integer("chips") == 8);
    CHECK(again.table("y").text("name") == "a \"b\"");
    CHECK(parse_toml("x = " + table.value_text("list"), "again").value_texts("x") == texts);
}

TEST_CASE("the canonical text of a table depends on what it says alone", "[io]") {
    auto const one = parse_toml("a = 1 # one\nname = \"x\"\n[b]\nd = 2\nc = 'text'\n", "one.toml");
    auto const other = parse_toml("name = \"y\"\na = 1\nb = { c = \"text\", d = 3 }", "other.toml",
                                  {{.path = "b.d", .value = "2"}});
    CHECK(one.canonical_text({"name"}) == other.canonical_text({"name"}));
    CHECK(one.canonical_text({}) != other.canonical_text({}));
}
