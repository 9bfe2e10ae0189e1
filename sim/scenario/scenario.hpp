#pragma once
#include "base/date.hpp"
#include "economics/reliability.hpp"
#include "export_control/acquire.hpp"
#include "hardware/catalogue.hpp"
#include "hardware/topology.hpp"
#include "io/toml.hpp"
#include "model/model.hpp"
#include "model/routing.hpp"
#include "parallel/build_program.hpp"
#include "parallel/plan.hpp"
#include "scenario/facts.hpp"
#include "scenario/search_space.hpp"
#include "scenario/simulation_settings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::scenario {

/// How the chips of a pool came to the lab, where the rules of a date matter.
struct Acquired {
    std::optional<Date> owned_since;
    std::optional<std::string> rented_in; ///< country where they stand
    Origin origin;                        ///< where the scenario asks for them
};

/// Chips of one cluster that the plan may use.
struct Pool {
    std::string name;
    std::vector<std::string> other_names; ///< of further pools that are part of it, see read_scenario()
    hardware::Cluster cluster;
    int chips = 0;
    int spare_nodes = 0; ///< idle until a node fails
    Acquired acquired;
};

/// What somebody printed about this very run; shown beside the simulated figures, never used to compute them.
struct Published {
    std::string source;
    std::string record; ///< its id in a collection of published runs; empty = none
    std::string group;  ///< records of one source and machine
    std::string party;  ///< who submitted it to a benchmark
    std::string peer;   ///< another simulator that predicted it; empty = none
    std::optional<Seconds> peer_step_time;
    std::string metric; ///< what was printed, value and unit; the step time follows from it
    double value = 0.0;
    std::string unit;
    std::string step_time_from; ///< "measured", "converted" (units only) or "flops" (depends on a FLOP count)
    std::string flag;           ///< what is wrong with it by its collector; such are listed apart
    std::string doubt;          ///< why it may mislead; counted all the same
    std::optional<Money> cost_per_trillion_tokens;
    std::optional<double> chip_hours_per_trillion_tokens;
    std::optional<Seconds> step_time;
    std::optional<double> tokens_per_s;
    std::optional<double> mfu;
    std::optional<double> effective_training_time; ///< at least so much of the time was training
};

/// Failures and checkpoints over the whole training; leaves the step as it is.
struct Reliability {
    economics::FailureModel failures;
    economics::CheckpointModel checkpoints;
    std::string source;
    Origin origin{};
};

/// Steps with a smaller batch until so many tokens are trained.
struct BatchRamp {
    Tokens until;
    int global_batch = 0;
};

/// [economics]: what the training is paid with.
struct Economics {
    std::string hosting;                    ///< id
    std::vector<std::string> purchases;     ///< ids of price books, in the order in which they are asked
    std::optional<MoneyPerKwh> power_price; ///< in place of the hosting's
    Origin origin;                          ///< of the hosting
    Origin purchases_origin{};
};

/// What the lab can do it with: where its chips come from under the regime, and the money.
struct Means {
    std::vector<export_control::AcquiredLot> lots;
    std::optional<Money> budget;
    Origin budget_origin;
    Seconds waiting; ///< from the regime's date to the start of the training
};

/// One complete question: everything is read, found and checked.
struct Scenario {
    std::string file;
    std::string text; ///< the file as read
    std::vector<io::TomlOverride> overrides;
    std::string name;
    std::string description;
    std::vector<std::string> assumptions; ///< what the source leaves open and this file chose
    model::Model model;
    parallel::TrainingShape shape;
    Tokens tokens; ///< of the whole training
    std::vector<Pool> pools;
    std::vector<hardware::SiteLink> site_links;
    std::string software; ///< id in scenarios/software/; empty = today's usual practice, see parallel::Plan
    model::Precision precision; ///< of [training]; plans may say otherwise
    parallel::Plan plan;        ///< without kinds where the file has none and none is needed
    SearchSpace search;         ///< for the planner
    SimulationSettings simulation;
    std::optional<model::Routing> routing; ///< none = as the plan's expert_imbalance says
    std::vector<BatchRamp> batch_ramp;     ///< in order; then shape.global_batch
    std::optional<Economics> economics;
    Means means;
    std::string price_book; ///< id; empty = no cost
    std::string currency;   ///< of the cost; empty = that of the first pool's rent
    Origin currency_origin;
    int exchange_year = 0; ///< whose average rates convert rents in another currency
    Origin price_origin;
    std::optional<Reliability> reliability;
    std::optional<Published> published;
    std::vector<std::string> timings; ///< further tables, relative to the scenario file
    std::uint64_t seed = 1;
};

enum class PlanNeed {
    needed,   ///< [parallel] is there or it is an error
    optional, ///< the planner finds one
    searched ///< it also finds how many chips it uses: whether they can be had is not asked, and means are left empty
};

/// @param facts what the file refers to by id, or the folder with platforms/ and scenarios/
/// Pools that name the same cluster with the same figures and have no site link between them are one pool.
/// @throws InputError with file, line, column and field for anything that cannot be
[[nodiscard]] Scenario read_scenario(std::string const& path, std::vector<io::TomlOverride> const& overrides,
                                     Facts const& facts, PlanNeed need = PlanNeed::needed);

} // namespace moesaic::scenario
