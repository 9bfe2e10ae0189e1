#include "export_control/check_allowed.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

namespace moesaic::export_control {

bool can_be_had(std::optional<Outcome> outcome) { return outcome && *outcome <= Outcome::licensed; }

namespace {

constexpr auto excuses =
    "Say owned_since = \"2022-05-01\" if they were bought before, rented_in = \"SG\" if they "
    "stand elsewhere, or give the fleet a licence";

/// "licence required (us_2025_04_letters: memory bandwidth 4 TB/s is at least 1400 GB/s)"
std::string reason(Verdict const& verdict) {
    if (!verdict.outcome) {
        return fmt::format("undecided, since {} {} not known ({})", fmt::join(verdict.missing, ", "),
                           verdict.missing.size() == 1 ? "is" : "are", verdict.predicate);
    }
    return fmt::format("{} ({}: {})", words_of(*verdict.outcome), verdict.rule, verdict.predicate);
}

Refusal refusal(ChipUse const& use, Deal const& deal, std::string const& why, std::string const& hint) {
    return {use.origin, use.chip.id,
            fmt::format("{} cannot be had in {} on {}: {}", use.chip.id, deal.destination,
                        iso_text(deal.date), why),
            hint};
}

std::optional<Refusal> check_rented(ChipUse const& use, Regime const& regime, Fleet const& fleet) {
    auto const& place = *use.rented_in;
    if (place == regime.deal.destination) {
        return refusal(use, regime.deal, fmt::format("rented_in = \"{}\" is where the regime applies", place),
                       "rented_in excuses only chips that stand elsewhere");
    }
    auto there = at_place(regime, place); // the chips belong to the owner there, who has his seat there
    there.deal.headquarters = place;
    auto const verdict = evaluate(use.chip, there);
    if (!can_be_had(verdict.outcome)) {
        return refusal(use, there.deal, reason(verdict), "Name a place where it may be");
    }
    int listed = 0;
    bool any = false;
    for (auto const& rental : fleet.rented) {
        if (rental.chip == use.chip.id && rental.place == place) {
            listed += rental.count;
            any = true;
        }
    }
    if (any && listed < use.count) {
        return Refusal{use.origin, use.chip.id,
                       fmt::format("{} chips are rented in {}, but {} are needed", listed, place, use.count),
                       "Raise the count under fleet.rented"};
    }
    return std::nullopt;
}

std::optional<Refusal> check_owned(ChipUse const& use, Regime const& regime) {
    if (*use.owned_since > regime.deal.date) {
        return refusal(use, regime.deal, fmt::format("owned_since {} is later", iso_text(*use.owned_since)),
                       "");
    }
    auto const then = at_date(regime, *use.owned_since);
    auto const verdict = evaluate(use.chip, then);
    if (!can_be_had(verdict.outcome)) {
        return refusal(use, then.deal, reason(verdict),
                       "owned_since must be a day on which it could be bought");
    }
    return std::nullopt;
}

/// Stock and supply of the fleet that came on a day when the chip could be had.
int lawfully_owned(hardware::Chip const& chip, Regime const& regime, Fleet const& fleet) {
    auto const lawful = [&](Date date) { return can_be_had(evaluate(chip, at_date(regime, date)).outcome); };
    int sum = 0;
    for (auto const& item : fleet.stock) {
        if (item.chip == chip.id && item.owned_since <= regime.deal.date && lawful(item.owned_since)) {
            sum += item.count;
        }
    }
    for (auto const& supply : fleet.supply) {
        if (supply.chip == chip.id) {
            auto const days = deliveries(supply, regime.deal.date);
            sum += supply.per_quarter * static_cast<int>(std::ranges::count_if(days, lawful));
        }
    }
    return sum;
}

int shared(int count, Fleet const& fleet) {
    return static_cast<int>(std::floor(count * fleet.share_for_this_job + 1e-9));
}

std::optional<Refusal> check_bought(ChipUse const& use, Regime const& regime, Fleet const& fleet) {
    auto const& id = use.chip.id;
    auto const verdict = evaluate(use.chip, regime);
    if (!can_be_had(verdict.outcome)) {
        auto const stock = shared(lawfully_owned(use.chip, regime, fleet), fleet);
        auto const banned = verdict.outcome == Outcome::prohibited;
        auto const quota = banned ? 0 : licence_quota(fleet, id, regime.deal.date);
        if (stock + quota >= use.count) {
            return std::nullopt;
        }
        auto const covered =
            stock + quota == 0
                ? std::string{}
                : fmt::format(
                      "; the fleet's stock and past supply cover {} and its licences {} of the {} needed",
                      stock, quota, use.count);
        return refusal(use, regime.deal, reason(verdict) + covered, excuses);
    }
    auto const names = [&](auto const& item) { return item.chip == id; };
    auto const listed = std::ranges::any_of(fleet.stock, names) || std::ranges::any_of(fleet.supply, names);
    auto const available = shared(owned(fleet, id, regime.deal.date), fleet);
    if (listed && available < use.count) {
        return Refusal{use.origin, id,
                       fmt::format("{} of {} are needed, but the fleet has {} for this job on {}", use.count,
                                   id, available, iso_text(regime.deal.date)),
                       "Stock and supply of the fleet, times share_for_this_job"};
    }
    return std::nullopt;
}

} // namespace

std::vector<Refusal> check_allowed(std::vector<ChipUse> const& uses, Regime const& regime,
                                   Fleet const& fleet) {
    std::vector<Refusal> out;
    std::map<std::string, ChipUse> bought; // pools of one chip draw on the same stock and quota
    for (auto const& use : uses) {
        expects(use.count > 0, "a use has chips");
        if (!use.rented_in && !use.owned_since) {
            auto const [found, is_new] = bought.emplace(use.chip.id, use);
            found->second.count += is_new ? 0 : use.count;
            continue;
        }
        if (auto refused = use.rented_in ? check_rented(use, regime, fleet) : check_owned(use, regime)) {
            out.push_back(std::move(*refused));
        }
    }
    for (auto const& [id, use] : bought) {
        if (auto refused = check_bought(use, regime, fleet)) {
            out.push_back(std::move(*refused));
        }
    }
    return out;
}

} // namespace moesaic::export_control
