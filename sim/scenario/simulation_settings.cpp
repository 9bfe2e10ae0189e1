#include "scenario/simulation_settings.hpp"

#include "base/random.hpp"
#include "parallel/read_choice.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace moesaic::scenario {

namespace {

ChosenChips read_chips(io::TomlTable const& t) {
    if (t.has("chip") == t.has("count")) {
        throw InputError{t.origin("chip"), "name one `chip`, or a `count` of chips that the seed draws"};
    }
    ChosenChips out{.chip = {}, .count = 1, .origin = t.origin(t.has("chip") ? "chip" : "count")};
    if (t.has("chip")) {
        out.chip = t.integer_from("chip", 0);
    } else {
        out.count = t.count("count", 1);
    }
    return out;
}

SlowChips read_straggler(io::TomlTable const& t) {
    SlowChips out{read_chips(t), t.number("slowdown")};
    if (!(out.slowdown >= 1.0)) {
        throw InputError{t.origin("slowdown"), "must be 1 or more (1.2 = kernels take 1.2 times as long)"};
    }
    t.reject_unknown_keys();
    return out;
}

SlowLinks read_slow_link(io::TomlTable const& t) {
    SlowLinks out{
        .chips = read_chips(t),
        .link = parallel::one_of<LinkOfChip>(
            t, "link", LinkOfChip::nic,
            {{"scale_up", LinkOfChip::scale_up}, {"nic", LinkOfChip::nic}, {"leaf", LinkOfChip::leaf}}),
        .factor = t.number("factor"),
        .from = t.optional_quantity<Seconds>("from").value_or(Seconds{0.0}),
        .until = t.optional_quantity<Seconds>("until")};
    if (!(out.factor > 0.0 && out.factor <= 1.0)) {
        throw InputError{
            t.origin("factor"), "must be above 0, and 1 at most (0.5 = half of its bandwidth)",
            "A link that carries nothing stops the step for ever: see [reliability] for failures"};
    }
    if (out.from.value() < 0.0 || (out.until && *out.until <= out.from)) {
        throw InputError{t.origin(out.until ? "until" : "from"),
                         "a link is slow from one moment to a later one"};
    }
    t.reject_unknown_keys();
    return out;
}

/// Different ones, ascending: the first `count` of all chips in an order drawn by the seed.
std::vector<ChipIndex> draw(ChosenChips const& chosen, std::int64_t chips, Rng& rng) {
    if (chosen.chip.value_or(0) >= chips || chosen.count > chips) {
        throw InputError{chosen.origin, fmt::format("there are {} chips only", chips)};
    }
    if (chosen.chip) {
        return {ChipIndex{*chosen.chip}};
    }
    std::vector<std::int64_t> all(static_cast<std::size_t>(chips));
    std::iota(all.begin(), all.end(), 0);
    std::vector<ChipIndex> out;
    for (int i = 0; i < chosen.count; ++i) {
        auto const left = static_cast<std::uint64_t>(chips - i);
        std::swap(all[i], all[i + static_cast<std::int64_t>(rng.below(left))]);
        out.emplace_back(all[i]);
    }
    std::ranges::sort(out);
    return out;
}

/// The chip's way out to a peer, and the way in beside it.
std::vector<LinkId> links_of(ChipIndex chip, LinkOfChip wanted, hardware::Topology const& topology,
                             Origin const& origin) {
    auto const tier_wanted = wanted == LinkOfChip::scale_up ? hardware::Tier::node
                             : wanted == LinkOfChip::nic    ? hardware::Tier::leaf
                                                            : hardware::Tier::spine;
    for (int other = 0; other < topology.chips(); ++other) {
        ChipIndex const peer{other};
        auto const tier = topology.tier(chip, peer);
        auto const fits = wanted == LinkOfChip::scale_up ? tier == tier_wanted
                                                         : tier >= tier_wanted && tier < hardware::Tier::site;
        if (!fits) {
            continue;
        }
        auto const out = topology.route(chip, peer), in = topology.route(peer, chip);
        auto const place = wanted == LinkOfChip::leaf ? 1U : 0U;
        return {out.at(place), in.at(in.size() - 1 - place)};
    }
    throw InputError{origin, fmt::format("chip {} has no such link to any other", chip.index())};
}

} // namespace

SimulationSettings read_simulation(io::TomlTable const& t) {
    SimulationSettings out{.fold = parallel::one_of<engine::Fold>(
                               t, "fold", engine::Fold::automatic,
                               {{"auto", engine::Fold::automatic}, {"none", engine::Fold::none}}),
                           .jitter = t.number_or("jitter", 0.0),
                           .stragglers = {},
                           .slow_links = {}};
    if (!(out.jitter >= 0.0 && out.jitter < 1.0)) {
        throw InputError{t.origin("jitter"), "must be from 0 to below 1 (0.02 = kernels vary by about 2 %)"};
    }
    if (t.has("stragglers")) {
        std::ranges::transform(t.tables("stragglers"), std::back_inserter(out.stragglers), read_straggler);
    }
    if (t.has("slow_links")) {
        std::ranges::transform(t.tables("slow_links"), std::back_inserter(out.slow_links), read_slow_link);
    }
    t.reject_unknown_keys();
    return out;
}

engine::Perturbations perturbations_of(SimulationSettings const& settings, hardware::Topology const& topology,
                                       std::uint64_t seed) {
    engine::Perturbations out{
        .stragglers = {}, .slow_links = {}, .jitter_sigma = settings.jitter, .seed = seed};
    Rng stragglers{seed, "stragglers"};
    for (auto const& slow : settings.stragglers) {
        for (auto const chip : draw(slow.chips, topology.chips(), stragglers)) {
            out.stragglers.push_back({chip, slow.slowdown});
        }
    }
    Rng links{seed, "slow links"};
    for (auto const& slow : settings.slow_links) {
        for (auto const chip : draw(slow.chips, topology.chips(), links)) {
            for (auto const link : links_of(chip, slow.link, topology, slow.chips.origin)) {
                out.slow_links.push_back({link, slow.factor, slow.from, slow.until.value_or(Seconds{-1.0})});
            }
        }
    }
    return out;
}

} // namespace moesaic::scenario
