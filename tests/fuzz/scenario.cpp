#include "engine/split_batch.hpp"
#include "fuzz_target.hpp"
#include "parallel/build_program.hpp"
#include "scenario/run_scenario.hpp"

#include <cmath>

namespace {

using namespace moesaic;

constexpr int most_chips = 4096, most_layers = 200, most_batches = 256;

/// Others are right but take their time.
bool is_small(scenario::Scenario const& s) {
    int chips = 0;
    for (auto const& pool : s.pools) {
        chips += pool.chips;
    }
    bool small = chips <= most_chips && s.model.layers <= most_layers;
    for (auto const& kind : s.plan.kinds) {
        small = small && kind.micro_batches.value_or(most_batches + 1) <= most_batches;
    }
    return small;
}

void check(parallel::Program const& program) {
    expects(program.chips > 0 && program.tokens.value() > 0.0, "a step has chips and tokens");
    for (auto const& rank_class : program.classes) {
        for (auto const& block : rank_class.blocks) {
            for (auto const& op : block.ops) {
                auto const* compute = std::get_if<parallel::Compute>(&op.work);
                expects(compute == nullptr || (std::isfinite(compute->duration.time.value()) &&
                                               compute->duration.time.value() >= 0.0),
                        "a kernel takes some time");
            }
        }
    }
}

} // namespace

/// A scenario file, up to the program that the engine would run.
void moesaic::fuzz::take(std::string_view input) {
    static scenario::Facts const facts{MOESAIC_SOURCE_DIR};
    static timing::Timings const timings =
        [] { // none measured: every answer is analytic, and reading them takes long
            timing::Timings out;
            out.read_catalogue(facts.platforms());
            return out;
        }();
    InputFile const file{input, ".toml"};
    auto const s = scenario::read_scenario(file.path(), {}, facts);
    if (!is_small(s)) {
        return;
    }
    auto const topology = scenario::topology_of(s);
    auto const job_with = [&](parallel::Plan const& plan) {
        return parallel::Job{s.model, plan, s.shape, topology, timings, nullptr};
    };
    auto const with_experts = parallel::settle_experts(job_with(s.plan));
    auto const recomputing = parallel::settle_recompute(job_with(with_experts));
    auto const plan = engine::split_batch(job_with(recomputing));
    for (auto const& memory : parallel::memory_of_classes(job_with(plan))) {
        auto const bytes = memory.parts.total().value();
        expects(std::isfinite(bytes) && bytes >= 0.0, "memory has a size");
    }
    check(parallel::build_program(job_with(plan)));
}
