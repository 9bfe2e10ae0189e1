#include "file_bytes.hpp"
#include "io/hdf5.hpp"
#include "sweep/result_file.hpp"
#include "sweep/runner.hpp"
#include "sweep_text.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <csignal>
#include <new>
#include <sstream>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace moesaic;
using namespace moesaic::sweep;
using moesaic::test::Folder;
using moesaic::test::sweep_of;

namespace {

std::vector<Column> const metrics{{"square", CellKind::number, "s", "x squared", {}},
                                  {"cost", CellKind::number, "1", "Cost", "currency"},
                                  {"currency", CellKind::text, "text", "Currency", {}}};

/// x squared; multiples of 5 are not allowed. The hash is that of x.
Executor squares() {
    auto const x_of = [](Point const& point) { return std::get<std::int64_t>(point.cells[0]); };
    return {[x_of](Point const& point) {
                auto const x = static_cast<double>(x_of(point));
                if (x_of(point) % 5 == 0) {
                    throw InputError{Origin::whole_file("x"), "is a multiple of 5"};
                }
                return std::vector<Cell>{x * x, x, "CNY"};
            },
            [x_of](Point const& point) { return "version 1, x = " + std::to_string(x_of(point)); }};
}

Points hundred() {
    return Points{sweep_of("axes = [{ path = \"x\", range = { from = 1, to = 100, steps = 100 } }]")};
}

struct Count {
    int computed = 0, cached = 0, resumed = 0, failed = 0;
};

/// Runs all points in this order and writes the result.
Count sweep_all(Points const& points, Executor const& executor, RunnerOptions const& options,
                std::vector<std::int64_t> const& order) {
    Count count;
    Runner runner{points, executor, options, [&](Record const& record, Source source) {
                      count.computed += source == Source::computed ? 1 : 0;
                      count.cached += source == Source::cached ? 1 : 0;
                      count.resumed += source == Source::resumed ? 1 : 0;
                      count.failed += has_failed(record.result) ? 1 : 0;
                  }};
    for (auto const index : order) {
        runner.take(index, [] { return false; });
    }
    runner.finish([] { return false; });
    write_result(options.output, points, {"scenario", "1.0", {}, metrics}, runner.ledger());
    return count;
}

std::vector<std::int64_t> forward(std::int64_t count) {
    std::vector<std::int64_t> out;
    for (std::int64_t i = 0; i < count; ++i) {
        out.push_back(i);
    }
    return out;
}

} // namespace

TEST_CASE("the result has a row for each point that ran and one for each that failed", "[sweep]") {
    Folder const folder;
    auto const points = hundred();
    auto const count =
        sweep_all(points, squares(), {.output = folder.file("r.h5"), .workers = 2}, forward(100));
    CHECK((count.computed == 100 && count.failed == 20)); // 5, 10, .., 100
    io::Hdf5Reader const file{folder.file("r.h5")};
    auto const xs = file.integers("/points/x");
    auto const squares = file.numbers("/points/square");
    REQUIRE(xs.size() == 80);
    for (std::size_t i = 0; i < xs.size(); ++i) {
        CHECK(squares[i] == static_cast<double>(xs[i] * xs[i]));
        CHECK(file.integers("/points/point")[i] == xs[i] - 1);
    }
    CHECK(file.label("/points/square").unit == "s");
    CHECK(file.label("/points/cost").unit == "CNY"); // as all rows have it
    CHECK(file.integers("/failures/x")[1] == 10);
    CHECK(file.texts("/failures/message")[1] == "x: is a multiple of 5");
    CHECK(file.texts("/failures/kind")[1] == "input");
    CHECK(file.texts("/sweep/axes") == std::vector<std::string>{"x"});
    CHECK(file.integer("/sweep/failed") == 20);
    CHECK(file.integer("/sweep/missing") == 0);
}

TEST_CASE("the result does not depend on workers and order", "[sweep]") {
    Folder const folder;
    auto const points = hundred();
    sweep_all(points, squares(), {.output = folder.file("one.h5"), .workers = 1}, forward(100));
    auto backward = forward(100);
    std::ranges::reverse(backward);
    sweep_all(points, squares(), {.output = folder.file("many.h5"), .workers = 7}, backward);
    CHECK((bytes_of(folder.file("one.h5")) == bytes_of(folder.file("many.h5"))));
}

TEST_CASE("a second start computes only what is missing", "[sweep]") {
    Folder const folder;
    auto const points = hundred();
    RunnerOptions const options{.output = folder.file("r.h5"), .workers = 2};
    CHECK(sweep_all(points, squares(), options, forward(40)).computed == 40);
    auto const count = sweep_all(points, squares(), options, forward(100));
    CHECK((count.resumed == 40 && count.computed == 60));
    sweep_all(points, squares(), {.output = folder.file("whole.h5"), .workers = 2}, forward(100));
    CHECK((bytes_of(folder.file("r.h5")) == bytes_of(folder.file("whole.h5"))));
}

