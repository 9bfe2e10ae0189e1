#include "parallel/price.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::parallel {

Compute Pricer::price(model::Operation const& op) {
    auto const same = [&](auto const& entry) { return *entry.first == op; };
    auto found = std::ranges::find_if(known_, same);
    if (found == known_.end()) {
        known_.emplace_back(std::make_shared<model::Operation const>(op), timings_->duration(*chip_, op));
        found = std::prev(known_.end());
    }
    return {.duration = found->second,
            .kind = op.kind,
            .role = op.role,
            .pass = op.pass,
            .work = model::flop_of(op),
            .key = fmt::format("{} {} {}", chip_->id, model::name_of(op.kind), name_of(op.dtype)),
            .times = 1,
            .operation = found->first};
}

} // namespace moesaic::parallel
