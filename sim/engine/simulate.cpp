#include "engine/simulate.hpp"

#include "engine/report.hpp"
#include "engine/runner.hpp"

namespace moesaic::engine {

Timeline simulate(parallel::Program const& program, hardware::Topology const& topology,
                  timing::Timings const& timings, SimulationOptions const& options) {
    EventLoop loop{options.sharing};
    Transfers transfers{topology, timings};
    auto const compiled = compile(program, transfers);
    transfers.install(loop);
    Runner runner{program, compiled, transfers, loop};
    loop.run([&] { runner.start(); }, [&](EventLoop::Token token) { runner.ended(token); });
    auto log = runner.finish();

    Timeline timeline;
    timeline.step = Seconds{log.end};
    timeline.activities = log.activities;
    report_critical_path(log, program, compiled, transfers, timeline);
    if (options.keep_events) {
        timeline.events = events_of(log, program, compiled);
    }
    timeline.classes = std::move(log.classes);
    return timeline;
}

} // namespace moesaic::engine
