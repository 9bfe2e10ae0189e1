#include "parallel/price.hpp"

#include <cstdint>
#include <fmt/format.h>

namespace moesaic::parallel {

/// Of the fields that tell most operations of a model apart.
std::size_t Pricer::Hash::operator()(model::Operation const& op) const noexcept {
    std::uint64_t hash = static_cast<std::uint64_t>(op.kind) * 4 + static_cast<std::uint64_t>(op.pass);
    for (auto const size : {op.m, op.n, op.k, op.batch}) {
        hash = (hash ^ static_cast<std::uint64_t>(size)) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29U;
    }
    return hash;
}

Compute Pricer::price(model::Operation const& op) {
    auto found = known_.find(op);
    if (found == known_.end()) {
        Known const known{std::make_shared<model::Operation const>(op), timings_->duration(*chip_, op)};
        found = known_.emplace(op, known).first;
    }
    return {.duration = found->second.duration,
            .kind = op.kind,
            .role = op.role,
            .pass = op.pass,
            .work = model::flop_of(op),
            .key = fmt::format("{} {} {}", chip_->id, model::name_of(op.kind), name_of(op.dtype)),
            .times = 1,
            .operation = found->second.op};
}

} // namespace moesaic::parallel
