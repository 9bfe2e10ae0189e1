#include "planner/closed_form.hpp"

#include "base/overloaded.hpp"
#include "parallel/layer_activations.hpp"
#include "parallel/memory.hpp"
#include "parallel/stage_setting.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

namespace moesaic::planner {

using namespace parallel;

void PlanRows::clear() {
    for (auto* column : {&stages, &micro_batches, &dense_sharers, &expert_sharers}) {
        column->clear();
    }
}

std::vector<double> lower_bounds(WholeModel const& whole, PlanRows const& rows) {
    using Column = Eigen::Map<Eigen::ArrayXd const>;
    auto const column = [&](std::vector<double> const& values) {
        return Column{values.data(), static_cast<Eigen::Index>(values.size())};
    };
    auto const p = column(rows.stages);
    auto const m = column(rows.micro_batches);
    std::vector<double> out(rows.size());
    Eigen::Map<Eigen::ArrayXd> bound{out.data(), static_cast<Eigen::Index>(out.size())};
    bound = (whole.turn / p * (m + whole.way / 2.0 * (p - 1.0)))
                .max(m / whole.ends * whole.layer_turn *
                     (whole.ends * static_cast<double>(whole.layers) / p).ceil());
    Eigen::ArrayXd const shared =
        whole.shared_dense / column(rows.dense_sharers) + whole.shared_expert / column(rows.expert_sharers);
    Eigen::ArrayXd const held = whole.held + shared;
    Eigen::ArrayXd places = p / (held + whole.kept); // layers that fit, per byte of room
    if (whole.flight > 0.0) {
        double const step = whole.kept * whole.flight;
        Eigen::ArrayXd const growing =
            p.min((m / whole.flight).ceil()); // stages before all micro-batches are in flight
        Eigen::ArrayXd const most = held + whole.kept * (growing * whole.flight).min(m);
        places = places.min((1.0 + step * growing / held).log() / step + (p - growing) / most);
    }
    if (whole.ends > 1.0) {
        places = places.min(p / (2.0 * whole.held + shared + whole.kept * p));
    }
    bound = (places * whole.room < whole.like_layers).select(std::numeric_limits<double>::infinity(), bound);
    return out;
}

namespace {

/// Weights and what belongs to them, of one layer on one rank.
void add_states(WholeModel& to, StageSetting const& s, int layer, int zero) {
    auto const held = weights_of_layer(s, layer);
    auto const trained = trained_weights_of_layer(s, layer);
    auto const state = state_bytes(s.plan, zero, s.group.precision);
    auto const add = [&](LayerWeights const& weights, double bytes, bool shared) {
        (shared ? to.shared_dense : to.held) += weights.dense * bytes;
        (shared ? to.shared_expert : to.held) += weights.expert * bytes;
    };
    add(held, state.weight, zero >= 3);
    add(trained, state.gradient, zero >= 2);
    add(trained, state.optimizer, zero >= 1);
}

/// Micro-batches in flight that each stage behind adds: one, two where they run as pairs (then f = 1, 3, 5, …, for whose
/// sums lower_bounds() holds too). DualPipeV: the k-th stage has at least k of both its parts in flight when it has warmed up.
double flight_of(Schedule const& schedule) {
    return std::visit(overloaded{[](OneFOneB s) { return s.paired ? 2.0 : 1.0; },
                                 [](Interleaved) { return 1.0; }, [](ZeroBubbleH1) { return 1.0; },
                                 [](DualPipeV) { return 1.0; }, [](auto const&) { return 0.0; }},
                      schedule);
}

/// Of the parts that the model has: forward (and what belongs to the way out) over the turn, the least.
double way_of(LocalTimes const& times, Content const& content, std::size_t recompute,
              Schedule const& schedule) {
    if (chunks_of(schedule) > 1) {
        return 0.0;
    }
    double least = 1.0;
    for (std::size_t i = 0; i < parts; ++i) {
        auto const time =
            content.count[i] > 0 ? stage_time(times.of_part(i, recompute), turns_of(schedule)) : StageTime{};
        if (time.turn > 0.0) {
            least = std::min(least, (time.forward + (drains(schedule) ? time.backward : 0.0)) / time.turn);
        }
    }
    return least;
}

/// Of the layers that the model has: where exchanges hide behind kernels a layer may be short of one and another of the
/// other, so that several together take less than as many of the shorter one.
Passes least_layer(LocalTimes const& times, Content const& content, std::size_t recompute) {
    std::optional<Passes> least;
    for (std::size_t kind = first_kind; kind < parts; ++kind) {
        if (content.count[kind] > 0) {
            auto const passes = times.of_part(kind, recompute);
            least = least ? least_of(*least, passes) : passes;
        }
    }
    return least.value_or(Passes{});
}

struct Alike {
    int first = 0;
    int count = 0;
};

/// The layers with the same mixer, the same kind of FFN and the same formats of which there are most: they hold and keep the same.
Alike most_alike(model::Model const& model, model::Precision const& precision) {
    std::map<std::tuple<std::size_t, bool, bool, int>, Alike> kinds;
    for (int layer = 0; layer < model.layers; ++layer) {
        std::tuple const kind{model::mixer_of(model, layer).index(), model::is_moe_layer(model, layer),
                              model::has_dense_ffn(model, layer),
                              model::formats_of_layer(precision, model, layer)};
        ++kinds.try_emplace(kind, Alike{layer, 0}).first->second.count;
    }
    return std::ranges::max_element(kinds, {}, [](auto const& kind) { return kind.second.count; })->second;
}

} // namespace

WholeModel whole_model(Problem const& problem, LayerTimes& times, Local const& local,
                       Schedule const& schedule, int zero) {
    auto const* found = times.find(local);
    expects(found != nullptr, "the model divides so");
    auto const& model = problem.scenario.model;
    auto const content = times.contents().whole();
    auto const turns = turns_of(schedule);
    auto const [layer, like_layers] = most_alike(model, precision_on(problem, local.pool));
    WholeModel out{.layers = model.layers, .like_layers = like_layers};
    out.turn = out.layer_turn = out.kept = std::numeric_limits<double>::infinity();
    out.way = 1.0;
    out.flight = flight_of(schedule);
    out.ends = std::holds_alternative<DualPipe>(schedule) ? 2.0 : 1.0;
    int const replicas = LayerTimes::span_of(local) / (local.tensor * local.context);
    for (std::size_t r = 0; r < times.recompute().size(); ++r) {
        out.turn = std::min(out.turn, found->of(content, r, turns).turn);
        out.way = std::min(out.way, way_of(*found, content, r, schedule));
        out.layer_turn = std::min(out.layer_turn, stage_time(least_layer(*found, content, r), turns).turn);
        auto const plan = plan_of_stage(problem, local, replicas, times.recompute()[r]);
        auto const& group = plan.kinds[0].stage_groups[0];
        RankSet const ranks{ChipIndex{0}, 1, LayerTimes::span_of(local)};
        StagePlace const place{0, 0, &group, PoolId{0}, ranks};
        auto const setting = stage_setting(model, plan, place, problem.scenario.shape.sequence_length);
        out.kept = std::min(out.kept, activation_bytes(setting, layer, times.recompute()[r]).value());
        if (r == 0) {
            add_states(out, setting, layer, zero);
            out.room =
                hardware::memory_of(problem.node(local.pool).chip).value() - plan.memory_reserve.value();
        }
    }
    return out;
}

} // namespace moesaic::planner
