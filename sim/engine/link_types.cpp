#include "engine/link_types.hpp"

namespace moesaic::engine {

using hardware::Direction;

LinkTypes::LinkTypes(hardware::Topology const& topology, Folding const& folding)
    : topology_{topology}, folding_{folding} {
    // Links nearer to the chips come first in number.
    std::map<std::pair<Direction, ChipIndex>, int> before;
    for (std::size_t link = 0; link < topology.links(); ++link) {
        LinkId const id{static_cast<std::int64_t>(link)};
        auto const& behind = topology.chips_behind(id);
        level_.push_back(behind.size() < 2 ? 0 : before[{topology.link(id).direction, behind.front()}]++);
    }
}

LinkId LinkTypes::first_like(LinkId link) {
    auto const& chips = topology_.chips_behind(link);
    if (chips.size() < 2) {
        return link;
    }
    auto const [at, is_new] = known_.try_emplace(link, link);
    if (is_new) {
        std::map<int, int> behind;
        for (auto const chip : chips) {
            ++behind[folding_.of_chip[chip.index()]];
        }
        auto const& properties = topology_.link(link);
        Type type{properties.direction, level_[link.index()], properties.bandwidth.value(),
                  Behind(behind.begin(), behind.end())};
        at->second = first_.try_emplace(std::move(type), link).first->second;
    }
    return at->second;
}

} // namespace moesaic::engine
