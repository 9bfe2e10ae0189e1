#include "base/errors.hpp"
#include "io/hdf5.hpp"
#include "io/text_file.hpp"
#include "results/run_file.hpp"

#include "temporary_file.hpp"
#include <algorithm>

#include <catch2/catch.hpp>
#include <filesystem>

using namespace moesaic;
using namespace moesaic::results;

namespace {

parallel::ClassMemory memory_of(std::string name) {
    parallel::MemoryParts const parts{Bytes{1e9}, Bytes{2e9}, Bytes{3e9}, Bytes{4e9}, Bytes{5e9}, Bytes{6e9}};
    return {.name = std::move(name),
            .chip = "nvidia_h20",
            .pool = PoolId{0},
            .parts = parts,
            .capacity = Bytes{96e9}};
}

Run small_run() {
    Run run{.scenario = "small", .plan = "16 chips, tp 1, pp 2"};
    run.memory = {memory_of("stage 0"), memory_of("stage 1")};
    Metrics metrics{.step = Seconds{2.0},
                    .step_interval = {Seconds{1.8}, Seconds{2.2}},
                    .timings_interval = {Seconds{1.9}, Seconds{2.1}},
                    .tokens_per_s = 5e5,
                    .mfu = 0.3};
    metrics.chips = 16;
    metrics.chip_hours_per_trillion_tokens = 8888.9;
    metrics.time_by_evidence = {0.5, 0.25, 0.0, 0.25};
    run.metrics = metrics;
    run.cost_per_trillion_tokens = Money{1.4e6, "CNY"};
    run.timeline.step = Seconds{2.0};
    run.timeline.classes.resize(2);
    run.timeline.classes[1].exposed[static_cast<std::size_t>(parallel::Stream::expert)] = Seconds{0.25};
    run.timeline.path = {{"gemm qkv", Seconds{1.5}}, {"pipeline wait", Seconds{0.5}}};
    run.timeline.path_keys = {{"h20 gemm bf16", Seconds{1.5}, 0.06, timing::Evidence::interpolated}};
    run.simulation_wall = Seconds{0.7};
    return run;
}

RunOrigin small_origin() {
    return {.file = "small.toml",
            .text = "name = \"small\"\n",
            .overrides = {"parallel.tensor=1"},
            .software = "megatron_core",
            .software_known = true,
            .seed = 7,
            .version = "0.1.0",
            .published = {{"mfu", 0.33, "1", "a paper, table 2"}}};
}

} // namespace

TEST_CASE("a run file gives back what was simulated and what it rests on", "[results]") {
    TemporaryFile const file{"run.h5"};
    write_run_file(file.path, small_run(), small_origin());
    io::Hdf5Reader const reader{file.path};
    CHECK(reader.text("/scenario/text") == "name = \"small\"\n");
    CHECK(reader.texts("/scenario/overrides") == std::vector<std::string>{"parallel.tensor=1"});
    CHECK(reader.integer("/scenario/seed") == 7);
    CHECK(reader.text("/scenario/software") == "megatron_core");
    CHECK(reader.integer("/scenario/software_known") == 1);
    CHECK(reader.number("/step/step_time") == 2.0);
    CHECK(reader.numbers("/step/step_time_interval_80") == std::vector<double>{1.8, 2.2});
    CHECK(reader.texts("/step/path/label") == std::vector<std::string>{"gemm qkv", "pipeline wait"});
    CHECK(reader.numbers("/step/classes/exposed_expert") == std::vector<double>{0.0, 0.25});
    CHECK(reader.texts("/step/classes/class") == std::vector<std::string>{"stage 0", "stage 1"});
    CHECK(reader.numbers("/memory/needed") == std::vector<double>{21e9, 21e9}); // 1 + 2 + … + 6
    CHECK(reader.integer("/memory/fits") == 1);
    CHECK(reader.number("/evidence/interpolated") == 0.25);
    CHECK(reader.texts("/evidence/keys/evidence") == std::vector<std::string>{"interpolated"});
    CHECK(reader.number("/cost/cost_per_trillion_tokens") == 1.4e6);
    CHECK(reader.label("/cost/cost_per_trillion_tokens").unit == "CNY");
    CHECK(reader.numbers("/published/value") == std::vector<double>{0.33});
    CHECK_FALSE(reader.has("/timeline/start")); // no events were kept
}

TEST_CASE("every dataset of a run file says its unit and what it is", "[results]") {
    TemporaryFile const file{"labels.h5"};
    auto run = small_run();
    run.timeline.events = {
        {.rank_class = 1, .stream = parallel::Stream::expert, .start = Seconds{0.1}, .end = Seconds{0.2}}};
    run.program = parallel::Program{};
    run.program->classes.resize(2);
    run.program->classes[1].blocks = {{"backward chunk 0", parallel::Phase::backward, {}}};
    // 50 GB of the 100 GB that 50 GB/s carry in the 2 s of a step
    run.timeline.links = {{"node0.nic0.out", BytesPerSecond{50e9}, 1, Bytes{50e9}, {}}};
    run.networks = {{"pool", {{.tier = hardware::Tier::leaf, .alone = BytesPerSecond{50e9}}}}};
    write_run_file(file.path, run, small_origin());
    io::Hdf5Reader const reader{file.path};
    CHECK(reader.datasets().size() > 45);
    for (auto const& path : reader.datasets()) {
        INFO(path);
        CHECK_FALSE(reader.label(path).unit.empty());
        CHECK(reader.label(path).description.size() >= 4);
    }
    CHECK(reader.texts("/timeline/stream") == std::vector<std::string>{"expert"});
    CHECK(reader.numbers("/timeline/end") == std::vector<double>{0.2});
    CHECK(reader.texts("/timeline/phase") == std::vector<std::string>{"backward"});
    CHECK(reader.numbers("/network/links/use") == std::vector<double>{0.5});
    CHECK(reader.texts("/network/tiers/tier") == std::vector<std::string>{"leaf"});
}

TEST_CASE("the same run writes the same bytes, however long it took", "[results]") {
    TemporaryFile const one{"one.h5"}, other{"other.h5"};
    auto run = small_run();
    write_run_file(one.path, run, small_origin());
    run.simulation_wall = Seconds{99.0};
    write_run_file(other.path, run, small_origin());
    CHECK(io::read_text_file(one.path) == io::read_text_file(other.path));
}

TEST_CASE("what does not fit is filed with its memory and without a step", "[results]") {
    TemporaryFile const file{"misfit.h5"};
    auto run = small_run();
    run.metrics.reset();
    run.timeline = {};
    run.misfit = "stage 1 on nvidia_h20 needs 120 GiB of 96 GiB";
    write_run_file(file.path, run, small_origin());
    io::Hdf5Reader const reader{file.path};
    CHECK(reader.integer("/memory/fits") == 0);
    CHECK(reader.text("/memory/misfit") == *run.misfit);
    CHECK_FALSE(reader.has("/step/step_time"));
}
