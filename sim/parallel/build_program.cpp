#include "parallel/build_program.hpp"

#include "base/errors.hpp"
#include "model/model_flop.hpp"
#include "model/parameters.hpp"
#include "parallel/addition.hpp"
#include "parallel/apart_class.hpp"
#include "parallel/check_plan.hpp"
#include "parallel/class_blocks.hpp"
#include "parallel/parameter_traffic.hpp"
#include "parallel/slowest_chip.hpp"
#include "parallel/stage_messages.hpp"
#include "parallel/time_alone.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <utility>

namespace moesaic::parallel {

std::vector<Stage> stages_of_job(Job const& job) {
    std::vector<Stage> out;
    std::vector<std::vector<LayerRange>> splits;
    for (auto const& kind : job.plan.kinds) {
        splits.push_back(split_layers(job.plan, kind, job.model.layers));
    }
    for (auto const& place : place_stages(job.plan, job.topology)) {
        auto const& kind = job.plan.kinds[static_cast<std::size_t>(place.kind)];
        auto const& split = splits[static_cast<std::size_t>(place.kind)];
        int const stages = parallel::stages_of(kind);
        check_turns(kind); // micro-batches may have been settled after the plan was read
        Stage stage{
            place, {}, stages, kind.micro_batches.value_or(least_micro_batches(job.plan.schedule, stages))};
        int const parts = static_cast<int>(split.size());
        for (int chunk = 0; chunk < chunks_of(job.plan.schedule); ++chunk) {
            int const part = part_of(job.plan.schedule, chunk, place.stage, stages);
            stage.chunks.push_back({split[static_cast<std::size_t>(part)], part == 0, part + 1 == parts});
        }
        out.push_back(std::move(stage));
    }
    return out;
}

namespace {

hardware::NodeType const& node_of(Job const& job, PoolId pool) {
    return job.topology.pool(pool).cluster.node;
}

std::string name_of_class(Job const& job, Stage const& stage) {
    auto const& kind = job.plan.kinds[static_cast<std::size_t>(stage.place.kind)];
    auto const part = [&]() -> std::string {
        if (!kind.apart) {
            return "";
        }
        auto const at = stage.place.experts_at;
        return !at                              ? ", attention"
               : kind.apart->places.size() == 1 ? ", experts"
                                                : fmt::format(", experts {}", *at);
    };
    auto const stage_text = fmt::format("stage {} of {}{}", stage.place.stage, stage.stages, part());
    return job.plan.kinds.size() > 1 ? fmt::format("{}, {}", kind.name, stage_text) : stage_text;
}

void check_shard(Job const& job, Stage const& stage) {
    auto const& kind = job.plan.kinds[static_cast<std::size_t>(stage.place.kind)];
    if (job.shape.sequence_length % kind.context != 0) {
        throw InputError{kind.context_origin,
                         fmt::format("sequences of {} tokens do not divide by context = {}",
                                     job.shape.sequence_length, kind.context)};
    }
    expects(!kind.apart || !kind.apart->by_speed, "experts by speed are settled first");
    // numbers of experts apart and of copied ones are checked where they come from
    int const local_experts = kind.apart || kind.redundant_experts > 0 ? 1 : 0;
    if (auto const problem =
            model::problem_with(job.model, shard_of(job.plan, kind, *stage.place.group), local_experts)) {
        using enum model::ShardDegree;
        auto const& at = problem->degree == context         ? kind.context_origin
                         : problem->degree == expert        ? kind.expert_origin
                         : problem->degree == expert_tensor ? kind.expert_tensor_origin
                                                            : stage.place.group->tensor_origin;
        throw InputError{at, problem->text};
    }
}

/// A ring over the replica kinds: each kind's ranks hold what their kind has in equal parts and pass it to the next kind,
/// so each sends and receives 2 (K-1)/K of its part. As an all-reduce of two ranks, which sends what it holds.
struct KindRing {
    RankSet pair;
    double times = 1.0;
};

KindRing kind_ring(Job const& job, std::vector<Stage> const& stages, Stage const& own) {
    auto const kinds = static_cast<int>(job.plan.kinds.size());
    int const next = (own.place.kind + 1) % kinds;
    ChipIndex partner;
    for (auto const& stage : stages) {
        // the stage of the next kind at the same depth
        if (stage.place.kind == next && stage.place.stage * own.stages <= own.place.stage * stage.stages) {
            partner = stage.place.ranks.first;
        }
    }
    auto const first = own.place.ranks.first;
    return {{first, partner.index() - first.index(), 2}, 2.0 * (kinds - 1) / kinds};
}

/// What a kind trains: once what its replicas share, over all stages.
double trained_by(Job const& job, std::vector<Stage> const& stages, int kind) {
    double sum = 0;
    for (auto const& stage : stages) {
        if (stage.place.kind != kind) {
            continue;
        }
        auto const s = stage_setting(job.model, job.plan, stage.place, job.shape.sequence_length);
        for (auto const& chunk : stage.chunks) {
            auto const part = trained_weights_of_chunk(s, chunk);
            double const own = part.dense / static_cast<double>(s.groups.data.count) +
                               part.expert / static_cast<double>(s.groups.expert_data.count);
            sum += own * static_cast<double>(stage.place.ranks.count) / s.copies;
        }
    }
    return sum;
}

Collective cross_kind_sum(Job const& job, std::vector<Stage> const& stages, Stage const& own) {
    auto const ring = kind_ring(job, stages, own);
    auto const& kind = job.plan.kinds[static_cast<std::size_t>(own.place.kind)];
    double const parameters = trained_by(job, stages, own.place.kind);
    double const part = parameters * bytes_per_element(job.plan.gradient) / chips_of(kind);
    return {timing::CollectiveKind::all_reduce, Bytes{ring.times * part}, ring.pair,
            "gradients between replica kinds", 1};
}

/// What a stage computes and sends, with its partners in other workers.
StageSetting setting_of(Job const& job, std::vector<Stage> const& stages, std::size_t at) {
    auto out = stage_setting(job.model, job.plan, stages[at].place, job.shape.sequence_length);
    if (job.plan.local_sgd && job.plan.kinds.size() > 1) {
        auto const ring = kind_ring(job, stages, stages[at]);
        out.outer = {ring.pair, ring.pair, ring.times};
    }
    return out;
}

/// The norm of all gradients: every rank waits for every other before the update, or updates and looks later. Workers
/// that meet now and then have one each.
Collective gradient_norm(Job const& job, Stage const& stage, std::size_t stages) {
    auto ranks = stage.place.ranks;
    int rendezvous = is_open_ended(job.plan.schedule) ? -1 : 0;
    if (job.plan.local_sgd) {
        ranks.count /= job.plan.local_sgd->workers;
        rendezvous =
            rendezvous < 0 ? -1 : 2 + static_cast<int>(stages) + stage.place.kind; // behind the pairs'
    }
    return {timing::CollectiveKind::all_reduce, Bytes{4.0}, ranks, "gradient norm", rendezvous};
}

/// Between the two stages that hold the same parts of the model (DualPipe), each rank with the one of its place.
class PairTraffic {
  public:
    PairTraffic(std::vector<Stage> const& stages, std::size_t at, StageSetting const& s, BlockBuilder& to)
        : s_{s}, to_{to} {
        auto const& own = stages[at];
        auto const first = at - static_cast<std::size_t>(own.place.stage);
        auto const other = first + static_cast<std::size_t>(own.stages - 1 - own.place.stage);
        auto const from = own.place.ranks.first;
        group_ = {from, stages[other].place.ranks.first.index() - from.index(), 2};
        meeting_ = 2 + static_cast<int>(std::min(at, other)); // 0 and 1 are taken
    }
    /// @param parameters whose gradients a rank has summed over its own stage
    void sum(double parameters) const {
        send(s_.plan.zero > 0 ? timing::CollectiveKind::reduce_scatter : timing::CollectiveKind::all_reduce,
             parameters * bytes_per_element(s_.plan.gradient), "gradients of the other direction");
    }
    void gather(double parameters) const {
        if (s_.plan.zero > 0) {
            auto const format = s_.plan.parameter_gather.value_or(s_.shape.precision.activations);
            send(timing::CollectiveKind::all_gather, parameters * bytes_per_element(format),
                 "parameters of the other direction");
        }
    }

