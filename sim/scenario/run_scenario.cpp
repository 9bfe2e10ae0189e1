#include "scenario/run_scenario.hpp"

#include "economics/exchange_rates.hpp"
#include "economics/price_book.hpp"
#include "economics/token_cost.hpp"
#include "engine/simulate.hpp"
#include "engine/split_batch.hpp"
#include "scenario/join_pools.hpp"
#include "scenario/local_sgd.hpp"
#include "scenario/time_to_train.hpp"
#include "timing/timing_table.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>
#include <set>

namespace moesaic::scenario {

namespace {

std::string kind_text(parallel::Plan const& plan, parallel::ReplicaKind const& kind) {
    std::vector<std::string> tensor;
    std::vector<std::string> recompute;
    std::vector<std::string> precision;
    auto const note = [](std::vector<std::string>& seen, std::string value) {
        if (std::ranges::find(seen, value) == seen.end()) {
            seen.push_back(std::move(value));
        }
    };
    for (auto const& group : kind.stage_groups) {
        note(tensor, fmt::format("{}", group.tensor));
        note(recompute, group.recompute_share < 1.0
                            ? fmt::format("{} of {:.1f} % of the layers", name_of(group.recompute),
                                          100.0 * group.recompute_share)
                            : std::string{name_of(group.recompute)});
        note(precision, fmt::format("{}{}", name_of(group.precision.gemm),
                                    model::has_wider(group.precision) ? " (wider in part)" : ""));
    }
    auto const apart = [&]() -> std::string {
        if (!kind.apart) {
            return "";
        }
        auto const many = stages_of(kind);
        return fmt::format(" ({} with attention, {} with experts, {} micro-batches in turn)",
                           chips_of(kind) - many * expert_ranks_of_stage(kind),
                           many * expert_ranks_of_stage(kind), kind.apart->batches_in_turn);
    };
    return fmt::format("{} chips{}, tp {}, pp {}, ep {}, dp {}, {} x {} sequences, {}, recompute {}, {}",
                       chips_of(kind), apart(), fmt::join(tensor, "/"), stages_of(kind), kind.expert,
                       kind.replicas, kind.micro_batches.value_or(0), kind.micro_batch,
                       name_of(plan.schedule), fmt::join(recompute, "/"), fmt::join(precision, "/"));
}

} // namespace

timing::Timings load_timings(Scenario const& scenario, std::string const& data_folder,
                             std::vector<std::string> const& further, bool shipped) {
    timing::Timings timings;
    timings.read_catalogue(data_folder + "/platforms");
    std::vector<std::string> sources;
    if (shipped) {
        sources.push_back(data_folder + "/platforms/timings");
    }
    sources.insert(sources.end(), scenario.timings.begin(), scenario.timings.end());
    sources.insert(sources.end(), further.begin(), further.end());
    for (auto const& source : sources) {
        for (auto const& table : timing::tables_at(source)) {
            timings.load(table);
        }
    }
    return timings;
}

parallel::Calibration load_calibration(std::string const& data_folder, std::string const& file) {
    if (file == parallel::no_constants) {
        auto out = load_calibration(data_folder);
        out.constants.clear();
        return out;
    }
    return parallel::read_calibration(
        io::read_toml_file(file.empty() ? data_folder + "/platforms/calibration.toml" : file));
}

hardware::Topology topology_of(Scenario const& scenario) {
    check_joined(scenario);
    std::vector<hardware::TopologyPool> pools;
    std::ranges::transform(scenario.pools, std::back_inserter(pools),
                           [](Pool const& pool) { return hardware::TopologyPool{pool.cluster, pool.chips}; });
    return hardware::Topology{std::move(pools), scenario.site_links};
}

std::string plan_text(parallel::Plan const& plan) {
    std::vector<std::string> kinds;
    for (auto const& kind : plan.kinds) {
        kinds.push_back((plan.kinds.size() > 1 ? kind.name + ": " : "") + kind_text(plan, kind));
    }
    return fmt::format("{}", fmt::join(kinds, " + "));
}

std::string short_plan_text(parallel::Plan const& plan) {
    auto const each = [&](auto const& number) {
        std::vector<int> numbers;
        std::ranges::transform(plan.kinds, std::back_inserter(numbers), number);
        bool const alike = std::ranges::adjacent_find(numbers, std::not_equal_to{}) == numbers.end();
        return fmt::format("{}", fmt::join(alike ? std::vector{numbers.front()} : numbers, "+"));
    };
    std::vector<int> chips;
    std::ranges::transform(plan.kinds, std::back_inserter(chips), parallel::chips_of);
    auto const tensor = [](parallel::ReplicaKind const& kind) { return kind.stage_groups.front().tensor; };
    return fmt::format("{}: tp{} pp{} ep{} dp{} m{}", fmt::join(chips, "+"), each(tensor),
                       each(parallel::stages_of), each([](auto const& kind) { return kind.expert; }),
                       each([](auto const& kind) { return kind.replicas; }),
                       each([](auto const& kind) { return kind.micro_batches.value_or(0); }));
}

namespace {

/// Rent of all chips that the program uses, for a trillion tokens.
std::optional<Money> cost_of(std::optional<economics::CostTerms> const& terms, Scenario const& scenario,
                             parallel::Program const& program, Seconds step) {
    if (!terms) {
        return std::nullopt;
    }
    std::vector<economics::PoolUse> pools;
    for (auto const& rank_class : program.classes) {
        auto const& pool = scenario.pools[static_cast<std::size_t>(rank_class.pool.index())];
        pools.push_back({pool.cluster.node.chip.id, rank_class.members.count});
    }
    return economics::cost_of_tokens(Tokens{1e12}, {program.tokens, step}, pools, *terms).cost;
}

/// Those of single parts and of layers at the ends too: each takes the constant of its own.
std::vector<Dtype> formats_of_products(model::Precision const& precision) {
    std::vector<Dtype> out{precision.gemm};
    for (std::size_t part = 0; part < model::product_parts; ++part) {
        out.push_back(format_of(precision, static_cast<model::ProductPart>(part)));
    }
    if (precision.first_wide + precision.last_wide > 0) {
        out.push_back(precision.activations);
    }
    return out;
}

/// Of the chips and formats that the plan uses, the least known one's.
double model_error(parallel::Job const& job, parallel::Calibration const& calibration) {
    double most = 0.0;
    auto const look = [&](int pool, model::Precision const& precision) {
        auto const& chip = job.topology.pool(PoolId{pool}).cluster.node.chip;
        for (auto const format : formats_of_products(precision)) {
            most = std::max(most,
                            calibration.error_of(chip, format, job.plan.practice, job.model.moe.has_value()));
        }
    };
    for (auto const& kind : job.plan.kinds) {
        for (auto const& group : kind.stage_groups) {
            look(group.pool, group.precision);
        }
        for (auto const& place : kind.apart ? kind.apart->places : std::vector<parallel::ExpertRanks>{}) {
            look(place.pool, place.precision);
        }
    }
    return most;
}

/// Plans on the same chips share the model's error: it cancels where they are compared.
std::string chips_text(Scenario const& scenario) {
    std::set<std::string> chips;
    for (auto const& pool : scenario.pools) {
        chips.insert(pool.cluster.node.chip.id);
    }
    return fmt::format("{}", fmt::join(chips, " + "));
}

std::vector<results::PoolNetwork> networks_of(Scenario const& scenario, hardware::Topology const& topology) {
    std::vector<results::PoolNetwork> out;
    for (std::size_t i = 0; i < scenario.pools.size(); ++i) {
        out.push_back(
            {scenario.pools[i].name, hardware::summarize_tiers(topology, PoolId{static_cast<int>(i)})});
    }
    return out;
}

} // namespace

std::optional<economics::CostTerms> cost_terms_of(Scenario const& scenario, Facts const& facts) {
    if (scenario.price_book.empty()) {
        return std::nullopt;
    }
    auto const& book = facts.price_book(scenario.price_book, scenario.price_origin);
    auto const& first = scenario.pools.front().cluster.node.chip.id;
    auto const currency = scenario.currency.empty()
                              ? economics::rent_of(book, first, scenario.price_origin).amount.value.currency
                              : scenario.currency;
    return economics::CostTerms{book, facts.exchange_rates(), currency, scenario.exchange_year,
                                scenario.price_origin};
}

void load_facts(Scenario const& scenario, Facts const& facts) {
    (void)facts.calibration();
    if (!scenario.price_book.empty() || scenario.economics) {
        (void)facts.exchange_rates();
    }
    if (!scenario.price_book.empty()) {
        (void)facts.price_book(scenario.price_book, scenario.price_origin);
    }
}

results::Run run_scenario(Scenario const& scenario, Facts const& facts, RunOptions const& options) {
    auto const begin = std::chrono::steady_clock::now();
    auto const timings = load_timings(scenario, facts.folder(), options.timings, !options.timings_alone);
    auto run = run_scenario(scenario, timings, facts, options);
    run.simulation_wall =
        Seconds{std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()};
    return run;
}

results::Run run_scenario(Scenario const& scenario, timing::Timings const& timings, Facts const& facts,
                          RunOptions const& options) {
    auto const begin = std::chrono::steady_clock::now();
    auto const topology = topology_of(scenario);
    auto const calibration = !options.calibrated ? parallel::Calibration{}
                             : options.calibration_file.empty()
                                 ? facts.calibration()
                                 : load_calibration(facts.folder(), options.calibration_file);
    auto const job_with = [&](parallel::Plan const& plan) {
        return parallel::Job{scenario.model, plan, scenario.shape, topology, timings, &calibration};
    };
    auto const with_experts = parallel::settle_experts(job_with(scenario.plan));
    auto const recomputing = parallel::settle_recompute(job_with(with_experts));
    auto const plan = engine::split_batch(job_with(recomputing));
    auto const job = job_with(plan);

    results::Run run;
    run.scenario = scenario.name;
    run.plan = plan_text(plan);
    run.short_plan = short_plan_text(plan);
    run.memory = parallel::memory_of_classes(job);
    run.networks = networks_of(scenario, topology);
    run.misfit = parallel::misfit(run.memory);
    if (!run.misfit || options.beyond_memory) {
        auto program = parallel::build_program(job);
        engine::SimulationOptions const how{
            .keep_events = options.keep_events,
            .fold = scenario.simulation.fold,
            .perturbations = perturbations_of(scenario.simulation, topology, scenario.seed),
            .sharing = options.sharing};
        auto const with_meeting = plan.local_sgd ? std::optional{step_with_meeting(job, how)} : std::nullopt;
        run.timeline = engine::simulate(program, topology, timings, how);
        if (with_meeting) {
            run.meetings = add_meetings(job, program, *with_meeting, run.timeline);
        }
        auto const error = model_error(job, calibration);
        run.metrics = results::metrics_of(program, run.timeline, topology, error);
        run.training = time_to_train(scenario, job, program, run.timeline);
        run.training->step_errors["model of " + chips_text(scenario)] = error;
        if (scenario.economics) {
            run.spending = spending_of(scenario, *run.training, facts);
            auto const& bill = run.spending->bill;
            run.cost_per_trillion_tokens =
                Money{total(bill, economics::Total::cost) * (1e12 / scenario.tokens.value()), bill.currency};
        } else {
            run.cost_per_trillion_tokens =
                cost_of(cost_terms_of(scenario, facts), scenario, program, run.timeline.step);
        }
        if (options.keep_events) {
            run.program = std::move(program);
        }
    }
    run.simulation_wall =
        Seconds{std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()};
    return run;
}

} // namespace moesaic::scenario
