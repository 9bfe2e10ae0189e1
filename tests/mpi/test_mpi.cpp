#include "small_sweep.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <csignal>
#include <vector>

using namespace moesaic;
namespace fs = std::filesystem;

namespace {

/// 20 that can be simulated, 20 with expert degree 7 that fail.
std::string const forty_points = R"(
[[axes]]
name = "nic"
path = "pools[0].nic_bandwidth"
range = { from = "20 GB/s", to = "39 GB/s", steps = 20 }
[[axes]]
path = "parallel.expert"
values = [8, 7]
)";

/// What a shell runs: mpirun of the sweep on this machine, whose few cores it may use more than once.
std::string mpi_command(SmallSweep const& sweep, int ranks) {
    return "MOESAIC_DATA='" MOESAIC_SOURCE_DIR "' exec mpirun --allow-run-as-root --oversubscribe -n " +
           std::to_string(ranks) + " '" MOESAIC_MPI_BINARY "' sweep " + sweep.file + " -o " + sweep.output +
           " --no-cache -q > " + sweep.folder.path + "/out 2>&1";
}

int run_mpi(SmallSweep const& sweep, int ranks) {
    auto const status = std::system(mpi_command(sweep, ranks).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Lines in all journals of the sweep, and how many journals there are.
std::pair<std::ptrdiff_t, int> finished_points(SmallSweep const& sweep) {
    std::ptrdiff_t lines = 0;
    int journals = 0;
    std::error_code gone;
    for (fs::directory_iterator at{sweep.output + ".parts", gone}; !gone && at != fs::directory_iterator{};
         at.increment(gone)) {
        lines += std::ranges::count(bytes_of(at->path().string()), '\n');
        ++journals;
    }
    return {lines, journals};
}

/// The processes that have the sweep's output on their command line: mpirun, ranks and their workers.
std::vector<pid_t> processes_of(SmallSweep const& sweep) {
    std::vector<pid_t> out;
    std::error_code gone;
    for (fs::directory_iterator at{"/proc", gone}; !gone && at != fs::directory_iterator{};
         at.increment(gone)) {
        auto const name = at->path().filename().string();
        bool const is_process =
            std::ranges::all_of(name, [](unsigned char c) { return std::isdigit(c) != 0; });
        if (is_process &&
            bytes_of(at->path().string() + "/cmdline").find(sweep.output) != std::string::npos) {
            out.push_back(std::stoi(name));
        }
    }
    return out;
}

/// Ranks may outlive mpirun and go on, so each is killed, until none is left.
void kill_all_of(SmallSweep const& sweep) {
    auto left = processes_of(sweep);
    for (int turn = 0; turn < 6'000 && !left.empty(); ++turn) {
        for (auto const pid : left) {
            ::kill(pid, SIGKILL);
        }
        ::usleep(1'000);
        left = processes_of(sweep);
    }
    REQUIRE(left.empty());
}

} // namespace

TEST_CASE("four ranks write the bytes that one process writes", "[mpi]") {
    SmallSweep const sweep{forty_points};
    auto const whole = sweep.whole();
    REQUIRE_FALSE(whole.empty());
    CHECK(run_mpi(sweep, 4) == 1); // some points failed
    INFO(bytes_of(sweep.folder.path + "/out"));
    CHECK_THAT(bytes_of(sweep.folder.path + "/out"),
               Catch::Contains("40 points: 20 simulated, 20 failed, 0 missing"));
    CHECK((bytes_of(sweep.output) == whole));
    CHECK_FALSE(fs::exists(sweep.output + ".parts"));
}

TEST_CASE("four ranks that are killed at work lose nothing", "[mpi]") {
    SmallSweep const sweep{forty_points};
    auto const whole = sweep.whole();
    auto const pid = ::fork();
    if (pid == 0) {
        ::setpgid(0, 0);
        ::execl("/bin/sh", "sh", "-c", mpi_command(sweep, 4).c_str(), nullptr);
        ::_exit(127);
    }
    for (int turn = 0; turn < 60'000 && finished_points(sweep).first < 5; ++turn) {
        ::usleep(500);
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    kill_all_of(sweep);
    auto const [kept, journals] = finished_points(sweep);
    INFO(kept << " points in " << journals << " journals");
    CHECK((kept >= 5 && kept < 40 && journals >= 1));
    CHECK_FALSE(fs::exists(sweep.output));
    CHECK(run_mpi(sweep, 3) == 1);
    CHECK((bytes_of(sweep.output) == whole));
}

TEST_CASE("what is wrong with the sweep is told once, and one rank is too few", "[mpi]") {
    SmallSweep const misspelt{"[[axes]]\npath = \"parallel.expret\"\nvalues = [1, 2]\n"};
    CHECK(run_mpi(misspelt, 3) == 2);
    CHECK_THAT(bytes_of(misspelt.folder.path + "/out"), Catch::Contains("parallel.expret"));
    SmallSweep const sweep{forty_points};
    CHECK(run_mpi(sweep, 1) == 2);
    CHECK_THAT(bytes_of(sweep.folder.path + "/out"), Catch::Contains("needs two ranks or more"));
}

TEST_CASE("moesaic-mpi does not load SimGrid, whose MPI functions are others", "[mpi]") {
    TemporaryFile const list{"ldd"};
    REQUIRE(std::system(("ldd '" MOESAIC_MPI_BINARY "' > " + list.path).c_str()) == 0);
    auto const libraries = bytes_of(list.path);
    CHECK_THAT(libraries, Catch::Contains("libmpi") && !Catch::Contains("simgrid"));
}
