#include "scenario/time_to_train.hpp"

#include "engine/split_batch.hpp"
#include "engine/step_bound.hpp"
#include "io/unit_text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::scenario {

namespace {

Seconds bound_of(parallel::Job const& job, parallel::Program const& program) {
    return engine::step_bound(program, job.topology, job.timings);
}

/// The lower bound of a step with another batch.
Seconds bound_with_batch(parallel::Job const& job, int global_batch) {
    auto plan = job.plan;
    for (auto& kind : plan.kinds) {
        kind.micro_batches.reset();
    }
    if (plan.kinds.size() == 1) {
        auto& kind = plan.kinds.front();
        kind.micro_batches = global_batch / (kind.replicas * kind.micro_batch);
    }
    auto shape = job.shape;
    shape.global_batch = global_batch;
    auto const unsplit = parallel::Job{job.model, plan, shape, job.topology, job.timings, job.calibration};
    auto const split = engine::split_batch(unsplit);
    auto const whole = parallel::Job{job.model, split, shape, job.topology, job.timings, job.calibration};
    return bound_of(whole, parallel::build_program(whole));
}

std::vector<results::TrainingPhase> phases_of(Scenario const& scenario, parallel::Job const& job,
                                              parallel::Program const& program, Seconds step) {
    auto const length = static_cast<double>(scenario.shape.sequence_length);
    std::vector<results::TrainingPhase> out;
    Tokens done;
    // what a step takes beyond its bound does not grow with the batch: gradients that nothing hides, waiting at its ends
    auto const full = scenario.batch_ramp.empty() ? step : bound_of(job, program);
    for (auto const& ramp : scenario.batch_ramp) {
        out.push_back({ramp.global_batch, (ramp.until - done).value() / (ramp.global_batch * length),
                       bound_with_batch(job, ramp.global_batch) + (step - full)});
        done = ramp.until;
    }
    out.push_back({scenario.shape.global_batch,
                   (scenario.tokens - done).value() / (scenario.shape.global_batch * length), step});
    return out;
}

/// Chips of each kind that compute, on average over the step.
std::map<std::string, double> busy_chips(parallel::Job const& job, parallel::Program const& program,
                                         engine::Timeline const& timeline) {
    std::map<std::string, double> out;
    for (std::size_t i = 0; i < program.classes.size(); ++i) {
        auto const& rank_class = program.classes[i];
        out[job.topology.pool(rank_class.pool).cluster.node.chip.id] +=
            static_cast<double>(rank_class.members.count) * (timeline.classes[i].compute / timeline.step);
    }
    return out;
}

economics::BillTerms terms_of(Scenario const& scenario, Facts const& facts) {
    auto const& [hosting, purchases, power_price, asked_at, purchases_at] = *scenario.economics;
    economics::BillTerms terms{.hosting = economics::find_hosting(facts.platforms(), hosting, asked_at),
                               .purchases = {},
                               .rents = {},
                               .rates = facts.exchange_rates(),
                               .currency = scenario.currency,
                               .exchange_year = scenario.exchange_year,
                               .asked_at = scenario.currency_origin};
    for (auto const& id : purchases) {
        terms.purchases.push_back(facts.price_book(id, purchases_at));
    }
    if (!scenario.price_book.empty()) {
        terms.rents = facts.price_book(scenario.price_book, scenario.price_origin);
    }
    if (terms.currency.empty()) {
        terms.currency = terms.hosting.power_price.value.currency;
    }
    if (power_price) { // certain, as the scenario says it
        terms.hosting.power_price = {
            *power_price, "set in the scenario", hardware::Confidence::estimate, {}, {}};
    }
    return terms;
}

/// Of all chips of a kind, spare ones included, the share that computes.
std::map<std::string, double> busy_shares(std::vector<economics::Lot> const& lots,
                                          std::map<std::string, double> const& busy_chips) {
    std::map<std::string, double> out;
    for (auto const& lot : lots) {
        out[lot.chip.id] += static_cast<double>(lot.chips);
    }
    for (auto& [chip, share] : out) {
        auto const busy = busy_chips.find(chip);
        share = busy == busy_chips.end() ? 0.0 : std::min(1.0, busy->second / share);
    }
    return out;
}

constexpr double most_interruptions = 1e7; // what is played within seconds

/// A job that fails faster than it saves gets nowhere, and would be played for ever.
void check_course(Reliability const& reliability, Seconds useful, std::int64_t chips) {
    auto const& [failures, checkpoints, source, origin] = reliability;
    auto const expected = economics::expected_course(useful, failures, checkpoints, chips);
    auto const days = useful.value() / (24.0 * seconds_per_hour);
    if (!(expected.checkpoints <= most_interruptions)) {
        throw InputError{
            origin,
            fmt::format("{:.4g} days of training would save {:.2g} checkpoints, more than {:.0g}", days,
                        expected.checkpoints, most_interruptions),
            "Give a longer checkpoint_interval"};
    }
    if (!(expected.failures <= most_interruptions)) {
        throw InputError{origin,
                         fmt::format("the training does not come to its end: {} chips fail every {}, so that "
                                     "its {:.4g} undisturbed days would see {:.2g} failures",
                                     chips, io::text_of(economics::job_mtbf(failures, chips)), days,
                                     expected.failures),
                         "Fewer failures, faster or more frequent checkpoints, or a shorter training; "
                         "without [reliability] "
                         "the step alone is simulated"};
    }
}

} // namespace

