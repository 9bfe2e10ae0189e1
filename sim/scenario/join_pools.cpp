#include "scenario/join_pools.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace moesaic::scenario {

namespace {

bool are_one_cluster(Pool const& a, Pool const& b) {
    auto const figures = [](hardware::Cluster const& c) {
        return std::tuple{c.id,
                          c.file,
                          c.node.chip.id,
                          c.node.chips,
                          c.node.nics,
                          c.node.scale_up.bandwidth.value,
                          c.node.nic_bandwidth.value,
                          c.fabric.oversubscription};
    };
    bool const from_catalogue = a.cluster.file != a.acquired.origin.file;
    return from_catalogue && figures(a.cluster) == figures(b.cluster) &&
           a.acquired.owned_since == b.acquired.owned_since && a.acquired.rented_in == b.acquired.rented_in;
}

bool has_link(Scenario const& s, int a, int b) {
    return std::ranges::any_of(s.site_links, [&](auto const& link) {
        return (link.pool_a == a && link.pool_b == b) || (link.pool_a == b && link.pool_b == a);
    });
}

} // namespace

void join_pools(Scenario& s) {
    for (int a = 0; a < static_cast<int>(s.pools.size()); ++a) {
        for (int b = static_cast<int>(s.pools.size()) - 1; b > a; --b) {
            auto& whole = s.pools[static_cast<std::size_t>(a)];
            auto const& part = s.pools[static_cast<std::size_t>(b)];
            if (!are_one_cluster(whole, part) || has_link(s, a, b)) {
                continue;
            }
            whole.chips += part.chips;
            whole.spare_nodes += part.spare_nodes;
            if (whole.chips > hardware::chips_of(whole.cluster)) {
                throw InputError{part.acquired.origin,
                                 fmt::format("cluster {} has {} chips only, for all its pools together",
                                             whole.cluster.id, hardware::chips_of(whole.cluster))};
            }
            whole.other_names.push_back(part.name);
            s.pools.erase(s.pools.begin() + b);
            for (auto& link : s.site_links) {
                for (auto* end : {&link.pool_a, &link.pool_b}) {
                    *end = *end == b ? a : *end > b ? *end - 1 : *end;
                }
            }
        }
    }
}

namespace {

void drop_pool(Scenario& s, int gone) {
    s.pools.erase(s.pools.begin() + gone);
    auto const names_it = [gone](auto const& part) { return part.pool == gone; };
    auto const renumber = [gone](int& pool) { pool -= pool > gone ? 1 : 0; };
    std::erase_if(s.site_links,
                  [gone](auto const& link) { return link.pool_a == gone || link.pool_b == gone; });
    for (auto& link : s.site_links) {
        renumber(link.pool_a);
        renumber(link.pool_b);
    }
    for (auto& kind : s.plan.kinds) {
        if (kind.apart && std::ranges::any_of(kind.apart->places, names_it)) {
            kind.apart.reset();
        }
        std::erase_if(kind.stage_groups, names_it);
        for (auto& group : kind.stage_groups) {
            renumber(group.pool);
        }
        if (kind.apart) {
            std::ranges::for_each(kind.apart->places, renumber, &parallel::ExpertRanks::pool);
        }
    }
    std::erase_if(s.plan.kinds, [](auto const& kind) { return kind.stage_groups.empty(); });
}

} // namespace

void drop_empty_pools(Scenario& s) {
    for (int pool = static_cast<int>(s.pools.size()) - 1; pool >= 0; --pool) {
        if (s.pools[static_cast<std::size_t>(pool)].chips == 0) {
            drop_pool(s, pool);
        }
    }
}

void check_joined(Scenario const& s) {
    for (int b = 1; b < static_cast<int>(s.pools.size()); ++b) {
        for (int a = 0; a < b; ++a) {
            auto const& one = s.pools[static_cast<std::size_t>(a)];
            auto const& other = s.pools[static_cast<std::size_t>(b)];
            if (!has_link(s, a, b)) {
                throw InputError{other.acquired.origin,
                                 fmt::format("no link joins pool {} to pool {}", other.name, one.name),
                                 fmt::format("Add [[site_links]] with between = [\"{}\", \"{}\"], and either "
                                             "bandwidth and latency, "
                                             "or transport = \"device_direct\" (\"host_memory\", \"tcp\")",
                                             one.name, other.name)};
            }
        }
    }
}

} // namespace moesaic::scenario
