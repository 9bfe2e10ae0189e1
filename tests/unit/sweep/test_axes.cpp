#include "sweep_text.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::sweep;
using moesaic::test::message_of;
using moesaic::test::settings_of;
using moesaic::test::sweep_of;

namespace {

std::vector<std::string> points_of(std::string const& text) { return settings_of(Points{sweep_of(text)}); }

} // namespace

TEST_CASE("a grid combines every value of every axis, the last axis fastest", "[sweep]") {
    auto const points = points_of(R"(
[set]
"model" = "x"
[[axes]]
path = "a"
values = [1, 2]
[[axes]]
path = "pools[0].nic_bandwidth"
values = ["25 GB/s", "50 GB/s"]
)");
    REQUIRE(points.size() == 4); // 2 x 2
    CHECK(points[0] == R"(model="x" a=1 pools[0].nic_bandwidth="25 GB/s")");
    CHECK(points[1] == R"(model="x" a=1 pools[0].nic_bandwidth="50 GB/s")");
    CHECK(points[3] == R"(model="x" a=2 pools[0].nic_bandwidth="50 GB/s")");
}

TEST_CASE("a sweep without axes has one point", "[sweep]") {
    CHECK(points_of("") == std::vector<std::string>{""});
}

TEST_CASE("paths of a zip go together", "[sweep]") {
    auto const points = points_of(R"(
[[axes]]
name = "chip"
labels = ["H800", "A800"]
zip = { "pools[0].cluster" = ["h", "a"], recompute = ["full", "none"] }
)");
    CHECK(points == std::vector<std::string>{R"(pools[0].cluster="h" recompute="full")",
                                             R"(pools[0].cluster="a" recompute="none")"});
}

TEST_CASE("a linear range has both ends and equal steps", "[sweep]") {
    // 10 to 40 in 4 steps: 10, 20, 30, 40
    CHECK(points_of(R"(axes = [{ path = "b", range = { from = "10 GB/s", to = "40 GB/s", steps = 4 } }])") ==
          std::vector<std::string>{R"(b="10 GB/s")", R"(b="20 GB/s")", R"(b="30 GB/s")", R"(b="40 GB/s")"});
    // 0 to 1 in 3 steps of reals: 0, 0.5, 1
    CHECK(points_of(R"(axes = [{ path = "b", range = { from = 0.0, to = 1, steps = 3 } }])") ==
          std::vector<std::string>{"b=0", "b=0.5", "b=1"});
}

TEST_CASE("a logarithmic range of whole numbers rounds, and has no value twice", "[sweep]") {
    // 1 to 8 in 4 steps: 1, 2, 4, 8
    CHECK(points_of(R"(axes = [{ path = "e", range = { from = 1, to = 8, steps = 4, scale = "log" } }])") ==
          std::vector<std::string>{"e=1", "e=2", "e=4", "e=8"});
    // 1 to 3 in 5 steps: 1, 1.32, 1.73, 2.28, 3 -> 1, 1, 2, 2, 3
    CHECK(points_of(R"(axes = [{ path = "e", range = { from = 1, to = 3, steps = 5, scale = "log" } }])") ==
          std::vector<std::string>{"e=1", "e=2", "e=3"});
}

TEST_CASE("an axis with a condition varies only where it holds", "[sweep]") {
    auto const text = R"(
[[axes]]
path = "schedule"
values = ["1f1b", "interleaved"]
[[axes]]
path = "virtual"
values = [2, 4]
when = { schedule = "interleaved" }
[[axes]]
path = "m"
values = [1, 2]
)";
    // 1f1b: 1 x 2 points without virtual; interleaved: 2 x 2
    CHECK(points_of(text) == std::vector<std::string>{R"(schedule="1f1b" m=1)", R"(schedule="1f1b" m=2)",
                                                      R"(schedule="interleaved" virtual=2 m=1)",
                                                      R"(schedule="interleaved" virtual=2 m=2)",
                                                      R"(schedule="interleaved" virtual=4 m=1)",
                                                      R"(schedule="interleaved" virtual=4 m=2)"});
    Points const points{sweep_of(text)};
    CHECK(points.at(0).cells[1] == Cell{});
    CHECK(points.at(2).cells[1] == Cell{2.0}); // a number, since rows can be empty
    CHECK(points.applying(0) == std::vector<bool>{true, false, true});
}

TEST_CASE("a condition can stand on a conditional axis and on [set]", "[sweep]") {
    CHECK(points_of(R"(
[set]
model = "moe"
[[axes]]
path = "a"
values = [1, 2]
[[axes]]
path = "b"
values = [3, 4]
when = { a = 2, model = ["moe", "dense"] }
[[axes]]
path = "c"
values = [5, 6]
when = { b = [4] }
)") == std::vector<std::string>{R"(model="moe" a=1)", R"(model="moe" a=2 b=3)", R"(model="moe" a=2 b=4 c=5)",
                                R"(model="moe" a=2 b=4 c=6)"});
}

