#include "base/errors.hpp"
#include "io/text_file.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <future>
#include <sys/stat.h>

using namespace moesaic;
using namespace moesaic::io;
namespace fs = std::filesystem;

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

TEST_CASE("a symbolic link stays one, and the file that it names is replaced", "[io]") {
    TemporaryFile const file{"named.txt"};
    TemporaryFile const link{"link.txt"};
    TemporaryFile const relative{"relative.txt"};
    write_text_file(file.path, "old");
    fs::create_symlink(file.path, link.path);
    fs::create_symlink(fs::path{link.path}.filename(), relative.path);
    write_text_file(relative.path, "new");
    CHECK(fs::is_symlink(link.path));
    CHECK(fs::is_symlink(relative.path));
    CHECK(read_text_file(file.path) == "new");
    fs::remove(file.path);
    write_text_file(link.path, "made through a link that led nowhere");
    CHECK(fs::is_symlink(link.path));
    CHECK(fs::is_regular_file(file.path));
}

TEST_CASE("a pipe is written through and stays a pipe", "[io]") {
    TemporaryFile const pipe{"pipe"};
    REQUIRE(::mkfifo(pipe.path.c_str(), 0600) == 0);
    auto read = std::async(std::launch::async, [&] { return read_text_file(pipe.path); });
    write_text_file(pipe.path, "through");
    CHECK(read.get() == "through");
    CHECK(fs::is_fifo(pipe.path));
}

TEST_CASE("a device that takes nothing says why and stays a device", "[io]") {
    TemporaryFile const link{"full"};
    fs::create_symlink("/dev/full", link.path);
    CHECK_THROWS_WITH(write_text_file(link.path, "lost"),
                      Catch::Contains("cannot be written (No space left on device)"));
    CHECK(fs::is_symlink(link.path));
    CHECK(fs::is_character_file(link.path));
}

TEST_CASE("a folder is no place for a text", "[io]") {
    CHECK_THROWS_WITH(write_text_file(fs::temp_directory_path().string(), "lost"),
                      Catch::Contains("cannot be written (Is a directory)"));
}
