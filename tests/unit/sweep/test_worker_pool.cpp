#include "sweep/worker_pool.hpp"
#include "sweep_text.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <map>
#include <set>
#include <unistd.h>

using namespace moesaic;
using namespace moesaic::sweep;

namespace {

Point point_of(std::int64_t index) { return {index, 0, {}, {}}; }

/// The results by point.
std::map<std::int64_t, PointResult> run_all(RunPoint const& run, int workers, PointLimits limits,
                                            std::int64_t points) {
    WorkerPool pool{run, workers, limits};
    std::map<std::int64_t, PointResult> out;
    std::int64_t next = 0;
    while (next < points || !pool.is_idle()) {
        while (next < points && pool.has_room()) {
            pool.start(point_of(next++));
        }
        if (auto done = pool.wait(std::chrono::seconds{10})) {
            CHECK(out.try_emplace(done->point.index, std::move(done->result)).second);
        }
    }
    return out;
}

Failure failure_of(RunPoint const& run, PointLimits limits = {}) {
    auto const results = run_all(run, 1, limits, 1);
    REQUIRE(has_failed(results.at(0)));
    return std::get<Failure>(results.at(0));
}

} // namespace

TEST_CASE("each point runs in a process of its own", "[sweep]") {
    auto const results =
        run_all([](Point const& point) { return std::vector<Cell>{std::int64_t{::getpid()}, point.index}; },
                3, {}, 20);
    REQUIRE(results.size() == 20);
    std::set<std::int64_t> processes{::getpid()};
    for (auto const& [index, result] : results) {
        auto const& cells = std::get<std::vector<Cell>>(result);
        processes.insert(std::get<std::int64_t>(cells[0]));
        CHECK(cells[1] == Cell{index});
    }
    CHECK(processes.size() == 21);
}

TEST_CASE("an answer may be longer than a pipe holds", "[sweep]") {
    std::string const text(1'000'000, 'x');
    auto const results = run_all([&](Point const&) { return std::vector<Cell>{text}; }, 2, {}, 2);
    CHECK(results.at(1) == PointResult{std::vector<Cell>{text}});
}

TEST_CASE("what the user can put right is a failure with its message", "[sweep]") {
    CHECK(failure_of([](Point const&) -> std::vector<Cell> {
              throw InputError{Origin::whole_file("a.toml"), "no"};
          }) == Failure{"input", "a.toml: no"});
    CHECK(failure_of([](Point const&) -> std::vector<Cell> { throw BugError{"oops"}; }) ==
          Failure{"bug", "oops"});
}

TEST_CASE("a crash is a failure that names the signal", "[sweep]") {
    CHECK(failure_of([](Point const&) -> std::vector<Cell> {
              ::signal(SIGABRT, SIG_DFL);
              std::abort();
          }) == Failure{"crash", "the simulation ended by signal 6 (Aborted)"});
    CHECK(failure_of([](Point const&) -> std::vector<Cell> { ::_exit(3); }) ==
          Failure{"crash", "the simulation ended with code 3 and without an answer"});
}

TEST_CASE("a point that hangs is ended at its time", "[sweep]") {
    auto const hang = [](Point const& point) {
        for (; point.index == 0;) {
            ::pause();
        }
        return std::vector<Cell>{};
    };
    auto const results = run_all(hang, 2, {.time = Seconds{0.2}, .memory = Bytes{0}}, 3);
    CHECK(results.at(0) == PointResult{Failure{"time", "takes longer than 0.2 s"}});
    CHECK(results.at(1) == PointResult{std::vector<Cell>{}});
    CHECK(results.at(2) == PointResult{std::vector<Cell>{}});
}

#if !defined(__SANITIZE_ADDRESS__) // its shadow memory is no data of ours
TEST_CASE("a point that takes more memory than allowed is a failure", "[sweep]") {
    auto const hungry = [](Point const&) {
        std::vector<std::vector<char>> taken;
        for (int i = 0; i < 1000; ++i) {
            taken.emplace_back(1 << 20, 'x');
        }
        return std::vector<Cell>{std::int64_t(taken.size())};
    };
    CHECK(failure_of(hungry, {.time = Seconds{60}, .memory = Bytes{100.0 * 1048576}}) ==
          Failure{"memory", "takes more than 100 MiB"});
    CHECK(run_all(hungry, 1, {.time = Seconds{60}, .memory = Bytes{2000.0 * 1048576}}, 1).at(0) ==
          PointResult{std::vector<Cell>{std::int64_t{1000}}});
}
#endif

TEST_CASE("a worker that somebody kills is replaced, but not for ever", "[sweep]") {
    moesaic::test::Folder const folder;
    auto const path = folder.file("attempts"); // a worker counts by adding a letter
    auto const killed = [&](int times) {
        ::unlink(path.c_str());
        return [path, times](Point const&) {
            std::ofstream{path, std::ios::app} << 'x';
            auto const count = static_cast<std::int64_t>(std::filesystem::file_size(path));
            if (count <= times) {
                ::raise(SIGKILL);
            }
            return std::vector<Cell>{count};
        };
    };
    CHECK(run_all(killed(3), 1, {}, 1).at(0) == PointResult{std::vector<Cell>{std::int64_t{4}}});
    CHECK(failure_of(killed(100)) ==
          Failure{"crash", "was killed 5 times by signal 9 (Killed); is the memory full?"});
}
