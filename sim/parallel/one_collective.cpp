#include "parallel/one_collective.hpp"

namespace moesaic::parallel {

Program only(Collective const& collective) {
    RankClass all;
    all.name = "all";
    all.members = collective.group;
    all.representative = collective.group.first;
    all.blocks = {{"collective", Phase::step_end, {{Stream::data, collective, {}, false}}}};
    all.schedule = {{0, 0, {}, {}}};
    Program out;
    out.chips = collective.group.count;
    out.classes.push_back(std::move(all));
    return out;
}

} // namespace moesaic::parallel
