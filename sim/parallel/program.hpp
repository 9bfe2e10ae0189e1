#pragma once
#include "base/ids.hpp"
#include "base/units.hpp"
#include "hardware/topology.hpp"
#include "model/operation.hpp"
#include "model/token_spread.hpp"
#include "timing/algorithm.hpp"
#include "timing/collective.hpp"
#include "timing/evidence.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace moesaic::parallel {

/// Ranks in arithmetic progression: first, first + stride, … (count of them). Every group of a parallel
/// layout is one (tensor: stride 1; expert: stride tensor; data: stride tensor x context; …).
struct RankSet {
    ChipIndex first;
    std::int64_t stride = 1;
    std::int64_t count = 1;
    friend bool operator==(RankSet const&, RankSet const&) = default;
};

/// As on a chip, each stream runs its work in the order of issue; streams run side by side.
/// Host: what the host does before kernels can start.
enum class Stream { compute, tensor, context, expert, data, pipeline, host };
constexpr int streams = 7;
[[nodiscard]] std::string_view name_of(Stream stream);

/// Key of what the host does: Compute of Stream::host.
constexpr std::string_view host_key = "host";

/// A kernel (or a run of equal ones), priced.
struct Compute {
    timing::Duration duration;
    model::OpKind kind = model::OpKind::gemm;
    std::string role; ///< "qkv", "expert_up", …
    model::Pass pass = model::Pass::forward;
    Flop work;       ///< of the matrix units
    std::string key; ///< "gemm bf16": timings with one key err together
    /// By the constants of runs and by the slowest chip: a product or attention, but not one at its software's own limit.
    bool stretched = false;
    std::int64_t times = 1; ///< how many equal kernels `duration` sums up (for reports)
    std::shared_ptr<model::Operation const>
        operation; ///< what was priced (for reports); none in made-up programs
};

/// All members of the group take part; every group of the class does so at the same time.
struct Collective {
    timing::CollectiveKind kind = timing::CollectiveKind::all_reduce;
    /// all_reduce, reduce_scatter: input bytes of a rank; all_gather: output bytes of a rank; all_to_all:
    /// bytes a rank holds for the whole group (its own share included); broadcast: the message.
    Bytes bytes;
    RankSet group;    ///< the group that holds the class's representative
    std::string role; ///< "dispatch", "gradients", …
    /// Classes that take part together in one collective (gradients over unlike replicas) share a number >=
    /// 0: none starts before all are ready, none ends before all end. -1 = the class alone.
    int rendezvous = -1;
    /// Of the chip, that its kernels take while they run: compute beside them is slower by as much. Below 1.
    double chip_share = 0.0;
    /// An all_to_all of tokens, of which `bytes` counts every copy (one per expert): a token goes once to each node
    /// that has one of its experts, to the rank of the sender's place there, and from it once to each rank inside
    /// that has one (DeepSeek-V3, arXiv 2412.19437, section 3.2.2; DeepEP). None = every copy straight to its rank.
    std::optional<model::TokenSpread> once_per_node;
    std::optional<timing::TokenExchange> tokens;                ///< of those, for the kernels that do it
    timing::Algorithm algorithm = timing::Algorithm::automatic; ///< once_per_node is one of its own
};

/// One block's unit of work. `after` names earlier operations of the same block that must have ended;
/// besides, streams are first in, first out.
struct BlockOp {
    Stream stream = Stream::compute;
    std::variant<Compute, Collective> work;
    std::vector<int> after;
    /// The block counts as done without waiting for it (gradient synchronisation behind compute).
    bool detached = false;
    /// A collective that starts when the item before is done, whether the block's messages have come or not
    /// (gathering parameters before the first micro-batch arrives).
    bool early = false;
};

enum class Phase { forward, backward, input_gradient, weight_gradient, forward_and_backward, step_end };
[[nodiscard]] std::string_view name_of(Phase phase);

/// What a class does for one micro-batch in one phase of one model chunk. Shared by all micro-batches.
struct Block {
    std::string name; ///< "forward chunk 0"
    Phase phase = Phase::forward;
    std::vector<BlockOp> ops; ///< every `after` index is smaller than the own one
};

/// Activations or their gradients between pipeline stages: one message per micro-batch and boundary. Or tokens between
/// ranks that hold attention and ranks that hold experts: one per micro-batch, layer and direction.
struct Message {
    ClassId from;
    ClassId to;
    Bytes bytes;      ///< that one rank of `from` sends
    ChipIndex source; ///< a representative pair, for the route
    ChipIndex destination;
    /// 0 = each rank sends to its share of the receivers, in order. Else both classes part into so many groups of
    /// neighbours, and each rank sends an equal part to every receiver in the group of its own number. A class may be
    /// its own receiver: a rank's part for itself stays where it is.
    int groups = 0;
    Stream stream = Stream::pipeline; ///< that waiting for it counts for
    bool blocking = false;            ///< the sender's next item waits until it is through
    bool in_turn =
        false; ///< starts when no other such message is under way between the two ranks, either way
};

/// One entry of a class's schedule: the block runs when its messages have come in and the item before it is
/// done.
struct WorkItem {
    int block = 0; ///< index into RankClass::blocks
    int micro_batch = 0;
    std::vector<int> receives; ///< indices into Program::messages
    std::vector<int> sends;    ///< started when the block is done
};

/// Ranks that cannot be told apart, simulated once.
struct RankClass {
    std::string name; ///< "pool d, stage 3"
    PoolId pool;
    int stage = 0;
    int replica_kind = 0;
    RankSet members;          ///< all ranks of the class
    ChipIndex representative; ///< a member
    std::vector<Block> blocks;
    std::vector<WorkItem> schedule;
};

/// What one training step does, per rank class.
struct Program {
    std::vector<RankClass> classes;
    std::vector<Message> messages;
    Tokens tokens;      ///< of one step, all replicas
    Flop model_flop;    ///< of one step, recompute not counted
    Flop hardware_flop; ///< with recompute
    std::int64_t chips = 0;
    /// No flush between steps: the step takes as long as the busiest rank from its first work to its last.
    bool open_ended = false;
};

} // namespace moesaic::parallel
