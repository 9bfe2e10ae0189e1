#include "base/errors.hpp"
#include "io/hdf5.hpp"
#include "io/text_file.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <sys/stat.h>
#include <thread>

using namespace moesaic;
using namespace moesaic::io;

namespace {

/// A name of its own in the folder for temporary files, gone at the end.
Hdf5Label const seconds{"s", "a time"};

void write_all_kinds(std::string const& path) {
    Hdf5Writer writer{path};
    writer.group("/step", "what a step takes");
    writer.write("/step/time", 1.5, seconds);
    writer.write("/step/chips", std::int64_t{1} << 40, {"1", "a count"});
    writer.write("/scenario/text", "pipeline = 8\n# two lines, \u00b5s", {"text", "as read"});
    writer.write("/scenario/none", std::vector<std::string>{}, {"text", "an empty list"});
    writer.write_table("/path", "longest first",
                       {{"label", std::vector<std::string>{"gemm qkv", ""}, {"text", "cause"}},
                        {"time", std::vector<double>{0.25, 0.125}, seconds},
                        {"times", std::vector<std::int64_t>{3, -1}, {"1", "kernels"}}});
    writer.commit();
}

} // namespace

TEST_CASE("every kind of dataset comes back as it was written", "[io]") {
    TemporaryFile const file{"kinds.h5"};
    write_all_kinds(file.path);
    Hdf5Reader const reader{file.path};
    CHECK(reader.number("/step/time") == 1.5);
    CHECK(reader.integer("/step/chips") == 1099511627776);
    CHECK(reader.text("/scenario/text") == "pipeline = 8\n# two lines, \u00b5s");
    CHECK(reader.texts("/scenario/none").empty());
    CHECK(reader.texts("/path/label") == std::vector<std::string>{"gemm qkv", ""});
    CHECK(reader.numbers("/path/time") == std::vector<double>{0.25, 0.125});
    CHECK(reader.integers("/path/times") == std::vector<std::int64_t>{3, -1});
    CHECK(reader.numbers("/path/times") == std::vector<double>{3, -1}); // integers are numbers too
}

TEST_CASE("every dataset carries its unit and description", "[io]") {
    TemporaryFile const file{"labels.h5"};
    write_all_kinds(file.path);
    Hdf5Reader const reader{file.path};
    CHECK(reader.datasets() == std::vector<std::string>{"/path/label", "/path/time", "/path/times",
                                                        "/scenario/none", "/scenario/text", "/step/chips",
                                                        "/step/time"});
    CHECK(reader.label("/path/time").unit == "s");
    CHECK(reader.label("/path/time").description == "a time");
    Hdf5Writer writer{file.path};
    CHECK_THROWS_AS(writer.write("/x", 1.0, {"", "no unit"}), BugError);
    CHECK_THROWS_AS(writer.write("/x", 1.0, {"s", ""}), BugError);
}

TEST_CASE("the same calls write the same bytes, at any time", "[io]") {
    TemporaryFile const one{"one.h5"}, other{"other.h5"};
    write_all_kinds(one.path);
    std::this_thread::sleep_for(std::chrono::milliseconds{1100}); // time stamps would be whole seconds
    write_all_kinds(other.path);
    CHECK((read_text_file(one.path) == read_text_file(other.path)));
}

TEST_CASE("a write that does not come to its end leaves the old file and nothing else", "[io]") {
    TemporaryFile const file{"kept.h5"};
    write_all_kinds(file.path);
    {
        Hdf5Writer writer{file.path};
        writer.write("/step/time", 9.0, seconds);
    }
    CHECK(Hdf5Reader{file.path}.number("/step/time") == 1.5);
    CHECK_FALSE(std::filesystem::exists(file.path + ".part"));
}

TEST_CASE("a file that cannot be created or read is the user's to put right", "[io]") {
    CHECK_THROWS_AS(Hdf5Writer{"/no/such/folder/run.h5"}, InputError);
    CHECK_THROWS_AS(Hdf5Reader{"/no/such/run.h5"}, InputError);
    TemporaryFile const file{"text.h5"};
    write_text_file(file.path, "not HDF5");
    CHECK_THROWS_AS(Hdf5Reader{file.path}, InputError);
}

TEST_CASE("a dataset of another kind, length or name is refused by its path", "[io]") {
    TemporaryFile const file{"wrong.h5"};
    write_all_kinds(file.path);
    Hdf5Reader const reader{file.path};
    CHECK_THROWS_WITH(reader.number("/step/tim"), Catch::Contains("/step/tim: there is no such dataset"));
    CHECK_THROWS_WITH(reader.number("/scenario/text"), Catch::Contains("is no number"));
    CHECK_THROWS_WITH(reader.text("/step/time"), Catch::Contains("is no text"));
    CHECK_THROWS_WITH(reader.integer("/step/time"), Catch::Contains("is no number"));
    CHECK_THROWS_WITH(reader.number("/path/time"), Catch::Contains("is not one number"));
}

TEST_CASE("columns of a table are equally long", "[io]") {
    TemporaryFile const file{"table.h5"};
    Hdf5Writer writer{file.path};
    CHECK_THROWS_AS(writer.write_table(
                        "/t", "uneven",
                        {{"a", std::vector<double>{1, 2}, seconds}, {"b", std::vector<double>{1}, seconds}}),
                    BugError);
}

TEST_CASE("data gives what a dataset holds, one value or a list of its kind", "[io]") {
    TemporaryFile const file{"kinds.h5"};
    write_all_kinds(file.path);
    Hdf5Reader const reader{file.path};
    CHECK(std::get<double>(reader.data("/step/time")) == 1.5);
    CHECK(std::get<std::int64_t>(reader.data("/step/chips")) == std::int64_t{1} << 40);
    CHECK(std::get<std::vector<double>>(reader.data("/path/time")) == std::vector<double>{0.25, 0.125});
    CHECK(std::get<std::vector<std::int64_t>>(reader.data("/path/times")) ==
          std::vector<std::int64_t>{3, -1});
    CHECK(std::get<std::vector<std::string>>(reader.data("/path/label")).size() == 2);
    CHECK(std::get<std::vector<std::string>>(reader.data("/scenario/none")).empty());
}

TEST_CASE("a link to a result stays one, and a pipe takes the same bytes as a file", "[io]") {
    TemporaryFile const file{"of_link.h5"};
    TemporaryFile const link{"link.h5"};
    std::filesystem::create_symlink(file.path, link.path);
    write_all_kinds(link.path);
    CHECK(std::filesystem::is_symlink(link.path));
    CHECK(Hdf5Reader{file.path}.number("/step/time") == 1.5);

    TemporaryFile const pipe{"pipe.h5"};
    TemporaryFile const copy{"copy.h5"};
    REQUIRE(::mkfifo(pipe.path.c_str(), 0600) == 0);
    auto read = std::async(std::launch::async, [&] { return read_text_file(pipe.path); });
    write_all_kinds(pipe.path);
    write_text_file(copy.path, read.get());
    CHECK(std::filesystem::is_fifo(pipe.path));
    CHECK(Hdf5Reader{copy.path}.datasets() == Hdf5Reader{file.path}.datasets());
    CHECK(Hdf5Reader{copy.path}.integer("/step/chips") == std::int64_t{1} << 40);
}

TEST_CASE("a result that a device does not take is an error, and the device stays", "[io]") {
    TemporaryFile const link{"full.h5"};
    std::filesystem::create_symlink("/dev/full", link.path);
    CHECK_THROWS_WITH(write_all_kinds(link.path), Catch::Contains("No space left on device"));
    CHECK(std::filesystem::is_character_file(link.path));
}
