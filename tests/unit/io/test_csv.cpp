#include "io/csv.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::io;

namespace {

std::vector<std::vector<std::string>> rows_of(std::string_view content,
                                              std::vector<std::string> const& wanted) {
    std::vector<std::vector<std::string>> out;
    parse_csv(content, "t.csv", wanted,
              [&](CsvRow const& row) { out.emplace_back(row.fields.begin(), row.fields.end()); });
    return out;
}

std::string error_of(std::string_view content) {
    try {
        (void)rows_of(content, {"a"});
    } catch (InputError const& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("columns come in the order asked for", "[io]") {
    CHECK(rows_of("a,b,c\n1,2,3\r\n\n# note\n4,5,6", {"c", "a"}) ==
          std::vector<std::vector<std::string>>{{"3", "1"}, {"6", "4"}});
}

TEST_CASE("quoted fields may hold commas, quotes and line ends", "[io]") {
    CHECK(rows_of("a,b\n\"x,\"\"y\"\"\nz\",2\n", {"a"}) ==
          std::vector<std::vector<std::string>>{{"x,\"y\"\nz"}});
    CHECK(csv_field("x,\"y\"") == "\"x,\"\"y\"\"\"");
    CHECK(csv_field("plain") == "plain");
    CHECK(csv_line(std::vector<std::string>{"", "a,b", ""}) == ",\"a,b\",\n");
}

TEST_CASE("a broken CSV file is an error with its line", "[io]") {
    CHECK(error_of("") == "t.csv: is empty; a CSV file starts with a row of column names");
    CHECK(error_of("b,c\n1,2\n").starts_with("t.csv:1:0: a: this column is missing"));
    CHECK(error_of("a,b\n1,2\n1\n") == "t.csv:3:0: has 1 fields, but the header has 2");
    CHECK(error_of("a,b\n\"1,2\n") == "t.csv:2:0: a quoted field is not closed");
}

TEST_CASE("what is no text is an error with its line", "[io]") {
    CHECK_THAT(error_of("a,b\n1,2\n" + std::string(99, '\0')),
               Catch::Contains("t.csv:3:0: holds a zero byte"));
    for (auto const& endless :
         {std::string(2 << 20, 'x'), std::string(2 << 20, ','), '"' + std::string(2 << 20, 'x')}) {
        CHECK_THAT(error_of("a,b\n1," + endless), Catch::Contains("t.csv:2:0: a line is longer"));
    }
}
