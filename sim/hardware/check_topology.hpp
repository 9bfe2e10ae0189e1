#pragma once
#include "hardware/topology.hpp"

#include <vector>

namespace moesaic::hardware {

/// @throws InputError for a pool of more chips than its cluster has
void check_pools(std::vector<TopologyPool> const& pools);
/// Traffic between pools takes their own link, so every two need one, and not two. @throws InputError
void check_site_links(std::vector<TopologyPool> const& pools, std::vector<SiteLink> const& links);

} // namespace moesaic::hardware
