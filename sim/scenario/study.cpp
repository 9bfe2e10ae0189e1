#include "scenario/study.hpp"

#include "base/nearest_names.hpp"
#include "scenario/check_regime.hpp"
#include "scenario/join_pools.hpp"
#include "scenario/time_to_train.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tuple>

namespace moesaic::scenario {

namespace {

std::vector<io::TomlOverride> overrides_in(std::optional<io::TomlTable> const& table) {
    return table ? table->overrides() : std::vector<io::TomlOverride>{};
}

std::string with_value(std::string name, std::string value) {
    std::erase(value, '"');
    auto const place = name.find("{}");
    return place == std::string::npos ? name + " " + value : name.replace(place, 2, value);
}

/// A case or candidate, or one for each value of `each`.
template <class Entry>
void add_each(io::TomlTable const& table, Entry entry, std::vector<Entry>& out) {
    entry.name = table.text("name");
    entry.set = overrides_in(table.optional_table("set"));
    entry.origin = table.origin("name");
    auto const each = table.optional_table("each");
    if (!each) {
        out.push_back(std::move(entry));
        return;
    }
    if (each->keys().size() != 1) {
        throw InputError{table.origin("each"), "must have one key with a list of values"};
    }
    auto const key = each->keys().front();
    if (each->value_texts(key).empty()) {
        throw InputError{each->origin(key), "has no values", "Give one at least, or leave out each"};
    }
    for (auto const& value : each->value_texts(key)) {
        out.push_back(entry);
        out.back().name = with_value(entry.name, value);
        out.back().set.push_back({key, value, {{key, each->origin(key)}}});
    }
}

template <class Entry>
void check_names(std::vector<Entry> const& entries, io::TomlTable const& table, std::string_view key) {
    if (entries.empty()) {
        throw InputError{table.origin(key), "is missing", "A study needs [[cases]] and [[candidates]]"};
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (entries[i].name == entries[j].name) {
                throw InputError{entries[i].origin, fmt::format("a second \"{}\"", entries[i].name)};
            }
        }
    }
}

std::size_t find_baseline(io::TomlTable const& table, std::vector<StudyCase> const& cases) {
    if (!table.has("baseline")) {
        return 0;
    }
    auto const name = table.text("baseline");
    auto const found = std::ranges::find(cases, name, &StudyCase::name);
    if (found == cases.end()) {
        std::vector<std::string> names;
        std::ranges::transform(cases, std::back_inserter(names), &StudyCase::name);
        throw InputError{table.origin("baseline"), fmt::format("there is no case \"{}\"", name),
                         suggestion(name, names)};
    }
    return static_cast<std::size_t>(found - cases.begin());
}

void read_search(io::TomlTable const& table, StudyCandidate& candidate) {
    auto const plan = table.text_or("plan", "as_written");
    if (plan != "search" && plan != "as_written") {
        throw InputError{table.origin("plan"), fmt::format("\"{}\" is neither search nor as_written", plan)};
    }
    candidate.searched = plan == "search";
    if (table.has("chips")) {
        if (!candidate.searched) {
            throw InputError{table.origin("chips"), "is for plan = \"search\"",
                             "Say it in set: \"pools[0].chips\" = 1024"};
        }
        candidate.chips = table.counts("chips", 0);
        candidate.chips_origin = table.origin("chips");
        if (std::ranges::count(candidate.chips, 0) == std::ssize(candidate.chips)) {
            throw InputError{candidate.chips_origin, "leaves no chips to search with"};
        }
    }
}

/// The mistake itself where it stands in the study; one of a scenario with the case that came upon it.
InputError in_study(Study const& study, StudyOption const& option, InputError const& error) {
    if (error.origin().file == study.file) {
        return error;
    }
    return InputError{
        study.candidates[option.candidate].origin,
        fmt::format("in the case \"{}\": {}", study.cases[option.study_case].name, error.what())};
}

/// Where so many chips of each pool come from.
Means means_with(Scenario const& scenario, std::vector<int> const& chips, Facts const& facts) {
    auto used = scenario;
    for (std::size_t i = 0; i < used.pools.size(); ++i) {
        used.pools[i].chips = chips[i];
    }
    std::erase_if(used.pools, [](Pool const& pool) { return pool.chips == 0; });
    return check_regime(io::parse_toml(scenario.text, scenario.file, scenario.overrides), used, facts);
}

/// The most that the candidate lets a search use. The plan that the file may have says how the software works, not on how
/// many chips.
void ask_for_chips(StudyCandidate const& candidate, Scenario& scenario) {
    if (candidate.chips.empty()) {
        return;
    }
    if (candidate.chips.size() != scenario.pools.size()) {
        throw InputError{candidate.chips_origin, fmt::format("lists {} numbers for {} pools",
                                                             candidate.chips.size(), scenario.pools.size())};
    }
    for (std::size_t i = 0; i < scenario.pools.size(); ++i) {
        auto& pool = scenario.pools[i];
        auto const& [cluster, node] = std::tie(pool.cluster, pool.cluster.node);
        auto const most = hardware::chips_of(cluster) - pool.spare_nodes * node.chips;
        if (candidate.chips[i] > most) {
            throw InputError{candidate.chips_origin,
                             fmt::format("{} chips for pool {}, but its cluster {} has {} only",
                                         candidate.chips[i], pool.name, cluster.id, most)};
        }
        pool.chips = candidate.chips[i];
    }
    drop_empty_pools(scenario);
}

/// Of the chips that a search may use, those that can be had; what keeps some of them away is no end of the search.
void limit_chips(StudyOption& option, Facts const& facts) {
    auto& s = *option.scenario;
    auto const table = io::parse_toml(s.text, s.file, s.overrides);
    auto offered = offered_chips(table, s, facts);
    option.fewer = std::move(offered.fewer);
    for (std::size_t i = 0; i < s.pools.size(); ++i) {
        s.pools[i].chips = offered.chips[i];
    }
    drop_empty_pools(s);
    if (s.pools.empty()) {
        option.refused = fmt::format("{}", fmt::join(option.fewer, "; "));
        option.fewer.clear(); // told already
        option.scenario.reset();
        return;
    }
    s.means = check_regime(table, s, facts);
}

StudyOption read_option(Study const& study, StudyOption option, Facts const& facts) {
    auto const& study_case = study.cases[option.study_case];
    auto const& candidate = study.candidates[option.candidate];
    auto overrides = study.common;
    overrides.insert(overrides.end(), candidate.set.begin(), candidate.set.end());
    overrides.insert(overrides.end(), study_case.set.begin(), study_case.set.end());
    try {
        option.scenario = read_scenario(candidate.file, overrides, facts,
                                        candidate.searched ? PlanNeed::searched : PlanNeed::needed);
        if (!option.scenario->economics) {
            throw InputError{candidate.origin, "has no [economics], so that nothing can be compared",
                             "Put it under [common]"};
        }
        if (candidate.searched) {
            ask_for_chips(candidate, *option.scenario);
            limit_chips(option, facts);
        }
    } catch (NotAllowed const& refusal) {
        option.refused = refusal.reason();
    } catch (InputError const& error) {
        throw in_study(study, option, error);
    }
    return option;
}

} // namespace

