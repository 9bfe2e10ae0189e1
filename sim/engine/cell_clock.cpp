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

void CellClock::explain(double from, double to, int cause, std::vector<Record> const& records) {
    while (to > from && cause >= 0) {
        auto const& record = records[cause];
        auto const is_message = record.unit < 0;
        auto const own = record.cell == cell_ || record.meeting;
        if (!own || record.kernel) {
            break;
        }
        auto const since = std::clamp(record.start, from, to);
        time_.exposed[record.stream] += Seconds{to - since};
        to = since;
        cause = is_message ? -1 : record.cause; // before a message another stage was at work
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