TEST_CASE("failures are run again only when that is asked for", "[sweep]") {
    Folder const folder;
    auto const points = hundred();
    RunnerOptions options{.output = folder.file("r.h5"), .workers = 2};
    sweep_all(points, squares(), options, forward(100));
    CHECK(sweep_all(points, squares(), options, forward(100)).computed == 0);
    options.retry_failed = true;
    auto const count = sweep_all(points, squares(), options, forward(100));
    CHECK((count.resumed == 80 && count.computed == 20));
    // the 20 failures stand twice in the journal now, and once in the result
    CHECK(io::Hdf5Reader{folder.file("r.h5")}.integers("/failures/x").size() == 20);
}

TEST_CASE("points whose content has changed are computed again, the others are not", "[sweep]") {
    Folder const folder;
    auto const points = hundred();
    RunnerOptions const options{.output = folder.file("r.h5"), .workers = 2};
    sweep_all(points, squares(), options, forward(100));
    auto changed = squares();
    changed.hash = [old = changed.hash](Point const& point) {
        return point.index < 10 ? "version 2" + old(point) : old(point);
    };
    auto const count = sweep_all(points, changed, options, forward(100));
    CHECK((count.resumed == 90 && count.computed == 10));
    CHECK(io::Hdf5Reader{folder.file("r.h5")}.integer("/sweep/missing") == 0);
}

namespace {

/// squares() whose points with even x rest on what "even" says and the others on "odd"; the basis is that word and its content.
Executor on_words(std::map<std::string, std::string> content) {
    auto out = squares();
    auto const run = out.run;
    out.run = [run](Point const& point) {
        auto answer = run(point);
        answer.consulted = std::get<std::int64_t>(point.cells[0]) % 2 == 0 ? "even" : "odd";
        return answer;
    };
    out.basis = [content](Point const&, std::optional<std::string> const& consulted) {
        return consulted ? *consulted + "=" + content.at(*consulted) : std::string{"failed"};
    };
    out.stands = [content](Point const&, std::string const& basis) {
        return basis == "failed" || basis == "even=" + content.at("even") ||
               basis == "odd=" + content.at("odd");
    };
    return out;
}

} // namespace

TEST_CASE("points are computed again where what they consulted has changed, in a sweep and from the cache",
          "[sweep]") {
    Folder const folder;
    auto const points = hundred();
    auto const first = on_words({{"even", "a"}, {"odd", "a"}});
    auto const second = on_words({{"even", "b"}, {"odd", "a"}});
    RunnerOptions const options{
        .output = folder.file("r.h5"), .workers = 2, .cache_folder = folder.file("cache")};
    sweep_all(points, first, options, forward(100));
    // 40 even ones, since 10, 20, .. are not allowed; the failures stay
    auto const resumed = sweep_all(points, second, options, forward(100));
    CHECK((resumed.resumed == 60 && resumed.computed == 40));
    auto other = options;
    other.output = folder.file("other.h5");
    auto const back = sweep_all(points, first, other, forward(100)); // failures are in no cache
    CHECK((back.cached == 80 && back.computed == 20));
    other.output = folder.file("third.h5");
    auto const third = sweep_all(points, on_words({{"even", "c"}, {"odd", "c"}}), other, forward(100));
    CHECK((third.cached == 0 && third.computed == 100));
}

TEST_CASE("a sweep that is to stop does not wait for busy workers", "[sweep]") {
    Folder const folder;
    auto const points = hundred();
    auto slow = squares();
    slow.run = [](Point const&) -> PointAnswer {
        ::sleep(600);
        return std::vector<Cell>{};
    };
    Runner runner{points, slow, {.output = folder.file("r.h5"), .workers = 1}, [](auto const&, auto) {}};
    int asked = 0;
    auto const stop = [&] { return ++asked > 1; };
    runner.take(0, stop);
    runner.take(1, stop); // no worker is free
    CHECK(asked == 2);
    runner.finish(stop);
    CHECK_FALSE(runner.ledger().has(0));
    CHECK_FALSE(runner.ledger().has(1));
}

TEST_CASE("equal points are computed once, with and without a cache", "[sweep]") {
    Folder const folder;
    Points const points{sweep_of("axes = [{ path = \"x\", values = [1, 2, 1, 1, 2, 3] }]")};
    auto const count =
        sweep_all(points, squares(), {.output = folder.file("r.h5"), .workers = 3}, forward(6));
    CHECK((count.computed == 3 && count.cached == 3));
    CHECK(io::Hdf5Reader{folder.file("r.h5")}.numbers("/points/square") ==
          std::vector<double>{1, 4, 1, 1, 4, 9});
}

TEST_CASE("a cache serves other sweeps, without failures", "[sweep]") {
    Folder const folder;
    auto const points = hundred();
    auto const cache = folder.file("cache");
    sweep_all(points, squares(), {.output = folder.file("a.h5"), .workers = 2, .cache_folder = cache},
              forward(100));
    Points const others{sweep_of("axes = [{ path = \"x\", range = { from = 91, to = 110, steps = 20 } }]")};
    auto const count = sweep_all(
        others, squares(), {.output = folder.file("b.h5"), .workers = 2, .cache_folder = cache}, forward(20));
    // 91 to 100 are known but for 95 and 100, which failed
    CHECK((count.cached == 8 && count.computed == 12));
}

