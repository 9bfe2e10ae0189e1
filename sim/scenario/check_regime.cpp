#include "scenario/check_regime.hpp"

#include "export_control/check_allowed.hpp"
#include "export_control/regime.hpp"

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

Means check_regime(io::TomlTable const& table, Scenario const& scenario, Facts const& facts) {
    auto const regime_table = table.optional_table("regime");
    auto const fleet_table = table.optional_table("fleet");
    auto const fleet = fleet_table ? export_control::read_fleet(*fleet_table) : export_control::Fleet{};
    std::vector<export_control::ChipUse> uses;
    for (auto const& pool : scenario.pools) {
        uses.push_back({pool.cluster.node.chip, pool.chips + pool.spare_nodes * pool.cluster.node.chips,
                        pool.acquired.owned_since, pool.acquired.rented_in, pool.acquired.origin});
    }
    if (!regime_table) {
        if (fleet_table) {
            throw InputError{fleet_table->origin(), "a fleet needs a [regime] with date and destination"};
        }
        return {
            .lots = export_control::acquire_freely(uses), .budget = {}, .budget_origin = {}, .waiting = {}};
    }
    auto const regime = export_control::read_regime(*regime_table, facts.rules());
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
