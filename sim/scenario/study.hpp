#pragma once
#include "results/run.hpp"
#include "scenario/scenario.hpp"

#include <optional>
#include <string>
#include <vector>

/// What-if studies: the same training in several worlds, each time with the best of the plans that the study names.
namespace moesaic::scenario {

/// A world: rules, fleet and prices that differ from the study's common ones.
struct StudyCase {
    std::string name;
    std::vector<io::TomlOverride> set;
    Origin origin;
};

/// A way to do the training: a scenario, perhaps with other values.
struct StudyCandidate {
    std::string name;
    std::string file;
    std::vector<io::TomlOverride> set;
    Origin origin;
    bool searched = false; ///< the planner chooses the plan and how many chips of each pool it uses
    std::vector<int>
        chips; ///< of each pool, that a search may use; 0 = none of it; empty = those of the scenario
    Origin chips_origin{};
};

struct Study {
    std::string file;
    std::string name;
    std::string description;
    std::vector<std::string> assumptions;
    std::vector<io::TomlOverride> common; ///< of every scenario, in place of its own
    std::vector<StudyCase> cases;
    std::vector<StudyCandidate> candidates;
    std::size_t baseline = 0;   ///< of the cases: what the others are compared with
    std::optional<double> days; ///< that a training may take, counted from the regime's date
    std::uint64_t seed = 1;     ///< of the draws behind the intervals
};

/// name, description, assumptions, baseline (a case's name; the first if left out), days (most), seed, and
///     [common]        tables and keys of scenario files: regime, fleet, economics, prices, reliability, …
///     [[cases]]       name, set = { "regime.date" = "2023-11-01" }
///     [[candidates]]  name, scenario (relative to the study), set, plan = "search" or "as_written" (the default)
///                     chips = [2000, 4096]: most of each pool that a search may use, 0 = it is not used
/// A case or candidate with each = { "path" = [a, b] } stands for one with every value; {} in its name is the value.
/// @throws InputError also for two of one name
[[nodiscard]] Study read_study(std::string const& path);

/// One way in one world.
struct StudyOption {
    std::size_t study_case = 0;
    std::size_t candidate = 0;
    std::optional<Scenario> scenario; ///< none where the rules or the fleet refuse its chips
    std::string refused;              ///< why it cannot be done; empty = it can
    std::vector<std::string> fewer;   ///< why a search had fewer chips of a pool than it may use, or none
    std::string plan;                 ///< in short
    std::string found;                ///< the plan that a search chose, in full; empty = as written
    std::optional<results::TrainingTime> training;
    std::optional<results::Spending> spending;
};

/// What a planner chose.
struct FoundPlan {
    parallel::Plan plan;
    std::vector<int> chips; ///< by pool
    std::string text;       ///< of the plan, in full
    Seconds step;
};

/// This way with the plan that a planner chose. Only the chips that it uses are got and paid for.
[[nodiscard]] StudyOption with_plan(StudyOption option, FoundPlan const& found, Facts const& facts);

/// All candidates in all cases, read, in the order of the study. Which simulation an option needs follows from its
/// scenario apart from rules, fleet and prices: see simulation_key().
/// A searched candidate has as many chips of each pool as the rules and the fleet of the case give of those that it may use.
/// @throws InputError at the case or candidate whose values are wrong
[[nodiscard]] std::vector<StudyOption> options_of(Study const& study, Facts const& facts);

/// The bill of an option whose training is known. @throws InputError as options_of() does, for prices that are missing
void price_option(StudyOption& option, Study const& study, Facts const& facts);

/// Equal for options with the same training.
[[nodiscard]] std::string simulation_key(StudyOption const& option);

enum class Objective { cheapest, fastest };
[[nodiscard]] std::string_view name_of(Objective objective);
/// Of the options of the case that can be done; null where none can.
[[nodiscard]] StudyOption const* best_of(std::vector<StudyOption> const& options, std::size_t study_case,
                                         Objective objective);

} // namespace moesaic::scenario
