#include "engine/block_units.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace moesaic::engine {

using parallel::Block;
using parallel::Compute;
using parallel::streams;

namespace {

/// Operations that another stream waits for: a unit may only end with one.
std::vector<bool> awaited_elsewhere(Block const& block) {
    std::vector<bool> awaited(block.ops.size(), false);
    for (std::size_t i = 0; i < block.ops.size(); ++i) {
        for (auto const earlier : block.ops[i].after) {
            expects(earlier >= 0 && earlier < static_cast<int>(i),
                    "an operation waits for earlier ones only");
            awaited[earlier] = awaited[earlier] || block.ops[earlier].stream != block.ops[i].stream;
        }
    }
    return awaited;
}

bool waits_elsewhere(Block const& block, parallel::BlockOp const& op) {
    return std::ranges::any_of(op.after, [&](int earlier) { return block.ops[earlier].stream != op.stream; });
}

} // namespace

std::vector<Unit> units_of(Block const& block) {
    auto const awaited = awaited_elsewhere(block);
    std::vector<Unit> units;
    std::vector<int> unit_of(block.ops.size());
    std::array<int, streams> open{}; // per stream, the unit that a kernel may join
    open.fill(-1);
    for (std::size_t i = 0; i < block.ops.size(); ++i) {
        auto const& op = block.ops[i];
        auto const* compute = std::get_if<Compute>(&op.work);
        auto& last = open[static_cast<int>(op.stream)];
        auto const joins = compute != nullptr && last >= 0 && units[last].detached == op.detached &&
                           !waits_elsewhere(block, op);
        if (!joins) {
            last = static_cast<int>(units.size());
            expects(!op.early || compute == nullptr, "only collectives start early");
            units.push_back({op.stream, op.detached, op.early, {}, {}, 0, {}});
        }
        auto const unit = last;
        unit_of[i] = unit;
        units[unit].ops.push_back(static_cast<int>(i));
        units[unit].time += compute != nullptr ? compute->duration.time : Seconds{0.0};
        std::set<int> before; // streams are first in, first out: the own one needs no waiting
        for (auto const earlier : op.after) {
            if (block.ops[earlier].stream != op.stream) {
                before.insert(unit_of[earlier]);
            }
        }
        for (auto const earlier : before) {
            units[earlier].next.push_back(unit);
            ++units[unit].waits;
        }
        if (compute == nullptr || awaited[i]) {
            last = -1;
        }
    }
    return units;
}

} // namespace moesaic::engine
