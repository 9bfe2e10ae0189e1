#include "engine/runner.hpp"

#include "base/errors.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesaic::engine {

using parallel::Stream;

Runner::Runner(parallel::Program const& program, CompiledProgram const& compiled, Transfers const& transfers,
               EventLoop& loop)
    : program_{program}, compiled_{compiled}, transfers_{transfers}, loop_{loop},
      states_(program.classes.size()), arrived_(program.messages.size(), false) {
    for (std::size_t c = 0; c < program.classes.size(); ++c) {
        clocks_.emplace_back(static_cast<int>(c));
    }
    count_rendezvous();
}

void Runner::count_rendezvous() {
    for (std::size_t c = 0; c < program_.classes.size(); ++c) {
        std::map<int, bool> of_class;
        for (std::size_t b = 0; b < compiled_.classes[c].size(); ++b) {
            auto const& block = program_.classes[c].blocks[b];
            for (auto const& unit : compiled_.classes[c][b].units) {
                auto const* collective = collective_of(block, unit);
                if (collective != nullptr && collective->rendezvous >= 0) {
                    of_class[collective->rendezvous] = true;
                }
            }
        }
        for (auto const& [rendezvous, takes_part] : of_class) {
            ++parties_[rendezvous];
        }
    }
}

void Runner::start() {
    for (std::size_t c = 0; c < states_.size(); ++c) {
        try_item(static_cast<int>(c), -1);
    }
    drain();
}

int Runner::new_job(Job const& job) {
    if (free_jobs_.empty()) {
        free_jobs_.push_back(static_cast<int>(jobs_.size()));
        jobs_.emplace_back();
    }
    auto const index = free_jobs_.back();
    free_jobs_.pop_back();
    jobs_[index] = job;
    return index;
}

int Runner::new_record(int rank_class, int item, int unit, int cause) {
    log_.records.push_back({.start = loop_.now(),
                            .end = -1.0,
                            .cause = cause,
                            .rank_class = rank_class,
                            .item = item,
                            .unit = unit});
    return static_cast<int>(log_.records.size()) - 1;
}

void Runner::close(int record) {
    auto& closed = log_.records[record];
    closed.end = loop_.now();
    log_.end = closed.end;
    log_.last = record;
    clocks_[closed.rank_class].ended(record);
}

void Runner::start_flows(Transfer const& transfer, int job) {
    for (auto const flow : transfer.flows) {
        loop_.start_flow(flow, job);
    }
}

void Runner::try_item(int rank_class, int cause) {
    auto& state = states_[rank_class];
    auto const& schedule = program_.classes[rank_class].schedule;
    while (state.between_items && state.next_item < schedule.size()) {
        auto const& item = schedule[state.next_item];
        bool const received = has_received(rank_class, state.next_item);
        if (!received && !compiled_.classes[rank_class][item.block].starts_early) {
            return;
        }
        auto const instance = begin_item(state, rank_class);
        if (!received) {
            state.gated = instance;
            auto const& units = state.instances[instance].block->units;
            for (std::size_t unit = 0; unit < units.size(); ++unit) {
                state.instances[instance].waits[unit] += units[unit].early ? 0 : 1;
            }
            try_streams(rank_class, cause);
            return;
        }
        try_streams(rank_class, cause);
        if (compiled_.classes[rank_class][item.block].blocking == 0) {
            state.between_items = true;
            for (auto const message : item.sends) {
                send(message, cause);
            }
        }
    }
}

bool Runner::has_received(int rank_class, std::size_t item) const {
    auto const& receives = program_.classes[rank_class].schedule[item].receives;
    return std::ranges::all_of(receives, [&](int message) { return arrived_[message]; });
}

/// The messages of the gated item have come: its other units wait for each other only.
void Runner::open_gate(int rank_class, int cause) {
    auto& state = states_[rank_class];
    auto& instance = state.instances[state.gated];
    for (std::size_t unit = 0; unit < instance.block->units.size(); ++unit) {
        instance.waits[unit] -= instance.block->units[unit].early ? 0 : 1;
    }
    state.gated = -1;
    try_streams(rank_class, cause);
}