TEST_CASE("a cache keeps its limit and forgets what was used longest ago", "[sweep]") {
    Folder const folder;
    // an entry of some ten bytes takes a block of 4 KiB: ten fit into 40 KiB
    Cache const cache{folder.file("cache"), Bytes{40.0 * 1024}};
    for (int i = 0; i < 30; ++i) {
        cache.keep({0, "hash" + std::to_string(i), std::vector<Cell>{std::int64_t{i}}, {}});
        std::filesystem::last_write_time(folder.file("cache") + "/ha/sh" + std::to_string(i),
                                         std::filesystem::file_time_type::clock::now() -
                                             std::chrono::hours{100 - i});
    }
    CHECK(cache.find("hash0", {}).has_value()); // used now
    cache.trim();
    int left = 0;
    for (int i = 0; i < 30; ++i) {
        left += cache.find("hash" + std::to_string(i), {}).has_value() ? 1 : 0;
    }
    CHECK(left >= 1);
    CHECK(left <= 10);
    CHECK(cache.find("hash0", {}).has_value());
    CHECK_FALSE(cache.find("hash1", {}).has_value());
}

TEST_CASE("a broken cache entry is not believed", "[sweep]") {
    Folder const folder;
    Cache const cache{folder.file("cache"), Bytes{1e9}};
    cache.keep({0, "hash", std::vector<Cell>{0.5}, "basis"});
    std::ofstream{folder.file("cache") + "/ha/sh"} << "0\thash\tbasis\tok\td0.7\t0000000000000000\n";
    CHECK_FALSE(cache.find("hash", {}).has_value());
}

namespace {

/// Counts what processes have begun, over all of them.
class SharedCount {
  public:
    SharedCount()
        : at_{static_cast<std::atomic<int>*>(::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0))} {
        new (at_) std::atomic<int>{0};
    }
    ~SharedCount() { ::munmap(at_, sizeof(std::atomic<int>)); }
    SharedCount(SharedCount const&) = delete;
    SharedCount& operator=(SharedCount const&) = delete;
    [[nodiscard]] std::atomic<int>& operator*() const { return *at_; }

  private:
    std::atomic<int>* at_;
};

} // namespace

TEST_CASE("a sweep that is killed again and again ends with the same bytes", "[sweep]") {
    Folder const folder;
    auto const points = hundred();
    sweep_all(points, squares(), {.output = folder.file("whole.h5"), .workers = 2}, forward(100));
    RunnerOptions const options{.output = folder.file("r.h5"), .workers = 2};
    SharedCount const begun;
    auto counted = squares();
    counted.run = [&, run = counted.run](Point const& point) {
        ++*begun;
        return run(point);
    };
    for (int attempt = 0; attempt < 20; ++attempt) {
        *begun = 0;
        auto const pid = ::fork();
        if (pid == 0) {
            sweep_all(points, counted, options, forward(100));
            ::_exit(0);
        }
        // at whatever it does some points later, however slow the machine is
        bool ended = false;
        while (*begun < 2 + attempt * 7 % 11 && !ended) {
            ::usleep(100);
            ended = ::waitpid(pid, nullptr, WNOHANG) == pid;
        }
        if (!ended) {
            ::usleep(static_cast<useconds_t>(attempt * 137 % 1000));
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
    }
    auto const count = sweep_all(points, squares(), options, forward(100));
    CHECK(count.resumed > 0);
    CHECK((bytes_of(folder.file("r.h5")) == bytes_of(folder.file("whole.h5"))));
}

#if !defined(__SANITIZE_ADDRESS__) // its shadow memory is no memory of ours
TEST_CASE("a hundred thousand finished points are joined in less than 500 MB", "[sweep]") {
    constexpr std::int64_t count = 100'000;
    Folder const folder;
    Points const points{sweep_of(R"(
design = { kind = "latin_hypercube", points = 100_000 }
axes = [{ path = "x", range = { from = 0.0, to = 1.0 } }, { path = "y", range = { from = 0.0, to = 1.0 } }]
)")};
    std::vector<Column> columns;
    std::vector<Cell> cells;
    for (int i = 0; i < 25; ++i) { // as wide as the metrics of a run
        columns.push_back({"metric_" + std::to_string(i), CellKind::number, "s", "A metric", {}});
        cells.emplace_back(1.0 / (i + 3));
    }
    columns.push_back({"plan", CellKind::text, "text", "A plan", {}});
    cells.emplace_back("1024: tp1 pp8 ep8 dp128 m70");
    auto const output = folder.file("r.h5");
    {
        Journal journal{parts_folder(output) + "/all.journal"};
        for (std::int64_t i = 0; i < count; ++i) {
            journal.add({i, "hash", cells});
        }
    }
    Ledger ledger;
    ledger.read(parts_folder(output), points, {[](Point const&) { return "hash"; }, {}}, true);
    auto const gathered = write_result(output, points, {"scenario", "1.0", {}, columns}, ledger);
    CHECK((gathered.ok == count && gathered.missing == 0));
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    CHECK(static_cast<double>(usage.ru_maxrss) * 1024 < 500e6);
}
#endif
