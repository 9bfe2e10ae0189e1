#pragma once
#include "base/errors.hpp"
#include "parallel/program.hpp"

#include <algorithm>
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

/// The block of that name ("forward", "backward, last", …); fails where the class has none.
inline parallel::Block const& block_named(parallel::RankClass const& rank_class, std::string_view name) {
    auto const found = std::ranges::find(rank_class.blocks, name, &parallel::Block::name);
    expects(found != rank_class.blocks.end(), "the class has a block of the name");
    return *found;
}

} // namespace moesaic::test
