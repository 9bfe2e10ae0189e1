#include "planner/layer_times.hpp"

#include "engine/step_bound.hpp"
#include "parallel/layer_blocks.hpp"
#include "planner/split.hpp"

#include <algorithm>
#include <numeric>

namespace moesaic::planner {

using namespace parallel;

namespace {

PassTime& operator+=(PassTime& sum, PassTime const& one) {
    sum.length += one.length;
    std::ranges::transform(sum.busy, one.busy, sum.busy.begin(), std::plus{});
    return sum;
}

PassTime operator*(PassTime const& one, double times) {
    auto out = one;
    out.length *= times;
    std::ranges::for_each(out.busy, [times](double& t) { t *= times; });
    return out;
}

PassTime pass_time(engine::BlockBound const& bound) {
    PassTime out{bound.length.value(), {}};
    std::ranges::transform(bound.busy, out.busy.begin(), [](Seconds s) { return s.value(); });
    return out;
}

} // namespace

ChunkContent chunk_of(Contents const& contents, std::size_t part) {
    int const end = contents.layers();
    if (part == embedding_part) {
        return {.layers = {0, 0}, .embedding = true, .head = false};
    }
    if (part == head_part) {
        return {.layers = {end, end}, .embedding = false, .head = true};
    }
    int const layer = contents.examples()[part - first_kind];
    return {.layers = {layer, layer + 1}, .embedding = false, .head = false};
}

Passes& Passes::operator+=(Passes const& other) {
    forward += other.forward;
    backward += other.backward;
    parted += other.parted;
    return *this;
}

Passes Passes::operator*(double times) const { return {forward * times, backward * times, parted * times}; }

Passes least_of(Passes const& a, Passes const& b) {
    auto const least = [](PassTime const& x, PassTime const& y) {
        PassTime out{std::min(x.length, y.length), {}};
        std::ranges::transform(x.busy, y.busy, out.busy.begin(),
                               [](double p, double q) { return std::min(p, q); });
        return out;
    };
    return {least(a.forward, b.forward), least(a.backward, b.backward), std::min(a.parted, b.parted)};
}

StageTime stage_time(Passes const& passes, Turns turns) {
    auto const& [forward, backward, parted] = passes;
    switch (turns) {
    case Turns::plain:
        return {forward.length + backward.length, forward.length, backward.length};
    case Turns::parted: // the tail may be gradients of weights, for which nobody waits
        return {forward.length + std::min(parted, backward.length), forward.length, 0.0};
    case Turns::paired:
        break;
    }
    double turn = std::max(forward.length, backward.length);
    for (std::size_t stream = 0; stream < forward.busy.size(); ++stream) {
        turn = std::max(turn, forward.busy[stream] + backward.busy[stream]);
    }
    return {turn, forward.length, backward.length};
}

Passes LocalTimes::of_part(std::size_t index, std::size_t recompute) const {
    auto const& one = part[index];
    return {one.forward, one.backward[recompute], one.parted[recompute]};
}

Passes LocalTimes::passes(Content const& content, std::size_t recompute) const {
    Passes out;
    for (std::size_t i = 0; i < parts; ++i) {
        if (content.count[i] > 0) {
            out += of_part(i, recompute) * content.count[i];
        }
    }
    return out;
}

StageTime LocalTimes::of(Content const& content, std::size_t recompute, Turns turns) const {
    return stage_time(passes(content, recompute), turns);
}

Plan plan_of_stage(Problem const& problem, Local const& local, int replicas, Recompute recompute) {
    auto plan = problem.scenario.plan;
    plan.schedule = OneFOneB{.paired = local.paired};
    plan.overlap_exchange = local.paired;
    plan.zero = 1;
    // parts are measured one by one, and a head that is tied to the embedding has no gradient of its own to copy
    plan.practice.gradient_copies = plan.practice.step_copies = plan.practice.averaging_copies = Bytes{};
    // a host may launch ahead while another layer runs, so that its times do not add up over layers
    plan.practice.host_layer = Seconds{};
    for (auto& on : plan.practice.on) {
        on.host_moe_layer = Seconds{};
    }
    plan.kinds = {ReplicaKind{.name = "all",
                              .replicas = replicas,
                              .context = local.context,
                              .expert = local.expert,
                              .expert_tensor = 1,
                              .micro_batch = local.micro_batch,
                              .micro_batches = 1,
                              .expert_imbalance = problem.imbalance.at(local.expert),
                              .stage_groups = {StageGroup{.pool = 0,
                                                          .stages = 1,
                                                          .tensor = local.tensor,
                                                          .recompute = recompute,
                                                          .precision = precision_on(problem, local.pool),
                                                          .layers = {},
                                                          .origin = {}}},
                              .origin = {}}};
    return plan;
}

LayerTimes::LayerTimes(Problem const& problem, std::vector<Recompute> recompute)
    : problem_{problem}, contents_{problem.scenario.model, precisions_of(problem)},
      recompute_{std::move(recompute)} {}
LayerTimes::~LayerTimes() = default;

int LayerTimes::span_of(Local const& local) { return std::lcm(local.tensor * local.context, local.expert); }

LocalTimes const* LayerTimes::find(Local const& local) {
    std::scoped_lock const lock{known_mutex_};
    auto at = known_.find(local);
    if (at == known_.end()) {
        at = known_.emplace(local, measure(local)).first; // nothing is known where measuring throws
    }
    return at->second.get();
}

std::vector<int> const& LayerTimes::evenest_split(Local const& local, int stages, std::size_t recompute,
                                                  Turns turns) {
    std::tuple const key{local, stages, recompute, turns};
    {
        std::scoped_lock const lock{splits_mutex_};
        if (auto const at = splits_.find(key); at != splits_.end()) {
            return at->second;
        }
    }
    ChainStage stage{find(local), {}, {recompute}};
    stage.bytes.kept.resize(recompute_.size());
    stage.bytes.buffers.resize(recompute_.size());
    Chain const chain{.stages = std::vector(static_cast<std::size_t>(stages), stage),
                      .micro_batches = 1,
                      .turns = turns,
                      .drains = false};
    auto split = best_split(chain, contents_);
    std::scoped_lock const lock{splits_mutex_}; // who else found it found the same
    return splits_.try_emplace(key, split ? std::move(split->layers) : std::vector<int>{}).first->second;
}

/// The first chips of the pool, in whole nodes.
hardware::Topology const& LayerTimes::topology_for(int pool, int ranks) {
    auto const& cluster = problem_.scenario.pools[static_cast<std::size_t>(pool)].cluster;
    int const node = cluster.node.chips;
    int const chips = ranks <= node ? ranks : (ranks + node - 1) / node * node;
    auto const at = topologies_.find({pool, chips});
    if (at != topologies_.end()) {
        return at->second;
    }
    return topologies_
        .emplace(std::pair{pool, chips}, hardware::Topology{{hardware::TopologyPool{cluster, chips}}, {}})
        .first->second;
}

std::unique_ptr<LocalTimes> LayerTimes::measure(Local const& local) {
    auto const& model = problem_.scenario.model;
    int const ranks = span_of(local);
    auto const& asked = problem_.scenario.plan;
    model::Shard const shard{.tensor = local.tensor,
                             .context = local.context,
                             .expert = local.expert,
                             .expert_tensor = 1,
                             .sequence_parallel = asked.sequence_parallel,
                             .context_by_heads = asked.context_exchange == ContextExchange::all_to_all};
    if (ranks > problem_.scenario.pools[static_cast<std::size_t>(local.pool)].chips ||
        model::problem_with(model, shard)) {
        return nullptr;
    }
    auto const& topology = topology_for(local.pool, ranks);
    auto& pricer = problem_.pricers.of(problem_.node(local.pool).chip);
    RankClass rank_class{"stage", PoolId{0}, 0, 0, {ChipIndex{0}, 1, ranks}, ChipIndex{0}, {}, {}};
    std::vector<Plan> plans;
    for (auto const recompute : recompute_) {
        plans.push_back(plan_of_stage(problem_, local, ranks / (local.tensor * local.context), recompute));
    }
    std::size_t const has = first_kind + contents_.examples().size();
    for (std::size_t p = 0; p < has; ++p) {
        append_blocks(rank_class, plans, chunk_of(contents_, p), pricer);
    }
    auto const bounds = engine::block_bounds(rank_class, topology, problem_.timings);
    auto out = std::make_unique<LocalTimes>();
    auto at = bounds.begin();
    for (std::size_t p = 0; p < has; ++p) {
        auto& part = out->part[p];
        part.forward = pass_time(*at++);
        for (std::size_t r = 0; r < plans.size(); ++r) {
            part.backward.push_back(pass_time(*at++));
            auto const inputs = *at++;
            auto const weights = *at++;
            part.parted.push_back((inputs.length + weights.length).value());
        }
    }
    return out;
}

void LayerTimes::append_blocks(RankClass& rank_class, std::vector<Plan> const& plans,
                               ChunkContent const& chunk, Pricer& pricer) const {
    for (std::size_t r = 0; r < plans.size(); ++r) {
        StagePlace const place{0, 0, &plans[r].kinds[0].stage_groups[0], PoolId{0}, rank_class.members};
        auto const setting =
            stage_setting(problem_.scenario.model, plans[r], place, problem_.scenario.shape.sequence_length);
        if (r == 0) {
            rank_class.blocks.push_back(forward_block(setting, chunk, pricer, false));
        }
        for (auto const part : {BackwardPart::both, BackwardPart::inputs, BackwardPart::weights}) {
            rank_class.blocks.push_back(backward_block(setting, chunk, pricer, false, part));
        }
    }
}

} // namespace moesaic::planner
