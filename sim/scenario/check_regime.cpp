#include "scenario/check_regime.hpp"

#include "export_control/check_allowed.hpp"
#include "export_control/regime.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::scenario {

Acquired read_acquired(io::TomlTable const& pool) {
    Acquired out{.owned_since = std::nullopt,
                 .rented_in = pool.optional_text("rented_in"),
                 .origin = pool.origin("chips")};
    if (auto const day = pool.optional_text("owned_since")) {
        out.owned_since = parse_date(*day);
        if (!out.owned_since) {
            throw InputError{pool.origin("owned_since"), fmt::format("\"{}\" is no date", *day),
                             "Write it like \"2023-06-01\""};
        }
    }
    if (out.owned_since && out.rented_in) {
        throw InputError{pool.origin("rented_in"),
                         "the pool has owned_since too: chips are either bought or rented"};
    }
    return out;
}

namespace {

using export_control::ChipUse;

/// Of the pools, spare nodes included.
std::vector<ChipUse> uses_of(Scenario const& scenario) {
    std::vector<ChipUse> uses;
    for (auto const& pool : scenario.pools) {
        uses.push_back({pool.cluster.node.chip, pool.chips + pool.spare_nodes * pool.cluster.node.chips,
                        pool.acquired.owned_since, pool.acquired.rented_in, pool.acquired.origin});
    }
    return uses;
}

/// [fleet], whose chips are those of the pools or of the catalogue.
export_control::Fleet read_fleet_of(io::TomlTable const& fleet_table, Scenario const& scenario,
                                    Facts const& facts) {
    auto fleet = export_control::read_fleet(fleet_table);
    check_chips_of(fleet, [&](std::string const& id, Origin const& at) {
        for (auto const& pool : scenario.pools) { // another build than the catalogue's has an id of its own
            if (pool.cluster.node.chip.id == id) {
                return pool.cluster.node.chip;
            }
        }
        return hardware::Catalogue{facts.platforms()}.chip(id, at);
    });
    return fleet;
}

/// Rules and fleet; none without [regime].
struct World {
    export_control::Regime regime;
    export_control::Fleet fleet;
};

std::optional<World> read_world(io::TomlTable const& table, Scenario const& scenario, Facts const& facts) {
    auto const regime = table.optional_table("regime");
    auto const fleet = table.optional_table("fleet");
    if (!regime && fleet) {
        throw InputError{fleet->origin(), "a fleet needs a [regime] with date and destination"};
    }
    if (!regime) {
        return std::nullopt;
    }
    return World{export_control::read_regime(*regime, facts.rules()),
                 fleet ? read_fleet_of(*fleet, scenario, facts) : export_control::Fleet{}};
}

/// A pool of whole nodes keeps whole nodes.
int in_nodes(int chips, hardware::NodeType const& node) {
    return chips > node.chips ? chips / node.chips * node.chips : chips;
}

} // namespace

OfferedChips offered_chips(io::TomlTable const& table, Scenario const& scenario, Facts const& facts) {
    auto const uses = uses_of(scenario);
    auto const world = read_world(table, scenario, facts);
    auto const offer =
        world ? export_control::offer(uses, world->regime, world->fleet) : export_control::Offer{};
    OfferedChips out;
    for (std::size_t i = 0; i < uses.size(); ++i) {
        auto const& pool = scenario.pools[i];
        if (!world || offer.reasons[i].empty()) {
            out.chips.push_back(pool.chips);
            continue;
        }
        auto const spare = uses[i].count - pool.chips;
        auto const chips = std::max(0, in_nodes(offer.chips[i] - spare, pool.cluster.node));
        out.chips.push_back(chips);
        out.fewer.push_back(fmt::format("{} of {} {} for pool {}: {}", chips, pool.chips, uses[i].chip.id,
                                        pool.name, offer.reasons[i]));
    }
    return out;
}

Means check_regime(io::TomlTable const& table, Scenario const& scenario, Facts const& facts) {
    auto const uses = uses_of(scenario);
    auto const world = read_world(table, scenario, facts);
    if (!world) {
        return {
            .lots = export_control::acquire_freely(uses), .budget = {}, .budget_origin = {}, .waiting = {}};
    }
    auto const& [regime, fleet] = *world;
    auto const refusals = export_control::check_allowed(uses, regime, fleet);
    if (!refusals.empty()) {
        throw NotAllowed{refusals.front()};
    }
    auto const waiting = export_control::start_of(fleet, regime.deal.date) - regime.deal.date;
    return {.lots = export_control::acquire(uses, regime, fleet),
            .budget = fleet.budget,
            .budget_origin = fleet.budget_origin,
            .waiting = Seconds{std::chrono::duration<double>(waiting).count()}};
}

} // namespace moesaic::scenario
