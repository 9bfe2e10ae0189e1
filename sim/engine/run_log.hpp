#pragma once
#include "engine/timeline.hpp"

#include <cstdint>
#include <vector>

namespace moesaic::engine {

/// A unit of a block or a message as it ran, and what released it.
struct Record {
    double start = 0.0;
    double end = 0.0;
    std::int32_t cause =
        -1; ///< record whose end let this one start, in the same instant; -1 = the step's start
    std::int32_t cell = 0;      ///< of a message: the receiver
    std::int32_t sender = -1;   ///< cell that the message comes from
    std::int32_t item = 0;      ///< of the class's schedule; of a message: its index in the program
    std::int32_t unit = 0;      ///< of the item's block; -1 = message
    std::int32_t transfer = -1; ///< -1 = kernels
    std::int8_t stream = 0;
    bool kernel = false;  ///< on the compute stream
    bool meeting = false; ///< a collective of several cells
};

struct RunLog {
    std::vector<Record> records; ///< in the order of their start; what takes no time has none
    std::vector<ClassTime> cells;
    double end = 0.0;
    std::int32_t last = -1; ///< record that ends last
    std::int64_t activities = 0;
};

} // namespace moesaic::engine
