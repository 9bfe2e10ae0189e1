#pragma once
#include "parallel/program.hpp"

#include <string_view>

namespace moesaic::test {

/// Bytes of the collectives of this role over a step, all ranks of all classes.
inline Bytes collective_bytes(parallel::Program const& program, std::string_view role) {
    Bytes sum;
    for (auto const& rank_class : program.classes) {
        for (auto const& item : rank_class.schedule) {
            for (auto const& op : rank_class.blocks.at(static_cast<std::size_t>(item.block)).ops) {
                auto const* c = std::get_if<parallel::Collective>(&op.work);
                sum +=
                    c && c->role == role ? c->bytes * static_cast<double>(rank_class.members.count) : Bytes{};
            }
        }
    }
    return sum;
}

/// How often one rank of each class runs kernels of this pass and role in a step.
inline int compute_times(parallel::Program const& program, model::Pass pass, std::string_view role) {
    int count = 0;
    for (auto const& rank_class : program.classes) {
        for (auto const& item : rank_class.schedule) {
            for (auto const& op : rank_class.blocks.at(static_cast<std::size_t>(item.block)).ops) {
                auto const* c = std::get_if<parallel::Compute>(&op.work);
                count += c && c->role == role && c->pass == pass ? 1 : 0;
            }
        }
    }
    return count;
}

} // namespace moesaic::test