TEST_CASE("columns have the kind and the unit of their axis", "[sweep]") {
    Points const points{sweep_of(R"(
[[axes]]
name = "nic"
path = "pools[0].nic_bandwidth"
values = ["25 GB/s", "50 GB/s"]
[[axes]]
path = "tensor"
values = [1, 2]
[[axes]]
path = "skew"
values = [0, 0.5]
[[axes]]
path = "mixed"
values = ["1 GB/s", "2 TB/s"]
[[axes]]
name = "chip"
labels = ["new", "old"]
zip = { "pools[0].cluster" = ["h800_4096", "a800_4096"] }
)")};
    auto const& columns = points.columns();
    REQUIRE(columns.size() == 6);
    CHECK((columns[0].name == "nic" && columns[0].kind == CellKind::number && columns[0].unit == "GB/s"));
    CHECK((columns[1].name == "tensor" && columns[1].kind == CellKind::whole && columns[1].unit == "1"));
    CHECK((columns[2].name == "skew" && columns[2].kind == CellKind::number && columns[2].unit == "1"));
    CHECK((columns[3].name == "mixed" && columns[3].kind == CellKind::text && columns[3].unit == "text"));
    CHECK((columns[4].name == "chip" && columns[4].kind == CellKind::text));
    CHECK((columns[5].name == "pools[0].cluster" && columns[5].kind == CellKind::text));
    CHECK(points.at(0).cells == std::vector<Cell>{25.0, std::int64_t{1}, 0.0, "1 GB/s", "new", "h800_4096"});
}

TEST_CASE("what a sweep file gets wrong is named with its place", "[sweep]") {
    auto const error = [](std::string const& text) { return message_of([&] { Points{sweep_of(text)}; }); };
    CHECK(error("[[axes]]\npath = \"a\"\n") == "sweep.toml:3:1: axes[0]: needs exactly one of values, range "
                                               "and zip. values = [1, 2, 4], range = { from = 1, "
                                               "to = 8, steps = 4 }, or zip = { \"path\" = [..], .. }");
    CHECK(error("[[axes]]\npath = \"a\"\nvalues = []\n") == "sweep.toml:3:1: axes[0]: has no values");
    CHECK(error("[[axes]]\npath = \"a\"\nvalues = [1]\n[[axes]]\npath = \"a\"\nvalues = [1]\n") ==
          "sweep.toml:6:1: axes[1]: \"a\" is set already");
    CHECK(error("[[axes]]\npath = \"a\"\nrange = { from = 4, to = 2, steps = 3 }\n") ==
          "sweep.toml:5:26: axes[0].range.to: must be above from");
    CHECK(error("[[axes]]\npath = \"a\"\nrange = { from = \"1 GB/s\", to = \"2 TB/s\", steps = 3 }\n") ==
          "sweep.toml:5:33: axes[0].range.to: is in \"TB/s\", but from is in \"GB/s\"");
    CHECK(error("[[axes]]\nzip = { a = [1, 2], b = [1] }\n") ==
          "sweep.toml:4:25: axes[0].zip.b: has 1 values, but a has 2");
    CHECK(error("[[axes]]\npath = \"abc\"\nvalues = [1]\n[[axes]]\npath = \"b\"\nvalues = [1]\nwhen = { abd "
                "= 1 }\n") ==
          "sweep.toml:6:1: axes[1]: when: no axis before this one sets \"abd\". Did you mean abc?");
    CHECK(error("[[axes]]\npath = \"a\"\nvalues = [1]\nvalue = 2\n") ==
          "sweep.toml:6:9: axes[0].value: is not a known key. Did you mean values?");
    CHECK(error("design = { kind = \"sobel\", points = 8 }") ==
          "sweep.toml:3:19: design.kind: \"sobel\" is no design. Known: grid, random, latin_hypercube, "
          "sobol, saltelli");
    CHECK(error("design = { kind = \"random\", points = 20_000_000 }") ==
          "sweep.toml:3:38: design.points: more than 10000000 points");
    CHECK(error("axes = [{ path = \"a\", range = { from = 1, to = 100000, steps = 100000 } },"
                "{ path = \"b\", range = { from = 1, to = 1000, steps = 1000 } }]") ==
          "sweep.toml: has more than 10000000 points");
    // 3 x 4,000,000 of one axis
    CHECK(error("design = { kind = \"saltelli\", base_points = 4_000_000 }\n"
                "axes = [{ path = \"a\", range = { from = 1.0, to = 2.0 } }]") ==
          "sweep.toml: has more than 10000000 points");
    // draws are named after their axis: two of one name would go up and down together
    CHECK(error("design = { kind = \"random\", points = 8 }\n"
                "[[axes]]\nname = \"chips\"\nzip = { a = [1, 2], b = [1, 2] }\n"
                "[[axes]]\nname = \"chips\"\nzip = { c = [1, 2], d = [1, 2] }\n") ==
          "sweep.toml:7:1: axes[1]: a second axis \"chips\". Give the axis another name");
}

TEST_CASE("cells read back as they were written", "[sweep]") {
    for (auto const& cell :
         std::vector<Cell>{Cell{}, std::int64_t{-3}, 0.1, 1e300, 1.0 / 3.0, "a\tb\nc\\d", "", "n"}) {
        CHECK(cell_of(text_of(cell)) == cell);
        CHECK(text_of(cell).find_first_of("\t\n") == std::string::npos);
    }
    CHECK_THROWS_AS(cell_of(""), InputError);
    CHECK_THROWS_AS(cell_of("d1.5x"), InputError);
    CHECK_THROWS_AS(cell_of("i"), InputError);
}
