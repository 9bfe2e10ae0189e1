#pragma once
#include <cstdint>
#include <queue>
#include <vector>

namespace moesaic::engine {

/// Dates of what is to come, earliest first; equal dates in the order of their entry.
class Calendar {
  public:
    struct Entry {
        double date = 0.0;
        std::int64_t sequence = 0;
        std::int64_t what = 0;
        bool operator<(Entry const& other) const {
            return date != other.date ? date > other.date : sequence > other.sequence;
        }
    };

    void add(double date, std::int64_t what) { entries_.push({date, sequence_++, what}); }
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] double first_date() const { return entries_.top().date; }
    std::int64_t take_first() {
        auto const what = entries_.top().what;
        entries_.pop();
        return what;
    }

  private:
    std::priority_queue<Entry> entries_;
    std::int64_t sequence_ = 0;
};

} // namespace moesaic::engine
