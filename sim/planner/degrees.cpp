#include "planner/degrees.hpp"

#include "base/overloaded.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace moesaic::planner {

using namespace parallel;

namespace {

std::vector<int> or_else(std::vector<int> const& chosen, std::vector<int> const& otherwise) {
    return chosen.empty() ? otherwise : chosen;
}

std::vector<int> powers_of_two(int most) {
    std::vector<int> out;
    for (int n = 1; n <= most; n *= 2) {
        out.push_back(n);
    }
    return out;
}

std::vector<int> divisors(int number) {
    std::vector<int> out;
    for (int n = 1; n <= number; ++n) {
        if (number % n == 0) {
            out.push_back(n);
        }
    }
    return out;
}

std::vector<int> smooth_numbers(int most) {
    std::vector<int> out;
    for (int n = 1; n <= most; ++n) {
        int rest = n;
        for (int const prime : {2, 3, 5}) {
            while (rest % prime == 0) {
                rest /= prime;
            }
        }
        if (rest == 1) {
            out.push_back(n);
        }
    }
    return out;
}

/// The schedule as asked for, and with hidden exchanges where it has such a form.
std::vector<Schedule> forms_of(Schedule const& schedule, std::vector<bool> const& paired) {
    auto const wanted = [&](bool value) {
        return paired.empty() || std::ranges::find(paired, value) != paired.end();
    };
    auto const both = [&](auto form) {
        std::vector<Schedule> out;
        for (bool const value : {false, true}) {
            if (wanted(value)) {
                form.paired = value;
                out.emplace_back(form);
            }
        }
        return out;
    };
    return std::visit(overloaded{[&](OneFOneB s) { return both(s); }, [&](Interleaved s) { return both(s); },
                                 [&](DualPipe s) { return both(s); }, [&](DualPipeV s) { return both(s); },
                                 [&](auto const& s) {
                                     return wanted(false) ? std::vector<Schedule>{s}
                                                          : std::vector<Schedule>{};
                                 }},
                      schedule);
}

std::vector<int> ascending_once(std::vector<int> values) {
    std::ranges::sort(values);
    auto const repeated = std::ranges::unique(values);
    values.erase(repeated.begin(), repeated.end());
    return values;
}

/// Of [search], else the usual values and those of the scenario's own plan, ascending.
std::vector<int> tried(std::vector<int> const& asked, std::vector<int> usual, scenario::Scenario const& s,
                       std::function<int(ReplicaKind const&)> const& own) {
    if (!asked.empty()) {
        return asked;
    }
    std::ranges::transform(s.plan.kinds, std::back_inserter(usual), own);
    return ascending_once(std::move(usual));
}

std::vector<Schedule> schedules_of(scenario::Scenario const& s) {
    auto const asked = s.search.schedules.empty() ? std::vector<Schedule>{OneFOneB{},
                                                                          Interleaved{.chunks = 2},
                                                                          Interleaved{.chunks = 4},
                                                                          ZeroBubbleH1{},
                                                                          DualPipe{},
                                                                          DualPipeV{}}
                                                  : s.search.schedules;
    auto const paired = s.model.moe ? s.search.overlap_exchange : std::vector<bool>{false}; // nothing to hide
    std::vector<Schedule> out;
    for (auto const& schedule : asked) {
        auto const forms = forms_of(schedule, paired);
        out.insert(out.end(), forms.begin(), forms.end());
    }
    return out;
}

std::vector<Recompute> recompute_of(scenario::Scenario const& s) {
    if (!s.search.recompute.empty()) {
        return s.search.recompute;
    }
    if (!s.plan.fused_attention) {
        return {Recompute::none, Recompute::selective, Recompute::full};
    }
    if (std::holds_alternative<model::Mla>(s.model.attention)) {
        return {Recompute::none, Recompute::pointwise, Recompute::up_projections, Recompute::full};
    }
    return {Recompute::none, Recompute::pointwise, Recompute::full};
}

/// A degree of the scenario's own plan over which the experts do not divide is for whoever runs that plan to refuse.
std::vector<int> expert_degrees(scenario::Scenario const& s) {
    auto const divide = divisors(s.model.moe ? s.model.moe->experts : 1);
    auto out = tried(s.search.expert, divide, s, &ReplicaKind::expert);
    std::erase_if(out, [&](int degree) { return !std::ranges::binary_search(divide, degree); });
    return out;
}

/// As many ranks as divide a sequence, each with 4,096 tokens or more unless the search or the scenario's own plan asks.
std::vector<int> context_degrees(scenario::Scenario const& s) {
    constexpr std::int64_t least_tokens = 4096;
    auto const most = s.plan.fused_attention ? static_cast<int>(s.shape.sequence_length / least_tokens) : 1;
    auto out = tried(s.search.context, powers_of_two(std::max(1, most)), s, &ReplicaKind::context);
    std::erase_if(out, [&](int degree) { return s.shape.sequence_length % degree != 0; });
    return out;
}

} // namespace

Degrees degrees_of(scenario::Scenario const& s) {
    auto const& search = s.search;
    int chips = 0;
    for (auto const& pool : s.pools) {
        chips = std::max(chips, pool.chips);
    }
    return {.context = context_degrees(s),
            .expert = expert_degrees(s),
            .pipeline = tried(search.pipeline, smooth_numbers(s.model.layers), s, stages_of),
            .micro_batch = tried(search.micro_batch, {1, 2, 4, 8}, s, &ReplicaKind::micro_batch),
            .replicas = tried(search.replicas, smooth_numbers(chips), s, &ReplicaKind::replicas),
            .zero = or_else(search.zero, {1, 2, 3}),
            .schedules = schedules_of(s),
            .recompute = recompute_of(s)};
}

std::vector<CommonDegrees> common_degrees(Degrees const& degrees) {
    std::vector<CommonDegrees> out;
    for (int const context : degrees.context) {
        for (int const expert : degrees.expert) {
            for (int const micro_batch : degrees.micro_batch) {
                out.push_back({context, expert, micro_batch});
            }
        }
    }
    return out;
}

std::vector<int> tensor_degrees(Problem const& problem, int pool) {
    auto const& s = problem.scenario;
    if (!s.search.tensor.empty()) {
        return s.search.tensor;
    }
    auto out = powers_of_two(problem.node(pool).chips);
    for (auto const& kind : s.plan.kinds) {
        for (auto const& group : kind.stage_groups) {
            if (group.pool == pool) {
                out.push_back(group.tensor);
            }
        }
    }
    return ascending_once(std::move(out));
}

bool fills_nodes(int ranks, int chips_per_node) {
    return ranks % chips_per_node == 0 || chips_per_node % ranks == 0;
}

} // namespace moesaic::planner