int Runner::begin_item(ClassState& state, int rank_class) {
    auto const item = static_cast<int>(state.next_item++);
    auto const& block = compiled_.classes[rank_class][program_.classes[rank_class].schedule[item].block];
    state.between_items = false;
    if (block.units.empty()) {
        return -1;
    }
    if (state.free.empty()) {
        state.free.push_back(static_cast<int>(state.instances.size()));
        state.instances.emplace_back();
    }
    auto const index = state.free.back();
    state.free.pop_back();
    auto& instance = state.instances[index];
    instance.block = &block;
    instance.item = item;
    instance.left = static_cast<int>(block.units.size());
    instance.blocking_left = block.blocking;
    instance.waits.resize(block.units.size());
    for (std::size_t unit = 0; unit < block.units.size(); ++unit) {
        instance.waits[unit] = block.units[unit].waits;
        auto& stream = state.streams[static_cast<int>(block.units[unit].stream)];
        stream.queue.push_back({index, static_cast<int>(unit)});
    }
    return index;
}

void Runner::item_done(int rank_class, int item, int cause) {
    for (auto const message : program_.classes[rank_class].schedule[item].sends) {
        send(message, cause);
    }
    states_[rank_class].between_items = true;
    try_item(rank_class, cause);
}

void Runner::try_streams(int rank_class, int cause) {
    auto& state = states_[rank_class];
    for (auto& stream : state.streams) {
        if (stream.busy || stream.queue.empty()) {
            continue;
        }
        auto const place = stream.queue.front();
        if (state.instances[place.instance].waits[place.unit] == 0) {
            stream.busy = true;
            start_unit(rank_class, place, cause);
        }
    }
}

void Runner::start_unit(int rank_class, Place place, int cause) {
    auto const& instance = states_[rank_class].instances[place.instance];
    if (instance.block->transfers[place.unit] >= 0) {
        start_transfer(rank_class, place, cause);
        return;
    }
    auto const& unit = instance.block->units[place.unit];
    if (unit.time.value() <= 0.0) {
        done_.push_back({rank_class, place, cause});
        return;
    }
    auto const record = new_record(rank_class, instance.item, place.unit, cause);
    log_.records[record].stream = static_cast<std::int8_t>(unit.stream);
    log_.records[record].kernel = unit.stream == Stream::compute;
    if (unit.stream == Stream::compute) {
        clocks_[rank_class].kernel_starts(loop_.now(), cause, log_.records);
    }
    loop_.start_timer(unit.time.value(),
                      new_job({.rank_class = rank_class, .place = place, .record = record, .parts_left = 1}));
}

void Runner::start_transfer(int rank_class, Place place, int cause) {
    auto const& instance = states_[rank_class].instances[place.instance];
    auto const& block =
        program_.classes[rank_class].blocks[program_.classes[rank_class].schedule[instance.item].block];
    auto const& unit = instance.block->units[place.unit];
    if (collective_of(block, unit)->rendezvous >= 0) {
        meet(rank_class, place, cause);
        return;
    }
    auto const& transfer = transfers_.at(instance.block->transfers[place.unit]);
    if (transfer.flows.empty()) {
        done_.push_back({rank_class, place, cause});
        return;
    }
    auto const record = new_record(rank_class, instance.item, place.unit, cause);
    log_.records[record].stream = static_cast<std::int8_t>(unit.stream);
    start_flows(transfer, new_job({.rank_class = rank_class,
                                   .place = place,
                                   .record = record,
                                   .parts_left = static_cast<int>(transfer.flows.size())}));
}

void Runner::meet(int rank_class, Place place, int cause) {
    auto& state = states_[rank_class];
    auto const& instance = state.instances[place.instance];
    auto const& block =
        program_.classes[rank_class].blocks[program_.classes[rank_class].schedule[instance.item].block];
    auto const rendezvous = collective_of(block, instance.block->units[place.unit])->rendezvous;
    auto const turn = state.rendezvous_met[rendezvous]++;
    auto const [at, is_new] =
        open_meetings_.try_emplace({rendezvous, turn}, static_cast<int>(meetings_.size()));
    if (is_new) {
        meetings_.emplace_back();
    }
    auto const meeting = at->second;
    meetings_[meeting].arrived.emplace_back(rank_class, place);
    if (static_cast<int>(meetings_[meeting].arrived.size()) == parties_.at(rendezvous)) {
        open_meetings_.erase(at);
        start_meeting(meeting, cause);
    }
}

