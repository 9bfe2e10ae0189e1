#pragma once
#include <cstdint>
#include <variant>
#include <vector>

/// What rank 0, which hands out points, and the others, which run them, tell each other.
namespace moesaic::cli {

/// A finished point.
struct Done {
    std::int64_t point = 0;
    std::int64_t failed = 0;
    std::int64_t cached = 0;
    std::int64_t has_value = 0;
    double value = 0.0; ///< of the sweep's goal
};

/// A rank wants points, this many at most.
struct Asks {
    int at_most = 0;
};
/// A rank has finished all that it was given, and gets no more.
struct Leaves {};

using Message = std::variant<Asks, Done, Leaves>;
struct Incoming {
    int rank = -1;
    Message message;
};

/// Asks rank 0 for points. @return none when there are no more
[[nodiscard]] std::vector<std::int64_t> ask_for_points(int at_most);
void tell_done(Done const& done);
void tell_leaving();

/// What comes in at rank 0. Waits for it without keeping a core busy.
[[nodiscard]] Incoming next_message();
void hand_out(int rank, std::vector<std::int64_t> const& points);

} // namespace moesaic::cli
