#include "engine/runner.hpp"

#include <algorithm>
#include <utility>

namespace moesaic::engine {

bool Runner::has_received(int cell, int item) const {
    auto const number = cell - context_.folding.first_of(context_.folding.cells[cell].rank_class);
    return std::ranges::all_of(class_of(cell).schedule[item].receives,
                               [&](int message) { return missing_[message_offset_[message] + number] == 0; });
}

void Runner::send_all(int cell, int item, int cause) {
    auto const& folding = context_.folding;
    auto const number = cell - folding.first_of(folding.cells[cell].rank_class);
    for (auto const message : class_of(cell).schedule[item].sends) {
        auto const& route = context_.compiled.routes[context_.compiled.route_of[message]];
        auto const& own = context_.program.messages[message];
        for (auto const& delivery : route.from[number]) {
            if (context_.transfers.at(delivery.transfer).flows.empty()) {
                arrive(message, delivery.receiver, cause);
                continue;
            }
            states_[cell].sending += own.blocking ? 1 : 0;
            if (own.in_turn && std::exchange(line_of(cell, message, delivery.receiver).busy, true)) {
                line_of(cell, message, delivery.receiver).queue.push_back({message, cell, delivery});
                continue;
            }
            start_sending({message, cell, delivery}, cause);
        }
    }
}

void Runner::start_sending(Sending const& sending, int cause) {
    auto const& message = context_.program.messages[sending.message];
    auto const to = context_.folding.first_of(static_cast<int>(message.to.index()));
    auto const transfer = sending.delivery.transfer;
    auto const record = new_record({.cause = cause,
                                    .cell = to + sending.delivery.receiver,
                                    .sender = sending.cell,
                                    .item = sending.message,
                                    .unit = -1,
                                    .transfer = transfer,
                                    .stream = static_cast<std::int8_t>(message.stream)});
    auto const flows = static_cast<int>(context_.transfers.at(transfer).flows.size());
    start_flows(transfer, new_job({.cell = sending.cell,
                                   .message = sending.message,
                                   .receiver = sending.delivery.receiver,
                                   .record = record,
                                   .parts_left = flows}));
}

Runner::Line& Runner::line_of(int cell, int message, int receiver) {
    auto const to = static_cast<int>(context_.program.messages[message].to.index());
    return lines_[std::minmax({cell, context_.folding.first_of(to) + receiver})];
}

/// A message to one cell is through: the line goes to the next that waits for it, the receiver may go on, and so may the
/// sender with the last of those that hold it up.
void Runner::message_done(Job const& job) {
    auto const& message = context_.program.messages[job.message];
    if (message.in_turn) {
        auto& line = line_of(job.cell, job.message, job.receiver);
        line.busy = !line.queue.empty();
        if (line.busy) {
            auto const next = line.queue.front();
            line.queue.pop_front();
            start_sending(next, job.record);
        }
    }
    arrive(job.message, job.receiver, job.record);
    auto& sender = states_[job.cell];
    if (message.blocking) {
        clocks_[job.cell].ended(job.record);
        if (--sender.sending == 0) {
            sender.between_items = true;
            try_item(job.cell, job.record);
        }
    }
}

void Runner::arrive(int message, int receiver, int cause) {
    if (--missing_[message_offset_[message] + receiver] == 0) {
        auto const to = static_cast<int>(context_.program.messages[message].to.index());
        auto const cell = context_.folding.first_of(to) + receiver;
        auto const gated = states_[cell].gated;
        if (gated < 0) {
            try_item(cell, cause);
        } else if (has_received(cell, states_[cell].instances[gated].item)) {
            open_gate(cell, cause);
        }
    }
}

} // namespace moesaic::engine
