#include "run_program.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

using namespace moesaic;
using nlohmann::json;

namespace {

struct Slice {
    std::int64_t start;
    std::int64_t end;
};
using Thread = std::pair<int, int>;

Thread thread_of(json const& event) { return {event["pid"].get<int>(), event["tid"].get<int>()}; }

std::int64_t nanoseconds(json const& microseconds) { return std::llround(microseconds.get<double>() * 1e3); }

json trace_of(std::string const& scenario, std::string const& file) {
    auto const path = (std::filesystem::temp_directory_path() / file).string();
    auto const ran = run_program("trace " + tutorial(scenario) + " -o " + path);
    REQUIRE(ran.exit_code == 0);
    std::ifstream in{path};
    auto trace = json::parse(in);
    std::filesystem::remove(path);
    return trace;
}

/// Slices by thread, each checked for the keys that the format asks of a complete event.
std::map<Thread, std::vector<Slice>> slices_of(json const& trace) {
    std::map<Thread, std::vector<Slice>> slices;
    for (auto const& event : trace["traceEvents"]) {
        if (event["ph"] == "X") {
            REQUIRE(event["name"].is_string());
            REQUIRE(event["cat"].is_string());
            auto const start = nanoseconds(event["ts"]);
            auto const duration = nanoseconds(event["dur"]);
            REQUIRE(start >= 0);
            REQUIRE(duration >= 0);
            slices[thread_of(event)].push_back({start, start + duration});
        }
    }
    return slices;
}

} // namespace

TEST_CASE("a trace is in the trace-event format: known phases, named tracks, slices that do not cross",
          "[cli]") {
    auto const trace = trace_of("02-pipeline.toml", "moesaic_trace_format.json");
    std::set<int> processes;
    std::set<Thread> threads;
    for (auto const& event : trace["traceEvents"]) {
        auto const phase = event["ph"].get<std::string>();
        REQUIRE(std::set<std::string>{"X", "M", "s", "f", "C"}.contains(phase));
        if (phase == "M" && event["name"] == "process_name" && event["args"]["name"] != "links") {
            CHECK_THAT(event["args"]["name"].get<std::string>(), Catch::Contains("nvidia_h100"));
            processes.insert(event["pid"].get<int>());
        }
        if (phase == "M" && event["name"] == "thread_name") {
            threads.insert(thread_of(event));
        }
    }
    CHECK(processes.size() == 4); // a rank class per pipeline stage
    auto const step = std::llround(trace["otherData"]["step_time_s"].get<double>() * 1e9);
    std::int64_t last = 0;
    for (auto const& [thread, slices] : slices_of(trace)) {
        CHECK(processes.contains(thread.first));
        CHECK(threads.contains(thread));
        for (std::size_t i = 0; i < slices.size(); ++i) {
            REQUIRE((i == 0 || slices[i - 1].end <= slices[i].start));
            last = std::max(last, slices[i].end);
        }
    }
    CHECK(last == step);
}

TEST_CASE("every message of a trace is sent and received, and its arrow is bound to both", "[cli]") {
    auto const trace = trace_of("02-pipeline.toml", "moesaic_trace_flows.json");
    auto const slices = slices_of(trace);
    std::map<int, json> starts;
    std::map<int, json> ends;
    for (auto const& event : trace["traceEvents"]) {
        if (event["ph"] == "s" || event["ph"] == "f") {
            auto& side = event["ph"] == "s" ? starts : ends;
            REQUIRE(side.emplace(event["id"].get<int>(), event).second);
            auto const at = nanoseconds(event["ts"]);
            auto const& on = slices.at(thread_of(event));
            REQUIRE(std::ranges::any_of(on, [&](Slice s) { return s.start <= at && at <= s.end; }));
        }
    }
    // global batch 64 on 64 / (8 x 4) = 2 replicas: 32 micro-batches; 4 stages x 2 chunks have 7 boundaries, crossed
    // forward and backward: 2 x 7 x 32
    CHECK(starts.size() == 448);
    REQUIRE(ends.size() == starts.size());
    for (auto const& [id, start] : starts) {
        CHECK(nanoseconds(start["ts"]) <= nanoseconds(ends.at(id)["ts"]));
    }
}

TEST_CASE("the kernels of a trace last as long as the run says that the class computes", "[cli]") {
    auto const trace = trace_of("01-one-node.toml", "moesaic_trace_sum.json");
    double compute = 0.0;
    for (auto const& event : trace["traceEvents"]) {
        if (event["ph"] == "X" && event["cat"] == "compute") {
            compute += event["dur"].get<double>() * 1e-6;
            CHECK(event["args"].contains("evidence"));
            CHECK(event["args"]["micro_batch"].get<int>() <
                  8); // 64 sequences on 8 replicas, and the step's end
        }
    }
    auto const step = trace["otherData"]["step_time_s"].get<double>();
    CHECK(compute <= step * (1 + 1e-6));
    CHECK(compute > 0.5 * step);
}

TEST_CASE("the memory of a trace stays below what the run needs and reaches it; links end idle", "[cli]") {
    auto const told = json::parse(run_program("run " + tutorial("02-pipeline.toml") + " --json").out);
    auto const trace = trace_of("02-pipeline.toml", "moesaic_trace_counters.json");
    std::map<int, double> most; // GiB, by process: in the order of the classes
    std::map<std::string, double> last;
    for (auto const& event : trace["traceEvents"]) {
        if (event["ph"] != "C") {
            continue;
        }
        REQUIRE(event["args"].size() == 1);
        REQUIRE(event["ts"].get<double>() >= 0.0);
        if (event["name"] == "memory") {
            auto& peak = most[event["pid"].get<int>()];
            peak = std::max(peak, event["args"]["GiB"].get<double>());
        } else {
            last[event["name"].get<std::string>()] = event["args"]["GB/s"].get<double>();
        }
    }
    REQUIRE(most.size() == told["memory"].size());
    for (std::size_t i = 0; i < most.size(); ++i) {
        auto const needed = told["memory"][i]["needed_bytes"].get<double>() / (1ULL << 30U);
        CHECK_THAT(most.at(static_cast<int>(i) + 1), Catch::Matchers::WithinRel(needed, 1e-5));
    }
    REQUIRE(last.size() > 4); // links of both kinds: in the node and beyond it
    for (auto const& [link, rate] : last) {
        CHECK(rate == 0.0); // all is carried when the step ends
    }
}

TEST_CASE("trace tells what does not fit and where it cannot write", "[cli]") {
    auto const misfit =
        run_program("trace " + tutorial("01-one-node.toml") + " --set model=ling_plus -o /tmp/never.json");
    CHECK(misfit.exit_code == 2);
    CHECK_THAT(misfit.err, Catch::Contains("does not fit"));
    CHECK_FALSE(std::filesystem::exists("/tmp/never.json"));
    auto const nowhere = run_program("trace " + tutorial("01-one-node.toml") + " -o /nowhere/trace.json");
    CHECK(nowhere.exit_code == 2);
    CHECK_THAT(nowhere.err, Catch::Contains("/nowhere/trace.json: cannot be written"));
}