void Runner::start_meeting(int meeting, int cause) {
    for (auto const& [rank_class, place] : meetings_[meeting].arrived) {
        auto const& instance = states_[rank_class].instances[place.instance];
        auto const& transfer = transfers_.at(instance.block->transfers[place.unit]);
        if (transfer.flows.empty()) {
            continue;
        }
        auto const record = new_record(rank_class, instance.item, place.unit, cause);
        log_.records[record].stream = static_cast<std::int8_t>(instance.block->units[place.unit].stream);
        log_.records[record].meeting = true;
        ++meetings_[meeting].parts_left;
        start_flows(transfer, new_job({.rank_class = rank_class,
                                       .place = place,
                                       .record = record,
                                       .parts_left = static_cast<int>(transfer.flows.size()),
                                       .meeting = meeting}));
        meetings_[meeting].records.push_back(record);
    }
    if (meetings_[meeting].records.empty()) {
        end_meeting(meeting, cause);
    }
}

void Runner::end_meeting(int meeting, int cause) {
    for (auto const record : meetings_[meeting].records) {
        close(record);
    }
    if (!meetings_[meeting].records.empty()) {
        log_.last = cause; // of the records that end together, the one that was waited for
    }
    for (auto const& [rank_class, place] : meetings_[meeting].arrived) {
        done_.push_back({rank_class, place, cause});
    }
    meetings_[meeting] = {};
}

void Runner::send(int message, int cause) {
    auto const& transfer = transfers_.at(compiled_.messages[message]);
    if (transfer.flows.empty()) {
        arrive(message, cause);
        return;
    }
    auto const to = static_cast<int>(program_.messages[message].to.index());
    auto const record = new_record(to, message, -1, cause);
    log_.records[record].stream = static_cast<std::int8_t>(Stream::pipeline);
    start_flows(transfer, new_job({.message = message,
                                   .record = record,
                                   .parts_left = static_cast<int>(transfer.flows.size())}));
}

void Runner::arrive(int message, int cause) {
    arrived_[message] = true;
    auto const to = static_cast<int>(program_.messages[message].to.index());
    auto const& state = states_[to];
    if (state.gated < 0) {
        try_item(to, cause);
    } else if (has_received(to, static_cast<std::size_t>(state.instances[state.gated].item))) {
        open_gate(to, cause);
    }
}

void Runner::ended(EventLoop::Token token) {
    auto const index = static_cast<int>(token);
    ++log_.activities;
    if (--jobs_[index].parts_left > 0) {
        return;
    }
    auto const job = jobs_[index];
    free_jobs_.push_back(index);
    if (job.meeting >= 0) {
        if (--meetings_[job.meeting].parts_left == 0) {
            end_meeting(job.meeting, job.record);
        }
    } else {
        close(job.record);
        if (job.message >= 0) {
            arrive(job.message, job.record);
        } else {
            if (log_.records[job.record].kernel) {
                clocks_[job.rank_class].kernel_ends(loop_.now());
            }
            done_.push_back({job.rank_class, job.place, job.record});
        }
    }
    drain();
}

void Runner::unit_done(Done const& done) {
    auto& state = states_[done.rank_class];
    auto& instance = state.instances[done.place.instance];
    auto const& unit = instance.block->units[done.place.unit];
    auto& stream = state.streams[static_cast<int>(unit.stream)];
    stream.busy = false;
    stream.queue.pop_front();
    for (auto const next : unit.next) {
        --instance.waits[next];
    }
    auto const item = instance.item;
    auto const unblocks = !unit.detached && --instance.blocking_left == 0;
    if (--instance.left == 0) {
        state.free.push_back(done.place.instance);
    }
    if (unblocks) {
        item_done(done.rank_class, item, done.cause);
    }
    try_streams(done.rank_class, done.cause);
}

void Runner::drain() {
    for (std::size_t i = 0; i < done_.size(); ++i) {
        auto const done = done_[i];
        unit_done(done);
    }
    done_.clear();
}

RunLog Runner::finish() {
    for (std::size_t c = 0; c < states_.size(); ++c) {
        auto const& state = states_[c];
        auto const& rank_class = program_.classes[c];
        auto const idle = state.free.size() == state.instances.size();
        auto const at = std::min(state.next_item, rank_class.schedule.size());
        expects(idle && at == rank_class.schedule.size(),
                fmt::format("class {} gets through its schedule; it stops at item {} of {} ({})",
                            rank_class.name, at, rank_class.schedule.size(),
                            idle ? "a message does not come" : "work does not end"));
    }
    for (auto& clock : clocks_) {
        log_.classes.push_back(clock.finish(log_.end, log_.records));
    }
    return std::move(log_);
}

} // namespace moesaic::engine
