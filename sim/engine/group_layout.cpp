#include "engine/group_layout.hpp"

#include <algorithm>
#include <map>

namespace moesaic::engine {

GroupLayout::GroupLayout(parallel::RankSet const& group, hardware::Topology const& topology)
    : group_{group}, nodes_{by_node(group, topology)}, channels_{nodes_.front().size()} {
    std::map<int, std::size_t> number_of_leaf;
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        channels_ = std::min(channels_, nodes_[node].size());
        for (std::size_t place = 0; place < nodes_[node].size(); ++place) {
            places_.push_back({node, place});
            auto const rank = nodes_[node][place];
            add_to_leaf(rank,
                        number_of_leaf.try_emplace(topology.leaf_of(rank), leaves_.size()).first->second);
        }
    }
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        auto const hop = topology.tier(nodes_[node].front(), partner(node + 1, 0));
        farthest_hop_ = std::max(farthest_hop_, hop);
        for (int tier = 0; tier <= static_cast<int>(hop); ++tier) {
            ++hops_[tier];
        }
    }
}

void GroupLayout::add_to_leaf(ChipIndex rank, std::size_t number) {
    if (number == leaves_.size()) {
        leaves_.emplace_back();
    }
    leaf_of_.push_back(number);
    auto& leaf = leaves_[number];
    ++leaf.ranks;
    auto const first_of_node =
        leaf.examples.empty() || place_of(leaf.examples[0]).node != place_of(rank).node;
    if (leaf.examples.size() < 2 && first_of_node) {
        leaf.examples.push_back(rank);
    }
}

std::vector<GroupLayout::FarLeaf> GroupLayout::far_leaves(ChipIndex rank) const {
    auto const own = place_of(rank).node;
    std::vector<std::size_t> in_own_node;
    for (auto const mate : nodes_[own]) {
        in_own_node.push_back(leaf_number(mate));
    }
    std::vector<FarLeaf> far;
    for (std::size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
        auto const peers = leaves_[leaf].ranks - std::ranges::count(in_own_node, leaf);
        if (peers > 0) {
            auto const& examples = leaves_[leaf].examples;
            far.push_back({place_of(examples[0]).node == own ? examples.at(1) : examples[0], peers, leaf});
        }
    }
    return far;
}

} // namespace moesaic::engine
