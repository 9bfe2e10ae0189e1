#include "engine/simulate.hpp"

#include "engine/report.hpp"
#include "engine/runner.hpp"

#include <algorithm>

namespace moesaic::engine {

namespace {

void slow_links(Perturbations const& perturbations, Transfers& transfers, EventLoop& loop) {
    for (auto const& slow : perturbations.slow_links) {
        transfers.slow_down(slow.link, slow.factor, slow.from, loop);
        if (slow.until > slow.from) {
            transfers.slow_down(slow.link, 1.0, slow.until, loop);
        }
    }
}

/// Without a flush the next step starts on a rank when this one has ended there.
Seconds longest_span(std::vector<ClassTime> const& classes) {
    Seconds most;
    for (auto const& c : classes) {
        most = std::max(most, c.end - c.begin);
    }
    return most;
}

/// The steps before and after hide so much of what a class waits: first for others, then for messages and collectives.
void fill_with_neighbours(ClassTime& time, Seconds hidden) {
    auto const hide = [&](Seconds& part) {
        auto const taken = std::min(part, hidden);
        part = part - taken;
        hidden = hidden - taken;
    };
    hide(time.bubble);
    hide(time.exposed[static_cast<std::size_t>(parallel::Stream::pipeline)]);
    std::ranges::for_each(time.exposed, hide);
}

} // namespace

Timeline simulate(parallel::Program const& program, hardware::Topology const& topology,
                  timing::Timings const& timings, SimulationOptions const& options) {
    EventLoop loop{options.sharing};
    TrafficCache traffic{program, topology};
    auto const folding = fold({program, topology, traffic}, options.fold, options.perturbations);
    Transfers transfers{{program, folding, topology, timings, traffic}};
    auto const compiled = compile(program, folding, topology, transfers);
    transfers.install(loop);
    slow_links(options.perturbations, transfers, loop);
    Runner runner{{program, folding, compiled, transfers, options.perturbations}, loop};
    loop.run([&] { runner.start(); }, [&](EventLoop::Token token) { runner.ended(token); });
    auto const log = runner.finish();

    RunReport const run{log, program, folding, compiled, transfers};
    Timeline timeline;
    timeline.step = Seconds{log.end};
    timeline.activities = log.activities;
    timeline.cells = static_cast<std::int64_t>(folding.cells.size());
    timeline.classes = class_times(run);
    if (program.open_ended) {
        timeline.step = longest_span(timeline.classes);
        for (auto& c : timeline.classes) {
            fill_with_neighbours(c, Seconds{log.end} - timeline.step);
        }
    }
    report_critical_path(run, timeline);
    timeline.links = link_loads(run, topology, options.keep_events);
    if (options.keep_events) {
        for_each_event(run, [&](Event const& event) { timeline.events.push_back(event); });
    }
    if (options.on_event) {
        for_each_event(run, options.on_event);
    }
    return timeline;
}

} // namespace moesaic::engine
