#include "engine/runner.hpp"

#include "base/errors.hpp"
#include "engine/jitter.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesaic::engine {

using parallel::Stream;

namespace {

constexpr int turn_shift = 32;

/// At most so many records: units and messages of every item of every cell.
std::size_t most_records(RunContext const& run) {
    std::size_t out = 0;
    for (std::size_t i = 0; i < run.program.classes.size(); ++i) {
        std::size_t of_cell = 0;
        for (auto const& item : run.program.classes[i].schedule) {
            of_cell += run.compiled.blocks[i][item.block].units.size() + item.receives.size();
        }
        out += of_cell * run.folding.of_class[i].size();
    }
    return out;
}

} // namespace

Runner::Runner(RunContext const& context, EventLoop& loop)
    : context_{context}, loop_{loop}, states_(context.folding.cells.size()),
      meetings_(context.compiled.parties.size()) {
    for (std::size_t cell = 0; cell < states_.size(); ++cell) {
        clocks_.emplace_back(static_cast<int>(cell));
    }
    log_.records.reserve(most_records(context));
    for (auto const route : context.compiled.route_of) {
        message_offset_.push_back(static_cast<std::int64_t>(missing_.size()));
        auto const& expected = context.compiled.routes[route].expected;
        missing_.insert(missing_.end(), expected.begin(), expected.end());
    }
}

parallel::RankClass const& Runner::class_of(int cell) const {
    return context_.program.classes[context_.folding.cells[cell].rank_class];
}

CompiledBlock const& Runner::block_of(Instance const& instance, int cell) const {
    return context_.compiled.blocks[context_.folding.cells[cell].rank_class][instance.block];
}

void Runner::start() {
    for (std::size_t cell = 0; cell < states_.size(); ++cell) {
        try_item(static_cast<int>(cell), -1);
    }
    drain();
}

int Runner::new_job(Job const& job) {
    if (free_jobs_.empty()) {
        free_jobs_.push_back(static_cast<int>(jobs_.size()));
        jobs_.emplace_back();
        job_turn_.push_back(0);
    }
    auto const index = free_jobs_.back();
    free_jobs_.pop_back();
    jobs_[index] = job;
    return index;
}

EventLoop::Token Runner::token_of(int job) const {
    return (static_cast<EventLoop::Token>(job_turn_[job] & 0xfffffffU) << turn_shift) + job;
}

int Runner::new_record(Record const& record) {
    log_.records.push_back(record);
    log_.records.back().start = loop_.now();
    return static_cast<int>(log_.records.size()) - 1;
}

void Runner::close(int record) {
    auto& closed = log_.records[record];
    closed.end = loop_.now();
    log_.end = closed.end;
    log_.last = record;
    clocks_[closed.cell].ended(record);
}

void Runner::start_flows(int transfer, int job) {
    auto const token = token_of(job);
    for (auto const flow : context_.transfers.at(transfer).flows) {
        loop_.start_flow(flow, token);
    }
}

void Runner::try_item(int cell, int cause) {
    auto& state = states_[cell];
    auto const& schedule = class_of(cell).schedule;
    while (state.between_items && state.next_item < schedule.size()) {
        auto const item = static_cast<int>(state.next_item);
        auto const& block =
            context_.compiled.blocks[context_.folding.cells[cell].rank_class][schedule[item].block];
        auto const received = has_received(cell, item);
        if (!received && !block.starts_early) {
            return;
        }
        ++state.next_item;
        state.between_items = received && block.blocking == 0;
        auto const instance = begin_item(cell, item);
        if (!received) {
            state.gated = instance;
            gate(state.instances[instance], block, 1);
        }
        try_streams(cell, cause);
        if (state.between_items) {
            send_all(cell, item, cause);
            state.between_items = state.sending == 0;
        }
    }
}

/// Units of the instance wait for its messages (1) or no longer do (-1), but for the early ones.
void Runner::gate(Instance& instance, CompiledBlock const& block, int wait) {
    for (std::size_t unit = 0; unit < block.units.size(); ++unit) {
        instance.waits[unit] += block.units[unit].early ? 0 : wait;
    }
}

/// The messages of the gated item have come: its other units wait for each other only.
void Runner::open_gate(int cell, int cause) {
    auto& state = states_[cell];
    auto& instance = state.instances[state.gated];
    auto const& block = block_of(instance, cell);
    gate(instance, block, -1);
    state.gated = -1;
    auto const item = instance.item;
    try_streams(cell, cause);
    if (block.blocking == 0) {
        item_done(cell, item, cause);
    }
}

