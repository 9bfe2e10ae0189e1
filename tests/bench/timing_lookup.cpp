// Loading a table of 130,000 rows and looking kernels up in it: how long each takes.
#include "base/random.hpp"
#include "hardware/catalogue.hpp"
#include "temporary_file.hpp"
#include "timing/kernel_time.hpp"

#include <ctime>
#include <fmt/format.h>
#include <fstream>
#include <functional>

using namespace moesaic;
using namespace moesaic::timing;

namespace {

/// Of this process's processor: other work on the machine does not count.
double seconds_of(std::function<void()> const& work) {
    auto const begin = std::clock();
    work();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

/// GEMMs of 13 chips, 10,000 shapes each, as a public collection has them.
std::string many_rows(std::vector<hardware::Chip> const& chips) {
    std::string out = "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence\n";
    Rng shapes{1, "bench"};
    int written = 0;
    for (auto const& chip : chips) {
        if (written == 13 || !chip.peak.contains(Dtype::bf16) || !chip.memory_bandwidth) {
            continue;
        }
        ++written;
        for (int i = 0; i < 10000; ++i) {
            Kernel const kernel{.op = *find_table_op("gemm"),
                                .dtype = "bf16",
                                .m = std::int64_t{1} + static_cast<std::int64_t>(shapes.below(16384)),
                                .n = 64 * (1 + static_cast<std::int64_t>(shapes.below(256))),
                                .k = 64 * (1 + static_cast<std::int64_t>(shapes.below(256))),
                                .options = {}};
            auto const bound = roofline_time(roofline_of(chip, kernel), work_of(kernel)) + Seconds{5e-6};
            out += fmt::format("{},gemm,bf16,{},{},{},1,cold=weights;kern=bench,{:.4g},aiconfigurator,MIT\n",
                               chip.id, kernel.m, kernel.n, kernel.k, 1.5e6 * bound.value());
        }
    }
    return out;
}

} // namespace

int main() {
    hardware::Catalogue const catalogue{MOESAIC_SOURCE_DIR "/platforms"};
    std::vector<hardware::Chip> chips;
    for (auto const& id : catalogue.chip_ids()) {
        chips.push_back(catalogue.chip(id, {}));
    }
    TemporaryFile const file{"bench_timings.csv"};
    std::ofstream{file.path} << many_rows(chips);
    TimingStore store;
    store.read_catalogue(MOESAIC_SOURCE_DIR "/platforms");
    fmt::print("load 130,000 rows                     {:8.3f} s\n",
               seconds_of([&] { store.load(file.path); }));
    Estimator const estimator{store};
    auto const chip = *store.chip_named(store.all().front().chip);
    auto const ask = [&](std::int64_t m) {
        return kernel_time(
            estimator, chip,
            {.op = *find_table_op("gemm"), .dtype = "bf16", .m = m, .n = 5000, .k = 5000, .options = {}});
    };
    fmt::print("first look-up (builds and learns)     {:8.3f} s\n", seconds_of([&] { (void)ask(1000); }));
    constexpr int times = 2000;
    auto const between = seconds_of([&] {
        for (int i = 0; i < times; ++i) {
            (void)ask(1001 + i);
        }
    });
    fmt::print("look-up between measured shapes       {:8.1f} us\n", between / times * 1e6);
    auto const& sample = store.all().front().samples.front();
    Kernel const known{.op = *find_table_op("gemm"),
                       .dtype = "bf16",
                       .m = sample.m,
                       .n = sample.n,
                       .k = sample.k,
                       .options = {}};
    auto const measured = seconds_of([&] {
        for (int i = 0; i < times; ++i) {
            (void)kernel_time(estimator, chip, known);
        }
    });
    fmt::print("look-up of a measured shape           {:8.1f} us\n", measured / times * 1e6);
    return 0;
}
