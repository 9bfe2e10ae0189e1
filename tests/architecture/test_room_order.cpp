#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

/// The one-way order; a room includes itself and rooms above it.
std::vector<std::string> const rooms{
    "base",           "io",      "hardware", "model",   "timing", "parallel", "engine", "economics",
    "export_control", "results", "scenario", "planner", "sweep",  "cli"};

struct Include {
    fs::path file;
    std::string room;
    std::string text;
    bool quoted;
};

std::vector<Include> all_includes() {
    std::vector<Include> out;
    fs::path const sim = fs::path{MOESAIC_SOURCE_DIR} / "sim";
    std::regex const pattern{R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])"};
    for (auto const& entry : fs::recursive_directory_iterator{sim}) {
        if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") {
            continue;
        }
        std::ifstream in{entry.path()};
        auto const room = fs::relative(entry.path(), sim).begin()->string();
        for (std::string line; std::getline(in, line);) {
            std::smatch match;
            if (std::regex_search(line, match, pattern)) {
                out.push_back({entry.path(), room, match[2], match[1] == "\""});
            }
        }
    }
    return out;
}

std::size_t place(std::string const& room) {
    return static_cast<std::size_t>(std::ranges::find(rooms, room) - rooms.begin());
}

} // namespace

TEST_CASE("every folder of sim is a room of the order", "[architecture]") {
    for (auto const& entry : fs::directory_iterator{fs::path{MOESAIC_SOURCE_DIR} / "sim"}) {
        if (entry.is_directory()) {
            INFO(entry.path());
            CHECK(place(entry.path().filename().string()) < rooms.size());
        }
    }
}

TEST_CASE("a room includes only itself and rooms above it", "[architecture]") {
    auto const includes = all_includes();
    REQUIRE(includes.size() > 50);
    for (auto const& include : includes) {
        if (include.quoted) {
            INFO(include.file << " includes " << include.text);
            auto const target = include.text.substr(0, include.text.find('/'));
            REQUIRE(place(target) < rooms.size());
            CHECK(place(target) <= place(include.room));
        }
    }
}

TEST_CASE("foreign libraries stay in the rooms and files that own them", "[architecture]") {
    struct Owner {
        std::string library;
        std::string room;
        bool headers_too;
        std::string own_header; ///< of the room's files alone, which may
    };
    std::vector<Owner> const owners{{"simgrid/", "engine", false, ""},
                                    {"toml++", "io", false, "toml_node.hpp"},
                                    {"hdf5", "io", false, ""},
                                    {"nlohmann/", "io", false, ""},
                                    {"CLI/", "cli", true, ""}};
    for (auto const& include : all_includes()) {
        for (auto const& owner : owners) {
            if (include.text.starts_with(owner.library)) {
                INFO(include.file << " includes " << include.text);
                CHECK(include.room == owner.room);
                CHECK((owner.headers_too || include.file.extension() == ".cpp" ||
                       include.file.filename() == owner.own_header));
            }
            if (!owner.own_header.empty() && include.text.ends_with("/" + owner.own_header)) {
                INFO(include.file << " includes " << include.text);
                CHECK(include.room == owner.room);
            }
        }
    }
}