  private:
    void send(timing::CollectiveKind kind, double bytes, std::string role) const {
        if (s_.copies > 1) {
            to_.collective(Stream::data, {kind, Bytes{bytes}, group_, std::move(role), meeting_});
        }
    }

    StageSetting const& s_;
    BlockBuilder& to_;
    RankSet group_;
    int meeting_ = 0;
};

/// Whether a stage holds the embedding, and whether the head.
std::pair<bool, bool> ends_of(Stage const& stage) {
    return {std::ranges::any_of(stage.chunks, &ChunkContent::embedding),
            std::ranges::any_of(stage.chunks, &ChunkContent::head)};
}

/// Of the token table that the stages of both ends hold: both are copies of one parameter (Megatron-LM's embedding group,
/// also with MTP modules; DeepSpeed's tied modules). Each rank with the one of its place in the other stage.
std::optional<Collective> second_table_sum(Job const& job, std::vector<Stage> const& stages, std::size_t at,
                                           StageSetting const& s) {
    auto const& own = stages[at];
    auto const [embedding, head] = ends_of(own);
    if (!holds_second_table(s) || s.plan.adapters || own.place.experts_at || embedding == head) {
        return std::nullopt;
    }
    auto const other = std::ranges::find_if(stages, [&](Stage const& stage) {
        return stage.place.kind == own.place.kind && !stage.place.experts_at &&
               ends_of(stage) == std::pair{head, embedding};
    });
    expects(other != stages.end(), "where one stage has one end another has the other");
    auto const from = own.place.ranks.first;
    auto const meeting = 2 + static_cast<int>(std::min<std::ptrdiff_t>(
                                 static_cast<std::ptrdiff_t>(at), other - stages.begin())); // 0, 1 are taken
    // where gradients are shared out, what the rank has of them by then
    auto const sharers = s.plan.zero >= 2 ? shard_groups(s.plan, s.groups.data).shard.count : 1;
    auto const parameters =
        static_cast<double>(model::rank_end_parameters(job.model, s.shape.shard).embedding) /
        static_cast<double>(sharers);
    return Collective{timing::CollectiveKind::all_reduce,
                      Bytes{parameters * bytes_per_element(s.plan.gradient)},
                      {from, other->place.ranks.first.index() - from.index(), 2},
                      job.model.tied_embeddings ? "gradients of the tied embedding"
                                                : "gradients of the embedding for MTP",
                      is_open_ended(s.plan.schedule) ? -1 : meeting};
}

/// Of all chunks, outside the experts.
int tensors_of(model::Model const& model, Stage const& stage) {
    auto const [embedding, head] = ends_of(stage);
    int out = (embedding ? 1 : 0) + (head ? 2 : 0); // the head and the norm before it
    for (auto const& chunk : stage.chunks) {
        for (int layer = chunk.layers.begin; layer < chunk.layers.end; ++layer) {
            out += model::weight_tensors(model, layer);
        }
    }
    return out;
}

/// What kernels of their own move of each parameter's gradient once per step, the optimizer's apart.
Bytes step_copies(StageSetting const& s) {
    auto const& practice = s.plan.practice;
    return practice.step_copies + (s.groups.data.count > 1 ? practice.averaging_copies : Bytes{});
}

Block step_end(Job const& job, std::vector<Stage> const& stages, std::size_t at, StageSetting const& s,
               Pricer& pricer) {
    auto const& stage = stages[at];
    BlockBuilder to{pricer};
    PairTraffic const pair{stages, at, s, to};
    ParameterTraffic const parameters{s, to};
    LayerWeights weights;
    for (auto const& chunk : stage.chunks) {
        weights += trained_weights_of_chunk(s, chunk);
    }
    to.move(step_copies(s) * weights.total(), "step_copies");
    if (!s.plan.overlap_gradients && s.plan.zero < 2) {
        parameters.sum(weights);
    }
    if (auto const table = second_table_sum(job, stages, at, s)) {
        to.collective(Stream::data, *table);
    }
    double const shared = owned_of(s, weights) * (s.plan.zero > 0 ? s.copies : 1); // in the own stage
    pair.sum(shared);
    if (job.plan.kinds.size() > 1 && !job.plan.local_sgd) {
        to.collective(Stream::data, cross_kind_sum(job, stages, stage));
    }
    to.collective(Stream::data, gradient_norm(job, stage, stages.size()));
    to.host_in_turn(s.plan.practice.host_step); // it reads the norm before it goes on
    auto const owned = std::llround(owned_of(s, weights));
    // norm of the owned gradients and their scaling, in fp32: read, and read and written
    to.compute(std::vector{addition_of(static_cast<double>(owned), Dtype::fp32, "gradient_clip"),
                           model::optimizer_operation(owned, s.plan.gradient, s.plan.optimizer_moments)});
    if (auto const& local = job.plan.local_sgd; local && local->meets && local->method == OuterSum::diloco) {
        parameters.meet(weights);
        parameters.update_outer(weights);
    }
    pair.gather(shared);
    if ((s.plan.zero == 1 || s.plan.zero == 2) && !s.plan.overlap_parameters) {
        parameters.gather(weights, tensors_of(job.model, stage));
    }
    return {"step end", Phase::step_end, to.take()};
}

/// A class with all that it does: blocks and the order in which they run.
RankClass build_class(Job const& job, std::pair<Messages&, TokenMessages&> sends,
                      std::vector<Stage> const& stages, std::size_t at, Pricer& pricer) {
    auto const& stage = stages[at];
    auto& messages = sends.first;
    auto const setting = setting_of(job, stages, at);
    RankClass out{name_of_class(job, stage),
                  stage.place.pool,
                  stage.place.stage,
                  stage.place.kind,
                  stage.place.ranks,
                  stage.place.ranks.first,
                  {},
                  {}};
    if (setting.part != Part::all) {
        schedule_apart({job, stages, setting, pricer, messages, sends.second}, at,
                       step_end(job, stages, at, setting, pricer), out);
        return out;
    }
    auto const slots = slots_of(job.plan.schedule, stage.place.stage, stage.stages, stage.micro_batches);
    ClassBlocks blocks{setting, stage.chunks, slots, pricer,
                       time_alone(job.topology, job.timings, stage.place.pool)};
    for (std::size_t i = 0; i < slots.size(); ++i) {
        WorkItem item{blocks.of(i), slots[i].micro_batch, {}, {}};
        messages.connect(item, slots[i], at);
        if (slots[i].with_next) {
            messages.connect(item, slots[++i], at);
        }
        out.schedule.push_back(std::move(item));
    }
    out.schedule.push_back({blocks.add(step_end(job, stages, at, setting, pricer)), 0, {}, {}});
    out.blocks = blocks.take();
    return out;
}

/// Of the mean rank: the class stands for the one whose experts get the most tokens.
/// @param imbalance rows of its experts over the mean
Flop work_of(Block const& block, double imbalance) {
    Flop sum;
    for (auto const& op : block.ops) {
        if (auto const* compute = std::get_if<Compute>(&op.work)) {
            bool const of_experts = compute->operation && compute->operation->role.starts_with("expert");
            sum += of_experts ? compute->work / imbalance : compute->work;
        }
    }
    return sum;
}

StageLoad load_of(Job const& job, Stage const& stage) {
    auto const& apart = job.plan.kinds[static_cast<std::size_t>(stage.place.kind)].apart;
    int const batches = apart ? apart->batches_in_turn : 1;
    return {stage.chunks,
            slots_of(job.plan.schedule, stage.place.stage, stage.stages, stage.micro_batches / batches),
            batches};
}

void name_algorithms(RankClass& rank_class, Plan const& plan) {
    for (auto& block : rank_class.blocks) {
        for (auto& op : block.ops) {
            auto* collective = std::get_if<Collective>(&op.work);
            if (collective == nullptr || collective->once_per_node) { // that is one of its own
                continue;
            }
            if (auto const named = plan.algorithms.find(collective->kind); named != plan.algorithms.end()) {
                collective->algorithm = named->second;
            }
        }
    }
}

} // namespace

std::vector<ClassMemory> memory_of_classes(Job const& job) {
    std::vector<ClassMemory> out;
    for (auto const& stage : stages_of_job(job)) {
        check_shard(job, stage);
        auto const& chip = node_of(job, stage.place.pool).chip;
        out.push_back({name_of_class(job, stage), chip.id, stage.place.pool,
                       memory_of(stage_setting(job.model, job.plan, stage.place, job.shape.sequence_length),
                                 load_of(job, stage)),
                       hardware::memory_of(chip)});
    }
    return out;
}

Flop model_flop_per_token(model::Model const& model, Plan const& plan, TrainingShape const& shape) {
    auto const length = static_cast<int>(shape.sequence_length);
    constexpr auto convention = model::FlopConvention::causal_half;
    return plan.adapters ? model::adapting_flop_per_token(model, length, convention, *plan.adapters)
                         : model::training_flop_per_token(model, length, convention);
}

Program build_program(Job const& job) {
    Pricers pricers{job.timings, job.plan.practice, job.calibration};
    return build_program(job, pricers);
}

Program build_program(Job const& job, Pricers& pricers) {
    auto const stages = stages_of_job(job);
    Program program;
    program.open_ended = is_open_ended(job.plan.schedule);
    Messages messages{job, program, stages};
    TokenMessages tokens{job, program, stages};
    for (std::size_t at = 0; at < stages.size(); ++at) {
        auto const& stage = stages[at];
        check_shard(job, stage);
        auto const& chip = node_of(job, stage.place.pool).chip;
        auto& pricer = pricers.of(chip);
        program.classes.push_back(build_class(job, {messages, tokens}, stages, at, pricer));
        name_algorithms(program.classes.back(), job.plan);
        if (chip.speed_spread && !job.plan.chips_alike) {
            slow_down(program.classes.back(),
                      slowest_of(chip.speed_spread->value, chips_on(job.plan, stage.place.pool)));
        }
        auto const imbalance = job.plan.kinds[static_cast<std::size_t>(stage.place.kind)].expert_imbalance;
        std::vector<Flop> work;
        for (auto const& block : program.classes.back().blocks) {
            work.push_back(work_of(block, imbalance));
        }
        for (auto const& item : program.classes.back().schedule) {
            program.hardware_flop +=
                work[static_cast<std::size_t>(item.block)] * static_cast<double>(stage.place.ranks.count);
        }
        program.chips += stage.place.ranks.count;
    }
    program.tokens = tokens_per_step(job.shape);
    program.model_flop = model_flop_per_token(job.model, job.plan, job.shape) * program.tokens.value();
    return program;
}

} // namespace moesaic::parallel
