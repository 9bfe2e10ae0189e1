#include "export_control/check_allowed.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace moesaic::export_control {

bool can_be_had(std::optional<Outcome> outcome) { return outcome && *outcome <= Outcome::licensed; }

Verdict verdict_on(hardware::Chip const& chip, Regime const& regime, Date day) {
    return evaluate(chip, at_date(regime, std::min(day, regime.deal.date)));
}

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

/// The fleet has too few.
Refusal shortage(ChipUse const& use, std::int64_t available, std::string const& problem,
                 std::string const& hint) {
    expects(available < use.count, "a shortage is of fewer chips than are needed");
    return {use.origin, use.chip.id, problem, problem, hint, static_cast<int>(available)};
}

Refusal refusal(ChipUse const& use, Deal const& deal, std::string const& why, std::string const& hint,
                int available = 0) {
    return {use.origin,
            use.chip.id,
            fmt::format("{} cannot be had in {} on {}: {}", use.chip.id, deal.destination,
                        iso_text(deal.date), why),
            why,
            hint,
            available};
}

/// "it was launched on 2023-11-09", where no one could have it on that day.
std::optional<std::string> not_yet_launched(hardware::Chip const& chip, Date day) {
    auto const launch = chip.launch_date ? parse_date_span(chip.launch_date->value) : std::nullopt;
    return launch && launch->first > day
               ? std::optional{fmt::format("it was launched only {} {}",
                                           parse_date(chip.launch_date->value) ? "on" : "in",
                                           chip.launch_date->value)}
               : std::nullopt;
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
    std::int64_t listed = 0;
    bool any = false;
    for (auto const& rental : fleet.rented) {
        if (rental.chip == use.chip.id && rental.place == place) {
            listed += rental.count;
            any = true;
        }
    }
    if (any && listed < use.count) {
        return shortage(use, listed,
                        fmt::format("{} chips are rented in {}, but {} are needed", listed, place, use.count),
                        "Raise the count under fleet.rented");
    }
    return std::nullopt;
}

std::optional<Refusal> check_owned(ChipUse const& use, Regime const& regime) {
    if (*use.owned_since > regime.deal.date) {
        return refusal(use, regime.deal, fmt::format("owned_since {} is later", iso_text(*use.owned_since)),
                       "");
    }
    auto const then = at_date(regime, *use.owned_since);
    if (auto const early = not_yet_launched(use.chip, *use.owned_since)) {
        return refusal(use, then.deal, *early, "");
    }
    auto const verdict = evaluate(use.chip, then);
    if (!can_be_had(verdict.outcome)) {
        return refusal(use, then.deal, reason(verdict),
                       "owned_since must be a day on which it could be bought");
    }
    return std::nullopt;
}

std::int64_t lawfully_owned(hardware::Chip const& chip, Regime const& regime, Fleet const& fleet) {
    std::int64_t sum = 0;
    for (auto const& arrival : arrivals(fleet, chip.id, start_of(fleet, regime.deal.date))) {
        sum += could_be_had(chip, regime, arrival.day) ? arrival.count : 0;
    }
    return sum;
}

std::optional<Refusal> check_bought(ChipUse const& use, Regime const& regime, Fleet const& fleet) {
    auto const& id = use.chip.id;
    auto const start = start_of(fleet, regime.deal.date);
    if (auto const early = not_yet_launched(use.chip, start)) {
        return refusal(use, regime.deal, *early, "");
    }
    auto const lawful = for_this_job(fleet, lawfully_owned(use.chip, regime, fleet));
    auto const verdict = evaluate(use.chip, regime);
    if (can_be_had(verdict.outcome)) {
        // a supply says what the market has; stock alone does not, so that the market adds to it
        auto const listed = std::ranges::count(fleet.supply, id, &Supply::chip) > 0;
        return listed && lawful < use.count
                   ? std::optional{shortage(use, lawful,
                                            fmt::format("{} of {} are needed, but the fleet has {} for this "
                                                        "job on {}",
                                                        use.count, id, lawful, iso_text(start)),
                                            "Stock and supply of the fleet, times share_for_this_job")}
                   : std::nullopt;
    }
    auto const banned = verdict.outcome == Outcome::prohibited;
    auto const quota = banned ? 0 : licence_quota(fleet, id, start);
    if (lawful + quota >= use.count) {
        return std::nullopt;
    }
    auto const covered =
        lawful + quota == 0
            ? std::string{}
            : fmt::format("; the fleet's stock and past supply cover {} and its licences {} of the {} needed",
                          lawful, quota, use.count);
    return refusal(use, regime.deal, reason(verdict) + covered, excuses,
                   static_cast<int>(lawful + quota)); // fewer than the use needs
}

/// Uses that draw on the same chips: of one chip, and where it is rented, at one place.
std::pair<std::string, std::string> group_of(ChipUse const& use) {
    return {use.chip.id, use.rented_in.value_or("")};
}

} // namespace

bool could_be_had(hardware::Chip const& chip, Regime const& regime, Date day) {
    return !not_yet_launched(chip, day) && can_be_had(verdict_on(chip, regime, day).outcome);
}

Offer offer(std::vector<ChipUse> const& uses, Regime const& regime, Fleet const& fleet) {
    Offer out;
    std::map<std::pair<std::string, std::string>, ChipUse> groups;
    for (auto const& use : uses) {
        expects(use.count > 0, "a use has chips");
        auto refused = use.owned_since ? check_owned(use, regime) : std::nullopt;
        out.chips.push_back(refused ? 0 : use.count);
        out.reasons.push_back(refused ? refused->reason : "");
        if (refused) {
            out.refusals.push_back(std::move(*refused));
        } else if (!use.owned_since) {
            auto const [found, is_new] = groups.emplace(group_of(use), use);
            found->second.count += is_new ? 0 : use.count;
        }
    }
    for (auto const& [group, use] : groups) {
        auto refused = use.rented_in ? check_rented(use, regime, fleet) : check_bought(use, regime, fleet);
        int left = refused ? refused->available : use.count;
        for (std::size_t i = 0; i < uses.size(); ++i) {
            if (!uses[i].owned_since && group_of(uses[i]) == group) {
                out.chips[i] = std::min(uses[i].count, left);
                left -= out.chips[i];
                out.reasons[i] = out.chips[i] < uses[i].count ? refused->reason : "";
            }
        }
        if (refused) {
            out.refusals.push_back(std::move(*refused));
        }
    }
    return out;
}

std::vector<Refusal> check_allowed(std::vector<ChipUse> const& uses, Regime const& regime,
                                   Fleet const& fleet) {
    return offer(uses, regime, fleet).refusals;
}

void check_chips_of(Fleet const& fleet,
                    std::function<hardware::Chip(std::string const&, Origin const&)> const& chip_of) {
    for (auto const& item : fleet.stock) {
        if (auto const early = not_yet_launched(chip_of(item.chip, item.origin), item.owned_since)) {
            throw InputError{item.owned_origin, fmt::format("{} cannot be owned since {}: {}", item.chip,
                                                            iso_text(item.owned_since), *early)};
        }
    }
    auto const look_up = [&](auto const& items) {
        for (auto const& item : items) {
            (void)chip_of(item.chip, item.origin);
        }
    };
    look_up(fleet.supply);
    look_up(fleet.rented);
    look_up(fleet.licences);
}

} // namespace moesaic::export_control
