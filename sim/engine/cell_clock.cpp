#include "engine/cell_clock.hpp"

#include <algorithm>

namespace moesaic::engine {

void CellClock::kernel_starts(double now, int cause, std::vector<Record> const& records) {
    explain(idle_since_, now, cause, records);
    if (time_.compute.value() <= 0.0) {
        time_.begin = Seconds{now};
    }
    kernel_start_ = now;
}

void CellClock::kernel_ends(double now) {
    time_.compute += Seconds{now - kernel_start_};
    idle_since_ = now;
}

namespace {

/// Before a message came another stage was at work, or the message waited for its turn behind another one.
int turn_before(Record const& message, std::vector<Record> const& records) {
    bool const waited = message.cause >= 0 && records[message.cause].unit < 0;
    return waited ? message.cause : -1;
}

} // namespace

void CellClock::explain(double from, double to, int cause, std::vector<Record> const& records) {
    while (to > from && cause >= 0) {
        auto const& record = records[cause];
        auto const is_message = record.unit < 0;
        auto const sent = record.sender == cell_;
        auto const own = record.cell == cell_ || sent || record.meeting;
        if (!own || record.kernel) {
            break;
        }
        auto const since = std::clamp(record.start, from, to);
        time_.exposed[record.stream] += Seconds{to - since};
        to = since;
        cause = is_message && !sent ? turn_before(record, records) : record.cause;
    }
    time_.bubble += Seconds{std::max(0.0, to - from)};
}

ClassTime CellClock::finish(double step_end, std::vector<Record> const& records) {
    auto const end = last_ < 0 ? idle_since_ : std::max(idle_since_, records[last_].end);
    explain(idle_since_, end, last_, records);
    time_.bubble += Seconds{step_end - end};
    time_.end = Seconds{end};
    return time_;
}

} // namespace moesaic::engine