Study read_study(std::string const& path) {
    auto const table = io::read_toml_file(path);
    Study study{.file = path,
                .name = table.text("name"),
                .description = table.text_or("description", ""),
                .assumptions = {},
                .common = overrides_in(table.optional_table("common")),
                .cases = {},
                .candidates = {},
                .baseline = 0,
                .days = {},
                .seed = static_cast<std::uint64_t>(table.integer_or("seed", 1, 0))};
    if (table.has("days")) {
        study.days = table.number("days");
        if (!(*study.days > 0.0)) {
            throw InputError{table.origin("days"), "must be above zero"};
        }
    }
    if (table.has("assumptions")) {
        study.assumptions = table.texts("assumptions");
    }
    for (auto const& entry : table.tables("cases")) {
        add_each(entry, StudyCase{}, study.cases);
        entry.reject_unknown_keys();
    }
    for (auto const& entry : table.tables("candidates")) {
        auto const file = std::filesystem::path{path}.parent_path() / entry.text("scenario");
        StudyCandidate candidate;
        candidate.file = file.string();
        read_search(entry, candidate);
        add_each(entry, candidate, study.candidates);
        entry.reject_unknown_keys();
    }
    check_names(study.cases, table, "cases");
    check_names(study.candidates, table, "candidates");
    study.baseline = find_baseline(table, study.cases);
    table.reject_unknown_keys();
    return study;
}

std::vector<StudyOption> options_of(Study const& study, Facts const& facts) {
    std::vector<StudyOption> out;
    for (std::size_t c = 0; c < study.cases.size(); ++c) {
        for (std::size_t k = 0; k < study.candidates.size(); ++k) {
            out.push_back(read_option(study,
                                      {.study_case = c,
                                       .candidate = k,
                                       .scenario = {},
                                       .refused = {},
                                       .fewer = {},
                                       .plan = {},
                                       .found = {},
                                       .training = {},
                                       .spending = {}},
                                      facts));
        }
    }
    return out;
}

void price_option(StudyOption& option, Study const& study, Facts const& facts) {
    try {
        option.spending = spending_of(*option.scenario, *option.training, facts);
    } catch (InputError const& error) {
        throw in_study(study, option, error);
    }
}

StudyOption with_plan(StudyOption option, FoundPlan const& found, Facts const& facts) {
    option.found = found.text;
    option.scenario->plan = found.plan;
    try {
        option.scenario->means = means_with(*option.scenario, found.chips, facts);
    } catch (NotAllowed const& refusal) {
        option.refused = refusal.reason();
        option.scenario.reset();
    }
    return option;
}

std::string simulation_key(StudyOption const& option) {
    auto const& scenario = *option.scenario;
    return scenario.file + "\n" +
           io::parse_toml(scenario.text, scenario.file, scenario.overrides)
               .canonical_text({"name", "description", "assumptions", "published", "regime", "fleet",
                                "economics", "prices", "currency", "exchange_year"}) +
           option.found;
}

std::string_view name_of(Objective objective) {
    return objective == Objective::cheapest ? "cheapest" : "fastest";
}

StudyOption const* best_of(std::vector<StudyOption> const& options, std::size_t study_case,
                           Objective objective) {
    auto const which = objective == Objective::cheapest ? economics::Total::cost : economics::Total::time;
    StudyOption const* best = nullptr;
    for (auto const& option : options) {
        if (option.study_case != study_case || !option.refused.empty()) {
            continue;
        }
        expects(option.spending.has_value(), "an option that can be done has its bill");
        if (!best || total(option.spending->bill, which) < total(best->spending->bill, which)) {
            best = &option;
        }
    }
    return best;
}

} // namespace moesaic::scenario
