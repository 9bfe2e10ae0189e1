#include "base/random.hpp"
#include "small_sweep.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

using namespace moesaic;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::string const thirty_points = R"(
[[axes]]
name = "nic"
path = "pools[0].nic_bandwidth"
range = { from = "20 GB/s", to = "49 GB/s", steps = 30 }
)";

/// A sweep at work, leader of a process group of its own.
class RunningSweep {
  public:
    explicit RunningSweep(SmallSweep const& sweep) {
        pid_ = ::fork();
        if (pid_ == 0) {
            ::setpgid(0, 0);
            ::setenv("MOESAIC_DATA", MOESAIC_SOURCE_DIR, 1);
            ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
            ::execl(MOESAIC_BINARY, MOESAIC_BINARY, "sweep", sweep.file.c_str(), "-o", sweep.output.c_str(),
                    "-q", "--no-cache", "-j", "2", nullptr);
            ::_exit(127);
        }
        ::setpgid(pid_, pid_);
    }
    ~RunningSweep() {
        kill_all();
        ::waitpid(pid_, nullptr, 0);
    }
    RunningSweep(RunningSweep const&) = delete;
    RunningSweep& operator=(RunningSweep const&) = delete;

    void kill_driver() const { ::kill(pid_, SIGKILL); }
    void kill_all() const { ::kill(-pid_, SIGKILL); }
    /// @return whether there was one
    [[nodiscard]] bool kill_a_worker() const {
        for (auto const& process : fs::directory_iterator{"/proc"}) {
            std::ifstream in{process.path() / "stat"};
            std::string number, rest; // "12 (moesaic) S 11 .."
            if (std::getline(in, number, ' ') && std::getline(in, rest)) {
                std::istringstream fields{rest.substr(std::min(rest.size(), rest.rfind(')') + 1))};
                char state = 0;
                pid_t parent = 0;
                fields >> state >> parent;
                if (parent == pid_ && state != 'Z') {
                    return ::kill(static_cast<pid_t>(std::stoi(number)), SIGKILL) == 0;
                }
            }
        }
        return false;
    }

  private:
    pid_t pid_ = -1;
};

std::size_t finished_points(SmallSweep const& sweep) {
    auto const journal = bytes_of(sweep.output + ".parts/all.journal");
    return static_cast<std::size_t>(std::ranges::count(journal, '\n'));
}

/// Until so many more points are finished, or the sweep is, and a moment more.
void wait_for_points(SmallSweep const& sweep, std::size_t more, std::uint64_t microseconds) {
    auto const enough = finished_points(sweep) + more;
    for (int turn = 0; turn < 20'000 && finished_points(sweep) < enough && !fs::exists(sweep.output);
         ++turn) {
        ::usleep(500);
    }
    ::usleep(static_cast<useconds_t>(microseconds));
}

/// `moesaic sweep` with no file longer than this, as if the disk were full.
Ran run_on_full_disk(SmallSweep const& sweep, rlim_t bytes) {
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    rlimit const limit{bytes, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto ran = sweep.run("sweep", "-q --no-cache -j 2");
    ::setrlimit(RLIMIT_FSIZE, &old);
    return ran;
}

} // namespace

TEST_CASE("fifty kills of a worker, the driver or all at random moments lose and double nothing", "[cli]") {
    SmallSweep const sweep{thirty_points};
    auto const whole = sweep.whole();
    REQUIRE_FALSE(whole.empty());
    Rng rng{7, "kills"};
    int workers_killed = 0, cut_short = 0, went_on = 0;
    for (int round = 0; round < 50; ++round) {
        if (fs::exists(sweep.output)) { // it came to its end in spite of all
            CHECK((bytes_of(sweep.output) == whole));
            fs::remove(sweep.output);
        }
        went_on += finished_points(sweep) > 0 ? 1 : 0;
        RunningSweep const running{sweep};
        auto const wait = [&] { wait_for_points(sweep, rng.below(6), rng.below(20'000)); };
        wait();
        if (round % 3 == 0) {
            workers_killed += running.kill_a_worker() ? 1 : 0;
            wait();
        }
        round % 3 == 1 ? running.kill_driver() : running.kill_all();
        cut_short += fs::exists(sweep.output) ? 0 : 1;
    }
    CHECK(sweep.run("sweep", "-q --no-cache").exit_code == 0);
    CHECK((bytes_of(sweep.output) == whole));
    CHECK_FALSE(fs::exists(sweep.output + ".parts"));
    INFO(workers_killed << " workers killed, " << cut_short << " sweeps cut short, " << went_on
                        << " went on");
    CHECK((workers_killed > 0 && cut_short > 10 && went_on > 10));
}

TEST_CASE("a sweep on a full disk says so and keeps its points", "[cli]") {
    SmallSweep const sweep{thirty_points};
    auto const whole = sweep.whole();
    auto const journal_full = run_on_full_disk(sweep, 4096); // a point takes some 500 bytes
    CHECK(journal_full.exit_code == 2);
    CHECK_THAT(journal_full.err, Catch::Contains("all.journal: cannot be written (File too large). Finished "
                                                 "points are kept; the same command goes on from there"));
    auto const kept = finished_points(sweep);
    CHECK((kept > 3 && kept < 30));

    auto const result_full = run_on_full_disk(sweep, whole.size() - 10'000);
    CHECK(result_full.exit_code == 2);
    CHECK_THAT(result_full.err, Catch::Contains("small.h5"));
    CHECK(finished_points(sweep) == 30);
    CHECK_FALSE(fs::exists(sweep.output));

    auto const last = sweep.run("sweep", "-q --no-cache --json");
    CHECK(json::parse(last.out)["resumed"] == 30);
    CHECK((bytes_of(sweep.output) == whole));
}

TEST_CASE("a sweep into a folder that cannot be written says why before it runs", "[cli]") {
    SmallSweep const sweep{thirty_points};
    auto const ran = run_program("sweep " + sweep.file + " -q -o /sys/small.h5"); // not even root may
    CHECK(ran.exit_code == 2);
    CHECK_THAT(ran.err, Catch::Contains("/sys/small.h5.parts") && Catch::Contains("cannot be made (") &&
                            !Catch::Contains("No such file"));
}