results::TrainingTime time_to_train(Scenario const& scenario, parallel::Job const& job,
                                    parallel::Program const& program, engine::Timeline const& timeline) {
    results::TrainingTime out{.phases = phases_of(scenario, job, program, timeline.step),
                              .undisturbed = {},
                              .played = {},
                              .step_errors = results::step_errors(timeline),
                              .busy_chips = busy_chips(job, program, timeline)};
    for (auto const& phase : out.phases) {
        out.undisturbed += phase.step * phase.steps;
    }
    if (scenario.reliability) {
        auto const& [failures, checkpoints, source, origin] = *scenario.reliability;
        check_course(*scenario.reliability, out.undisturbed, program.chips);
        out.played =
            economics::play_run(out.undisturbed, failures, checkpoints, program.chips, scenario.seed);
        auto const computing = (out.undisturbed + out.played->lost) / out.played->wall;
        for (auto& [chip, busy] : out.busy_chips) {
            busy *= computing;
        }
    }
    return out;
}

results::Spending spending_of(Scenario const& scenario, results::TrainingTime const& training,
                              Facts const& facts) {
    auto const terms = terms_of(scenario, facts);
    std::vector<economics::Lot> lots;
    std::ranges::transform(scenario.means.lots, std::back_inserter(lots), &export_control::AcquiredLot::lot);
    auto bill = economics::bill_of(lots,
                                   {.training = training.wall(),
                                    .waiting = scenario.means.waiting,
                                    .step_errors = training.step_errors,
                                    .busy = busy_shares(lots, training.busy_chips)},
                                   terms);
    results::Spending out{.lots = scenario.means.lots, .bill = std::move(bill), .budget = {}};
    for (std::size_t i = 0; i < lots.size(); ++i) {
        out.lots[i].lot = lots[i]; // bought or rented, as was chosen
    }
    if (auto const& budget = scenario.means.budget) {
        out.budget = economics::convert(*budget, terms.currency, terms.exchange_year, terms.rates,
                                        scenario.means.budget_origin);
    }
    return out;
}

std::map<std::string, Money> hourly_costs(Scenario const& scenario, Facts const& facts) {
    results::TrainingTime hour;
    hour.undisturbed = Seconds{seconds_per_hour};
    for (auto const& acquired : scenario.means.lots) {
        hour.busy_chips[acquired.lot.chip.id] += static_cast<double>(acquired.lot.chips);
    }
    auto const bill = spending_of(scenario, hour, facts).bill;
    std::map<std::string, Money> out;
    for (auto const& line : bill.lines) {
        using economics::Account;
        if (line.account == Account::use || line.account == Account::rent || line.account == Account::power) {
            auto const [at, is_new] = out.try_emplace(line.chip, Money{0.0, bill.currency});
            at->second.amount += line.amount / hour.busy_chips.at(line.chip);
        }
    }
    return out;
}

} // namespace moesaic::scenario
