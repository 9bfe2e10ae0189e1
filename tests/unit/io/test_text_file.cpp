#include "base/errors.hpp"
#include "io/text_file.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

using namespace moesaic;
using namespace moesaic::io;

TEST_CASE("a text file written in pieces has its name once it is committed", "[io]") {
    TemporaryFile const file{"pieces.txt"};
    write_text_file(file.path, "old");
    {
        TextFileWriter writer{file.path};
        writer.write("new, ");
        writer.write("complete");
        CHECK(read_text_file(file.path) == "old");
        writer.commit();
    }
    CHECK(read_text_file(file.path) == "new, complete");
}

TEST_CASE("a text file that is not committed leaves the old one and nothing else", "[io]") {
    TemporaryFile const file{"left.txt"};
    write_text_file(file.path, "old");
    {
        TextFileWriter{file.path}.write("half of the n");
    }
    CHECK(read_text_file(file.path) == "old");
    auto const folder = std::filesystem::path{file.path}.parent_path();
    for (auto const& entry : std::filesystem::directory_iterator{folder}) {
        auto const name = entry.path().string();
        CHECK((name == file.path || !name.starts_with(file.path)));
    }
}

TEST_CASE("a text file in a folder that is not there is refused with its path", "[io]") {
    CHECK_THROWS_WITH(TextFileWriter{"/no/such/trace.json"},
                      Catch::Contains("/no/such/trace.json: cannot be written (No such file or directory)"));
}

TEST_CASE("a byte-order mark before a text is no part of it", "[io]") {
    auto const read = [](std::string const& content) {
        TemporaryFile const file{"mark.csv"};
        write_text_file(file.path, content);
        return read_text_file(file.path);
    };
    CHECK(read("\xEF\xBB\xBF"
               "chip,op\n") == "chip,op\n");
    CHECK(read("\xEF\xBBx") == "\xEF\xBBx");
    CHECK(read("").empty());
}
