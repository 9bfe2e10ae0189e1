#include "scenario/local_sgd.hpp"

#include "base/errors.hpp"
#include "base/isolated.hpp"
#include "engine/step_bound.hpp"
#include "io/parse_number.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::scenario {

namespace {

/// What a bandwidth between sites comes to is the scenario's word. Chosen, not measured: as much as of collectives whose rate is a
/// published share of the link (timing/collective_cost.cpp); times of meetings over a WAN whose links are known would tell.
constexpr double meeting_sigma = 0.25;

/// Of the class's communication of parameters and gradients, alone on the links.
Seconds data_time(parallel::RankClass const& rank_class, parallel::Job const& job) {
    auto const bounds = engine::block_bounds(rank_class, job.topology, job.timings);
    Seconds sum;
    for (auto const& item : rank_class.schedule) {
        sum += bounds[static_cast<std::size_t>(item.block)]
                   .busy[static_cast<std::size_t>(parallel::Stream::data)];
    }
    return sum;
}

/// Of the class with the longest meeting.
Seconds meeting_alone(parallel::Job const& job, parallel::Program const& without,
                      parallel::Program const& with) {
    Seconds longest;
    for (std::size_t i = 0; i < with.classes.size(); ++i) {
        longest = std::max(longest, data_time(with.classes[i], job) - data_time(without.classes[i], job));
    }
    return longest;
}

/// Sequences of the step that a kind takes, over the time until its last rank is done.
double rate_of_kind(parallel::Job const& job, parallel::Program const& program,
                    engine::Timeline const& timeline, std::size_t kind) {
    Seconds end;
    for (std::size_t i = 0; i < program.classes.size(); ++i) {
        if (program.classes[i].replica_kind == static_cast<int>(kind)) {
            end = std::max(end, timeline.classes[i].end);
        }
    }
    auto const& k = job.plan.kinds[kind];
    return static_cast<double>(k.replicas * k.micro_batch * *k.micro_batches) / end.value();
}

Seconds step_apart(parallel::Job const& job, parallel::Program const& program,
                   engine::Timeline const& timeline) {
    double rate = 0.0;
    for (std::size_t kind = 0; kind < job.plan.kinds.size(); ++kind) {
        rate += rate_of_kind(job, program, timeline, kind);
    }
    return Seconds{job.shape.global_batch / rate};
}

void stretch(engine::Timeline& timeline, double factor) {
    auto const by = [factor](Seconds& time) { time *= factor; };
    by(timeline.step);
    for (auto& part : timeline.classes) {
        for (auto* time : {&part.compute, &part.bubble, &part.begin, &part.end}) {
            by(*time);
        }
        std::ranges::for_each(part.exposed, by);
    }
    for (auto& part : timeline.path) {
        by(part.time);
    }
    for (auto& part : timeline.path_keys) {
        by(part.time);
        part.time_weighted_sigma *= factor;
    }
    for (auto& [format, time] : timeline.path_stretched) {
        by(time);
    }
    std::ranges::for_each(timeline.path_by_evidence, by);
    std::ranges::for_each(timeline.path_by_class, by);
}

/// The part of a meeting that falls to each step.
void add_meeting(engine::Timeline& timeline, Seconds share) {
    timeline.step += share;
    for (auto& part : timeline.classes) {
        part.exposed[static_cast<std::size_t>(parallel::Stream::data)] += share;
        part.end += share;
    }
    timeline.path.push_back({"meetings of workers", share});
    std::ranges::stable_sort(timeline.path, std::greater{}, &engine::Share::time);
    timeline.path_keys.push_back(
        {"meetings of workers", share, share.value() * meeting_sigma, timing::Evidence::analytic});
    timeline.path_by_evidence[static_cast<std::size_t>(timing::Evidence::analytic)] += share;
    timeline.path_by_class.front() += share;
}

parallel::Plan meeting_plan(parallel::Plan plan) {
    plan.local_sgd->meets = true;
    return plan;
}

parallel::Job with_plan(parallel::Job const& job, parallel::Plan const& plan) {
    return {job.model, plan, job.shape, job.topology, job.timings, job.calibration};
}

} // namespace

Seconds step_with_meeting(parallel::Job const& job, engine::SimulationOptions const& how) {
    auto const plan = meeting_plan(job.plan);
    auto const program = parallel::build_program(with_plan(job, plan));
    auto const answer = run_isolated(
        {[&] {
            return fmt::format("{}", engine::simulate(program, job.topology, job.timings, how).step.value());
        }},
        1);
    auto const step = io::parse_number<double>(answer.front());
    expects(step.has_value(), "a simulation answers with its step");
    return Seconds{*step};
}

results::Meetings add_meetings(parallel::Job const& job, parallel::Program const& program, Seconds step_with,
                               engine::Timeline& timeline) {
    auto const& local = *job.plan.local_sgd;
    auto const plan = meeting_plan(job.plan);
    auto const with = with_plan(job, plan);
    auto const meeting = parallel::build_program(with);
    results::Meetings out{.every = local.every,
                          .method = std::string{name_of(local.method)},
                          .workers = std::max(local.workers, static_cast<int>(plan.kinds.size())),
                          .without = timeline.step,
                          .with = step_with,
                          .alone = meeting_alone(with, program, meeting),
                          .bytes = parallel::outer_bytes(meeting)};
    auto const exposed = std::max(Seconds{}, out.with - out.without);
    if (local.time_based) {
        out.without = step_apart(job, program, timeline);
        out.with = out.without + exposed;
        stretch(timeline, out.without / timeline.step);
    }
    add_meeting(timeline, exposed / static_cast<double>(local.every));
    return out;
}

} // namespace moesaic::scenario
