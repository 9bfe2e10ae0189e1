#include "base/errors.hpp"
#include "io/json.hpp"
#include "io/text_file.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <optional>

using namespace moesaic;
using io::Json;
using io::read_json_file;
using io::write_text_file;

TEST_CASE("a JSON object keeps the order of its keys", "[io]") {
    auto const json = Json::object().set("b", 1).set("a", "two").set("c", true);
    CHECK(json.text() == "{\n  \"b\": 1,\n  \"a\": \"two\",\n  \"c\": true\n}");
}

TEST_CASE("what is not known is null", "[io]") {
    CHECK(Json{}.text() == "null");
    CHECK(Json::optional(std::optional<double>{}).text() == "null");
    CHECK(Json::optional(std::optional<double>{2.5}).text() == "2.5");
}

TEST_CASE("arrays nest, and text is escaped", "[io]") {
    auto const json = Json::array().add(Json::array()).add("say \"hi\"\n");
    CHECK(json.text() == "[\n  [],\n  \"say \\\"hi\\\"\\n\"\n]");
}

TEST_CASE("bytes that are no UTF-8 do not break the output", "[io]") {
    CHECK(Json{"a\xff"}.text() == "\"a\xef\xbf\xbd\"");
}

TEST_CASE("a number that is not finite or a key set twice is a bug of ours", "[io]") {
    CHECK_THROWS_AS(Json{std::numeric_limits<double>::quiet_NaN()}.text(), BugError);
    auto object = Json::object().set("a", 1);
    CHECK_THROWS_AS(object.set("a", 2), BugError);
    CHECK_THROWS_AS(object.add(2), BugError);
}

TEST_CASE("JSON in one line has neither blanks nor line ends of its own", "[io]") {
    CHECK(Json::object().set("a", Json::array().add(1).add("x y")).line() == R"({"a":[1,"x y"]})");
}

TEST_CASE("a JSON file is read as it was written", "[io]") {
    TemporaryFile const file{"json"};
    auto const text = R"({"a":1,"b":[0.1,null,true,"x"],"c":{"z":-2,"y":{}}})"; // keys keep their order
    write_text_file(file.path, text);
    CHECK(read_json_file(file.path).line() == text);
    write_text_file(file.path, "{\"a\": 1,}");
    CHECK_THROWS_WITH(read_json_file(file.path), Catch::Contains("is no JSON from byte 9 on"));
}