void Runner::item_done(int cell, int item, int cause) {
    send_all(cell, item, cause);
    if (states_[cell].sending == 0) {
        states_[cell].between_items = true;
        try_item(cell, cause);
    }
}

/// Queues the operations of the item. -1 for a block without any.
int Runner::begin_item(int cell, int item) {
    auto& state = states_[cell];
    auto const block_index = class_of(cell).schedule[item].block;
    auto const& block = context_.compiled.blocks[context_.folding.cells[cell].rank_class][block_index];
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
    instance.block = block_index;
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

void Runner::try_streams(int cell, int cause) {
    auto& state = states_[cell];
    for (auto& stream : state.streams) {
        if (stream.busy || stream.queue.empty()) {
            continue;
        }
        auto const place = stream.queue.front();
        if (state.instances[place.instance].waits[place.unit] == 0) {
            stream.busy = true;
            start_unit(cell, place, cause);
        }
    }
}

void Runner::start_unit(int cell, Place place, int cause) {
    auto const& own =
        context_.compiled.cell_units[cell][states_[cell].instances[place.instance].block][place.unit];
    if (own.meeting >= 0) {
        meet(cell, place, cause);
    } else if (own.transfer >= 0) {
        start_transfer(cell, place, cause);
    } else {
        start_kernel(cell, place, cause);
    }
}

double Runner::kernel_time(int cell, Place place) const {
    auto const& instance = states_[cell].instances[place.instance];
    auto const& own = context_.folding.cells[cell];
    auto const& unit = block_of(instance, cell).units[place.unit];
    if (unit.stream == Stream::host) { // a slow chip has a host like the others
        return unit.time.value();
    }
    auto const time = unit.time.value() * own.slowdown;
    auto const sigma = context_.perturbations.jitter_sigma;
    return sigma > 0.0 ? time * jitter(context_.perturbations.seed, sigma,
                                       {own.representative.index(), instance.item, place.unit})
                       : time;
}

void Runner::start_kernel(int cell, Place place, int cause) {
    auto& state = states_[cell];
    auto const& instance = state.instances[place.instance];
    auto const& unit = block_of(instance, cell).units[place.unit];
    auto const time = kernel_time(cell, place);
    if (time <= 0.0) {
        done_.push_back({cell, place, cause});
        return;
    }
    auto const on_compute = unit.stream == Stream::compute;
    auto const record = new_record({.cause = cause,
                                    .cell = cell,
                                    .item = instance.item,
                                    .unit = place.unit,
                                    .stream = static_cast<std::int8_t>(unit.stream),
                                    .kernel = on_compute});
    auto const job = new_job({.cell = cell, .place = place, .record = record, .parts_left = 1});
    if (on_compute) {
        clocks_[cell].kernel_starts(loop_.now(), cause, log_.records);
        state.kernel = {job, time, loop_.now()};
    }
    loop_.start_timer(on_compute ? time / state.speed : time, token_of(job));
}

double Runner::share_of(int cell, Place place) const {
    auto const& instance = states_[cell].instances[place.instance];
    auto const& unit = block_of(instance, cell).units[place.unit];
    return collective_of(class_of(cell).blocks[instance.block], unit)->chip_share;
}

/// The stream's communication takes another share of the chip: the kernel under way goes on at another speed.
void Runner::take_chip(int cell, Stream stream, double share) {
    auto& state = states_[cell];
    auto& taken = state.taken[static_cast<int>(stream)];
    if (taken == share) {
        return;
    }
    taken = share;
    auto const before = state.speed;
    state.speed = 1.0;
    for (double const one : state.taken) {
        state.speed *= 1.0 - one;
    }
    expects(state.speed > 0.0, "communication leaves a part of the chip to the kernels");
    if (state.kernel.job >= 0) {
        auto const now = loop_.now();
        state.kernel.left -= (now - state.kernel.since) * before;
        state.kernel.since = now;
        ++job_turn_[state.kernel.job]; // the timer set before no longer counts
        loop_.start_timer(std::max(0.0, state.kernel.left) / state.speed, token_of(state.kernel.job));
    }
}

void Runner::start_transfer(int cell, Place place, int cause) {
    auto const& instance = states_[cell].instances[place.instance];
    auto const transfer = context_.compiled.cell_units[cell][instance.block][place.unit].transfer;
    auto const flows = static_cast<int>(context_.transfers.at(transfer).flows.size());
    if (flows == 0) {
        done_.push_back({cell, place, cause});
        return;
    }
    auto const stream = block_of(instance, cell).units[place.unit].stream;
    auto const record = new_record({.cause = cause,
                                    .cell = cell,
                                    .item = instance.item,
                                    .unit = place.unit,
                                    .transfer = transfer,
                                    .stream = static_cast<std::int8_t>(stream)});
    take_chip(cell, stream, share_of(cell, place));
    start_flows(transfer, new_job({.cell = cell, .place = place, .record = record, .parts_left = flows}));
}

void Runner::meet(int cell, Place place, int cause) {
    auto const& own =
        context_.compiled.cell_units[cell][states_[cell].instances[place.instance].block][place.unit];
    auto& meeting = meetings_[own.meeting];
    meeting.arrived.emplace_back(cell, place);
    if (static_cast<int>(meeting.arrived.size()) == context_.compiled.parties[own.meeting]) {
        start_meeting(own.meeting, cause);
    }
}

void Runner::start_meeting(int index, int cause) {
    auto& meeting = meetings_[index];
    for (auto const& [cell, place] : meeting.arrived) {
        auto const& instance = states_[cell].instances[place.instance];
        auto const transfer = context_.compiled.cell_units[cell][instance.block][place.unit].transfer;
        auto const flows = static_cast<int>(context_.transfers.at(transfer).flows.size());
        if (flows == 0) {
            continue;
        }
        auto const stream = block_of(instance, cell).units[place.unit].stream;
        auto const record = new_record({.cause = cause,
                                        .cell = cell,
                                        .item = instance.item,
                                        .unit = place.unit,
                                        .transfer = transfer,
                                        .stream = static_cast<std::int8_t>(stream),
                                        .meeting = true});
        meeting.records.push_back(record);
        ++meeting.parts_left;
        take_chip(cell, stream, share_of(cell, place));
        start_flows(
            transfer,
            new_job({.cell = cell, .place = place, .record = record, .parts_left = flows, .meeting = index}));
    }
    if (meeting.records.empty()) {
        end_meeting(index, cause);
    }
}

void Runner::end_meeting(int index, int cause) {
    auto& meeting = meetings_[index];
    for (auto const record : meeting.records) {
        close(record);
    }
    if (!meeting.records.empty()) {
        log_.last = cause; // of the records that end together, the one that was waited for
    }
    for (auto const& [cell, place] : meeting.arrived) {
        done_.push_back({cell, place, cause});
    }
    meeting.arrived.clear();
    meeting.records.clear();
}

void Runner::ended(EventLoop::Token token) {
    auto const index = static_cast<int>(token & 0xffffffff);
    if (token != token_of(index)) {
        return; // a timer of a kernel that has changed its speed since
    }
    ++log_.activities;
    if (--jobs_[index].parts_left > 0) {
        return;
    }
    auto const job = jobs_[index];
    ++job_turn_[index];
    free_jobs_.push_back(index);
    act_on(job);
    drain();
}

void Runner::act_on(Job const& job) {
    if (job.meeting >= 0) {
        if (--meetings_[job.meeting].parts_left == 0) {
            end_meeting(job.meeting, job.record);
        }
        return;
    }
    close(job.record);
    if (job.message >= 0) {
        message_done(job);
        return;
    }
    if (log_.records[job.record].kernel) {
        clocks_[job.cell].kernel_ends(loop_.now());
        states_[job.cell].kernel.job = -1;
    }
    done_.push_back({job.cell, job.place, job.record});
}

void Runner::unit_done(Done const& done) {
    auto& state = states_[done.cell];
    auto& instance = state.instances[done.place.instance];
    auto const& unit = block_of(instance, done.cell).units[done.place.unit];
    take_chip(done.cell, unit.stream, 0.0);
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
        item_done(done.cell, item, done.cause);
    }
    try_streams(done.cell, done.cause);
}

void Runner::drain() {
    for (std::size_t i = 0; i < done_.size(); ++i) {
        auto const done = done_[i];
        unit_done(done);
    }
    done_.clear();
}

RunLog Runner::finish() {
    for (std::size_t cell = 0; cell < states_.size(); ++cell) {
        auto const& state = states_[cell];
        auto const& rank_class = class_of(static_cast<int>(cell));
        auto const idle = state.free.size() == state.instances.size();
        expects(idle && state.next_item == rank_class.schedule.size(),
                fmt::format("class {} gets through its schedule; it stops at item {} of {} ({})",
                            rank_class.name, state.next_item, rank_class.schedule.size(),
                            idle ? "a message does not come" : "work does not end"));
    }
    for (auto& clock : clocks_) {
        log_.cells.push_back(clock.finish(log_.end, log_.records));
    }
    return std::move(log_);
}

} // namespace moesaic::engine
