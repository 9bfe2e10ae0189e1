#include "cli/sweep_executor.hpp"
#include "cli/sweep_progress.hpp"
#include "scenario/run_scenario.hpp"

#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/// Folded points of Ling-Plus on 1,024 H800 per minute, with one worker and with two, and what a point costs over its bare
/// simulation. Rates by wall clock, costs by CPU time: other work on the machine counts in the former alone.
using namespace moesaic;

namespace {

constexpr int points = 240, bare_points = 240; // as many, or noise hides the difference

std::string const sweep_text = fmt::format(R"(
name = "rate"
scenario = "{}/scenarios/papers/ling_2025/device_d.toml"
[[axes]]
path = "pools[0].nic_bandwidth"
range = {{ from = "20 GB/s", to = "60 GB/s", steps = {} }}
)",
                                           MOESAIC_SOURCE_DIR, points);

double cpu_of(int who) {
    rusage usage{};
    ::getrusage(who, &usage);
    auto const seconds = [](timeval const& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Of this process and of the children that have ended.
double cpu_now() { return cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN); }

double wall_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// CPU seconds of the job alone, in a process of its own.
double cpu_in_child(std::function<void()> const& job) {
    int ends[2];
    if (::pipe(ends) != 0) {
        return 0.0;
    }
    if (::fork() == 0) {
        auto const begin = cpu_of(RUSAGE_SELF);
        job();
        auto const cost = cpu_of(RUSAGE_SELF) - begin;
        ::_exit(::write(ends[1], &cost, sizeof cost) == sizeof cost ? 0 : 1);
    }
    double cost = 0.0;
    auto const got = ::read(ends[0], &cost, sizeof cost);
    ::close(ends[0]);
    ::close(ends[1]);
    ::wait(nullptr);
    return got == sizeof cost ? cost : 0.0;
}

/// CPU seconds, average over some points.
struct Bare {
    double simulation = 0.0; ///< the scenario is read, the timings are warm
    double point =
        0.0; ///< as a sweep runs it in its process: read, simulated, its look-ups noted, its metrics
};

/// One after the other for each point, so that other work on the machine slows both.
Bare bare_simulation(sweep::Points const& all, cli::SweepExecutor& executor) {
    Bare out;
    auto const run = executor.executor().run;
    for (int i = 0; i < bare_points; ++i) {
        auto const point = all.at(i * points / bare_points);
        auto const scenario = executor.read(point);
        out.simulation += cpu_in_child([&] { (void)executor.simulate(scenario); }) / bare_points;
        out.point += cpu_in_child([&] { (void)run(point); }) / bare_points;
    }
    return out;
}

/// CPU seconds of a job, average over all points.
double cpu_each(std::function<void(int)> const& job) {
    auto const begin = cpu_now();
    for (int i = 0; i < points; ++i) {
        job(i);
    }
    return (cpu_now() - begin) / points;
}

struct Rate {
    double wall_s = 0.0;
    double cpu_s = 0.0;
    [[nodiscard]] double points_per_minute() const { return 60.0 * points / wall_s; }
};

Rate run_all(sweep::Points const& all, cli::SweepExecutor& executor, std::string const& output, int workers) {
    auto const wall = wall_now(), cpu = cpu_now();
    sweep::Runner runner{
        all, executor.executor(), {.output = output, .workers = workers}, [](auto const&, auto) {}};
    for (int i = 0; i < points; ++i) {
        runner.take(i, [] { return false; });
    }
    runner.finish([] { return false; });
    sweep::write_result(output, all, executor.origin(), runner.ledger());
    sweep::remove_parts(output);
    return {wall_now() - wall, cpu_now() - cpu};
}

} // namespace

int main() {
    auto const folder =
        std::filesystem::temp_directory_path() / ("moesaic_rate_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream{folder / "rate.toml"} << sweep_text;
    sweep::Points const all{sweep::read_sweep((folder / "rate.toml").string())};
    cli::SweepExecutor executor{all, {}};
    executor.warm_up();
    auto const content = executor.content();
    (void)content.hash(all.at(0));
    auto const hashing = cpu_each([&](int i) { (void)content.hash(all.at(i)); });
    auto const reading = cpu_each([&](int i) { (void)executor.read(all.at(i)); });
    auto const anew = cpu_each([&](int i) { // as if each process read what it names for itself
        scenario::Facts const facts{MOESAIC_SOURCE_DIR};
        scenario::load_facts(scenario::read_scenario(all.sweep().scenario_file, all.at(i).settings, facts),
                             facts);
    });
    auto const process = cpu_each([&](int) { (void)cpu_in_child([] {}); });
    auto const output = (folder / "rate.h5").string();
    auto const bare = bare_simulation(all, executor);
    auto const one = run_all(all, executor, output, 1);
    auto const two = run_all(all, executor, output, 2);
    std::filesystem::remove_all(folder);
    fmt::print("{} folded points of Ling-Plus on 1,024 H800\n", points);
    fmt::print("workers  points/min  CPU a point\n");
    fmt::print("{:>7}  {:>10.0f}  {:>8.1f} ms\n", 1, one.points_per_minute(), 1e3 * one.cpu_s / points);
    fmt::print("{:>7}  {:>10.0f}  {:>8.1f} ms\n", 2, two.points_per_minute(), 1e3 * two.cpu_s / points);
    fmt::print("two workers over one: {:.2f}\n", one.wall_s / two.wall_s);
    fmt::print("bare simulation {:.1f} ms CPU, so {:.1f} ms a point over it, with what else the machine did "
               "meanwhile\n",
               1e3 * bare.simulation, 1e3 * (one.cpu_s / points - bare.simulation));
    auto const more = bare.point - bare.simulation;
    fmt::print("side by side: {:.2f} ms more in the point's process (of it {:.2f} ms to read the scenario, "
               "{:.2f} ms if all that it names were read anew), "
               "{:.2f} ms for an "
               "empty process, {:.2f} ms for the hash: {:.1f} ms together\n",
               1e3 * more, 1e3 * reading, 1e3 * anew, 1e3 * process, 1e3 * hashing,
               1e3 * (more + process + hashing));
}
