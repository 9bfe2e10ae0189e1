#include "sweep/journal.hpp"
#include "sweep_text.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace moesaic;
using namespace moesaic::sweep;
using moesaic::test::Folder;

namespace {

std::string content_of(std::string const& path) {
    std::ostringstream out;
    out << std::ifstream{path}.rdbuf();
    return out.str();
}

Record record_of(std::int64_t point) {
    return {point, "hash" + std::to_string(point), std::vector<Cell>{0.5, "x\ty"}};
}

std::vector<std::int64_t> points_in(std::string const& path) {
    std::vector<std::int64_t> out;
    read_journal(path, [&](Record const& record, std::int64_t) { out.push_back(record.point); });
    return out;
}

} // namespace

TEST_CASE("a record reads back, and is refused once a byte of it changes", "[sweep]") {
    for (auto const& record :
         {record_of(3), Record{7, "", Failure{"input", "a.toml:1:2: no\tway\n"}, "of a|b"}}) {
        auto const line = line_of(record);
        auto const read = read_record(line);
        REQUIRE(read);
        CHECK((read->point == record.point && read->hash == record.hash && read->basis == record.basis &&
               read->result == record.result));
        for (std::size_t i = 0; i < line.size(); ++i) {
            auto broken = line;
            broken[i] = static_cast<char>(broken[i] ^ 1);
            CHECK_FALSE(read_record(broken));
            CHECK_FALSE(read_record(line.substr(0, i)));
        }
    }
}

TEST_CASE("a journal that a kill cut at any byte keeps its whole lines and goes on behind them", "[sweep]") {
    Folder const folder;
    auto const path = folder.file("a.journal");
    {
        Journal journal{path};
        journal.add(record_of(0));
        journal.add(record_of(1));
    }
    auto const whole = content_of(path);
    auto const first = whole.find('\n') + 1;
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        std::ofstream{path} << whole.substr(0, cut);
        Journal{path}.add(record_of(2));
        auto const expected = cut < first          ? std::vector<std::int64_t>{2}
                              : cut < whole.size() ? std::vector<std::int64_t>{0, 2}
                                                   : std::vector<std::int64_t>{0, 1, 2};
        CHECK(points_in(path) == expected);
    }
}

TEST_CASE("a journal has one writer", "[sweep]") {
    Folder const folder;
    Journal const journal{folder.file("a.journal")};
    auto const error = moesaic::test::message_of([&] { Journal{folder.file("a.journal")}; });
    CHECK(error.find("another process is writing this part of the sweep") != std::string::npos);
}

TEST_CASE("a journal on a full disk says so and keeps what it has", "[sweep]") {
    Folder const folder;
    auto const path = folder.file("a.journal");
    auto const pid = ::fork();
    if (pid == 0) { // a process may write so many bytes, as if the disk were full
        ::signal(SIGXFSZ, SIG_IGN);
        Journal journal{path};
        journal.add(record_of(0));
        rlimit const limit{line_of(record_of(0)).size() + 10, line_of(record_of(0)).size() + 10};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        auto const error = moesaic::test::message_of([&] { journal.add(record_of(1)); });
        ::_exit(error.find("cannot be written (File too large)") != std::string::npos ? 0 : 1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    CHECK(status == 0);
    CHECK(content_of(path) == line_of(record_of(0)) + "\n");
}

TEST_CASE("a journal that cannot be made is an error with the reason", "[sweep]") {
    Folder const folder;
    auto const file = folder.write("plain", "");
    auto const error = moesaic::test::message_of([&] { Journal{file + "/a.journal"}; });
    CHECK(error.find("cannot be made (Not a directory)") != std::string::npos);
}

TEST_CASE(
    "a long basis stands once beside the journals, and a record without it has a basis that nobody knows",
    "[sweep]") {
    Folder const folder;
    auto const path = folder.file("a.journal");
    std::string const basis(3000, 'x');
    auto const with_basis = [&](std::int64_t point, std::string const& its) {
        auto record = record_of(point);
        record.basis = its;
        return record;
    };
    {
        Journal journal{path};
        for (std::int64_t point = 0; point < 50; ++point) {
            auto const place = journal.add(with_basis(point, basis));
            CHECK(read_journal_at(path, place)->basis == basis);
        }
        journal.add(with_basis(50, "short"));
    }
    CHECK(content_of(path).size() < 50 * 250);
    auto const bases_in = [&] {
        std::set<std::string> out;
        read_journal(path, [&](Record const& record, std::int64_t) { out.insert(record.basis); });
        return out;
    };
    CHECK(bases_in() == std::set<std::string>{basis, "short"});
    auto const files = std::filesystem::directory_iterator{folder.file("bases")};
    REQUIRE(std::distance(begin(files), end(files)) == 1);
    auto const file = std::filesystem::directory_iterator { folder.file("bases") } -> path();
    std::ofstream{file, std::ios::app} << "y"; // cut or changed: not believed
    CHECK_FALSE(bases_in().contains(basis));
    CHECK_FALSE(bases_in().contains(basis + "y"));
    CHECK(points_in(path).size() == 51);
}
