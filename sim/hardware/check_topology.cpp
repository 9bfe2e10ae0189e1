#include "hardware/check_topology.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace moesaic::hardware {

void check_pools(std::vector<TopologyPool> const& pools) {
    for (auto const& pool : pools) {
        int const has = chips_of(pool.cluster);
        if (pool.chips < 1 || pool.chips > has) {
            throw InputError{Origin::whole_file(pool.cluster.file),
                             fmt::format("a pool asks for {} chips, but cluster {} has {}", pool.chips,
                                         pool.cluster.id, has)};
        }
    }
}

void check_site_links(std::vector<TopologyPool> const& pools, std::vector<SiteLink> const& links) {
    int const count = static_cast<int>(pools.size());
    std::map<std::pair<int, int>, int> joined;
    for (std::size_t i = 0; i < links.size(); ++i) {
        auto const& link = links[i];
        auto const [low, high] = std::minmax(link.pool_a, link.pool_b);
        auto const where = Origin{{}, 0, 0, fmt::format("site_links[{}]", i)};
        if (low < 0 || high >= count || low == high) {
            throw InputError{where, fmt::format("joins pools {} and {}, but must join two of the {} pools",
                                                link.pool_a, link.pool_b, count)};
        }
        if (link.bandwidth <= BytesPerSecond{0} || link.latency < Seconds{0}) {
            throw InputError{where, "needs a bandwidth above 0 and a latency of 0 or more"};
        }
        if (++joined[{low, high}] > 1) {
            throw InputError{where, fmt::format("joins pools {} and {} a second time", low, high),
                             "Give one link with the sum of the bandwidths"};
        }
    }
    for (int a = 0; a < count; ++a) {
        for (int b = a + 1; b < count; ++b) {
            if (!joined.contains({a, b})) {
                throw InputError{Origin{{}, 0, 0, "site_links"},
                                 fmt::format("pools {} ({}) and {} ({}) are not joined", a,
                                             pools[a].cluster.id, b, pools[b].cluster.id),
                                 "Give a site link between them"};
            }
        }
    }
}

} // namespace moesaic::hardware
