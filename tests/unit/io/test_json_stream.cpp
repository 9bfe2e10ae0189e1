#include "io/json_stream.hpp"

#include "base/errors.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <fstream>

using namespace moesaic;
using namespace moesaic::io;

namespace {

struct JsonFile : TemporaryFile {
    explicit JsonFile(std::string const& text) : TemporaryFile{"stream.json"} { std::ofstream{path} << text; }
};

std::vector<std::string> texts_of(std::string const& json, std::string_view key) {
    JsonFile const file{json};
    std::vector<std::string> out;
    read_json_array(file.path, "traceEvents", [&](JsonRecord const& r) { out.emplace_back(r.text(key)); });
    return out;
}

} // namespace

TEST_CASE("the objects of one array come one by one, nested keys joined, arrays as text", "[io]") {
    std::string const json = R"({"schemaVersion": 1, "other": [{"name": "not this"}], "traceEvents": [
        {"name": "a", "args": {"Input Dims": [[4096, 7168], [], ["x\"y", null]], "External id": 7}, "dur": 1.5},
        {"name": "b", "args": {"deep": {"er": true}}}], "traceName": "t"})";
    CHECK(texts_of(json, "name") == std::vector<std::string>{"a", "b"});
    CHECK(texts_of(json, "args.Input Dims") ==
          std::vector<std::string>{R"([[4096,7168],[],["x\"y",null]])", ""});
    CHECK(texts_of(json, "args.deep.er") == std::vector<std::string>{"", "true"});
    JsonFile const file{json};
    std::vector<std::optional<double>> numbers;
    read_json_array(file.path, "traceEvents",
                    [&](JsonRecord const& r) { numbers.push_back(r.number("dur")); });
    CHECK(numbers == std::vector<std::optional<double>>{1.5, std::nullopt});
}

TEST_CASE("the outermost value may be the array itself", "[io]") {
    CHECK(texts_of(R"([{"name": "a"}, {"name": "b"}])", "name") == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a file that is cut off says where, and how much was read", "[io]") {
    JsonFile const file{R"({"traceEvents": [{"name": "a"}, {"name": "b)"};
    CHECK_THROWS_WITH(read_json_array(file.path, "traceEvents", [](JsonRecord const&) {}),
                      Catch::Contains("is cut off") && Catch::Contains("after 1 entries"));
}

TEST_CASE("compressed files, files without the array and files that are not there are told apart", "[io]") {
    JsonFile const packed{"\x1f\x8b\x08"};
    CHECK_THROWS_WITH(read_json_array(packed.path, "traceEvents", [](JsonRecord const&) {}),
                      Catch::Contains("is compressed"));
    JsonFile const other{R"({"events": []})"};
    CHECK_THROWS_WITH(read_json_array(other.path, "traceEvents", [](JsonRecord const&) {}),
                      Catch::Contains("has no array \"traceEvents\""));
    CHECK_THROWS_AS(read_json_array("/nowhere.json", "traceEvents", [](JsonRecord const&) {}), InputError);
}
