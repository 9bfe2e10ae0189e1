#pragma once
#include "base/dtype.hpp"
#include "base/errors.hpp"
#include "base/units.hpp"
#include "parallel/choices.hpp"
#include "parallel/local_sgd.hpp"
#include "parallel/practice.hpp"
#include "parallel/replica_kind.hpp"
#include "parallel/schedule.hpp"
#include "timing/algorithm.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::parallel {

enum class LayerSplit {
    even,     ///< the same number in each stage (and chunk); an error where it does not divide
    balanced, ///< differing by at most one, the stages with embedding and head get fewer
    with_ends ///< evenly with the embedding and the head counted as a layer each, so that the ends may hold none
};
[[nodiscard]] Choices<LayerSplit> const& layer_split_choices();

/// How context ranks bring queries and keys together.
///   ring        keys and values go round, each part behind the attention over the part before (Liu et al. 2023)
///   all_gather  keys and values are gathered before the attention (Llama 3, arXiv 2407.21783, section 3.3.2)
///   all_to_all  each rank gets all rows of a part of the heads (DeepSpeed-Ulysses, arXiv 2309.14509, section 3.1;
///               Transformer Engine's cp_comm_type "a2a")
enum class ContextExchange { ring, all_gather, all_to_all };
[[nodiscard]] Choices<ContextExchange> const& context_exchange_choices();

/// What of the logits lies in memory from the head's forward to its backward, and while that is at work.
///   softmax   in fp32 (Korthikanti et al. 2022, section 4.3: 4 s b v); then the gradient beside it
///   logits    as they came, in the activations' format; then the gradient beside them
///   in_place  as they came, and their gradient is written over them
enum class LossMemory { softmax, logits, in_place };
[[nodiscard]] Choices<LossMemory> const& loss_memory_choices();

/// What of the tensor ranks' communication runs beside products.
///   none              nothing
///   weight_gradients  the backward's reduction beside the weight gradient of the same product (Megatron-LM since 2021)
///   products          also gathers and reductions beside the products that they feed or empty, cut into as many
///                     parts as there are ranks (Transformer Engine's user buffers; MC2 on Ascend)
enum class TensorOverlap { none, weight_gradients, products };
[[nodiscard]] Choices<TensorOverlap> const& tensor_overlap_choices();

/// How token copies get to the ranks of their experts.
///   per_expert     every copy straight to its rank (all-to-all of NCCL, HCCL)
///   once_per_node  a token once to each node, then once to each rank inside it; the kernels read tokens and sum their
///                  copies themselves (DeepEP; DeepSeek-V3, section 3.2.2)
enum class ExpertExchange { per_expert, once_per_node };
[[nodiscard]] Choices<ExpertExchange> const& expert_exchange_choices();

/// Of Plan::zero.
[[nodiscard]] Choices<int> const& zero_choices();

/// Processors that run the exchange's kernels, and all of the chip: H800 (DeepSeek-V3, arXiv 2412.19437, section 3.2.2). Taken
/// for all chips where neither the software nor the plan says otherwise: an assumption.
constexpr int h800_exchange_processors = 20, h800_processors = 132;

/// How the training is laid out.
struct Plan {
    std::vector<ReplicaKind> kinds;
    Schedule schedule = OneFOneB{};
    LayerSplit layer_split = LayerSplit::even;
    /// What the data parallel ranks share out: 0 nothing, 1 optimizer state, 2 gradients too (summed after every
    /// micro-batch), 3 parameters too (gathered layer by layer in both passes of every micro-batch; FSDP)
    int zero = 1;
    int shard_group = 0; ///< ranks that share (hybrid sharding); 0 = all that hold the same weights
    bool sequence_parallel =
        true; ///< where tensor > 1: rows outside the products are split over tensor ranks
    /// Schedules, each with whatever chunks and pairs, under which a stage does nothing until what it sends to its neighbours is through; under others its
    /// next kernels run beside that.
    std::vector<Schedule> blocking_messages;
    /// What two neighbouring stages send each other goes one way at a time.
    bool messages_in_turn = false;
    /// Without sequence parallelism, what a tensor rank sends to the next stage: all rows, or its part of them, which the
    /// receivers then gather among themselves (Narayanan et al. SC21, section 4.1).
    bool whole_messages = false;
    TensorOverlap tensor_overlap = TensorOverlap::weight_gradients;
    ContextExchange context_exchange = ContextExchange::ring;
    bool fused_attention = true; ///< false: scores, softmax and values as kernels over the full square
    /// With zero = 1: gradients are summed by an all-reduce, though each rank keeps the sums of its part alone.
    bool gradient_all_reduce = false;
    bool overlap_gradients = true;       ///< reduce-scatter of a layer runs behind the last backward
    bool overlap_parameters = true;      ///< all-gather of updated parameters runs behind the first forward
    bool overlap_shared_experts = false; ///< the shared expert computes while the tokens travel
    /// Forward and backward of unlike micro-batches run as one block, so that the exchange of tokens in one is hidden
    /// behind the kernels of the other (the schedule's `paired`); weights' gradients come after what is sent.
    bool overlap_exchange = false;
    ExpertExchange expert_exchange = ExpertExchange::per_expert;
    /// Whose kernels do it where it is once_per_node: how the tables' kern= begins ("deepep", "hybridep"); empty = any.
    std::string exchange_library;
    int exchange_processors = h800_exchange_processors; ///< of the chip, that run them
    /// Of the kinds that are carried out in another way than the library chose where they were measured.
    std::map<timing::CollectiveKind, timing::Algorithm> algorithms;
    /// Of the chip, that the exchange's kernels take from those beside them.
    double communication_share = static_cast<double>(h800_exchange_processors) / h800_processors;
    /// Format in which the inputs of products are kept for the backward; none = that of the activations. DeepSeek-V3
    /// (section 3.3.3) keeps fp8, but what attention gives in 12 bit.
    std::optional<Dtype> kept_inputs;
    /// Without kept_inputs, where products are narrower than the activations: each keeps its own input as it read it,
    /// quantised; what the norm, the router, attention or the activation reads is kept apart, in the activations' format.
    bool quantised_inputs_kept = false;
    LossMemory loss_memory = LossMemory::softmax;
    /// The first ones, on one stage: their activations lie in the host's memory from the forward to the backward. What
    /// that moves is taken as hidden.
    int offloaded_layers = 0;
    Dtype optimizer_moments = Dtype::fp32;
    /// With zero = 3: a rank's share of the weights is the fp32 master itself, cast as it is gathered, and its gradients rest
    /// in fp32 too (PyTorch's FSDP, JAX); otherwise 16-bit shares lie beside the master (DeepSpeed).
    bool fp32_shares = false;
    /// The router's weights go into the experts' activation, so that what comes back need not be kept.
    bool weighted_activation = false;
    /// The experts' gate and the quantisation after it are part of their products' kernels, in both passes.
    bool fused_gate = false;
    Dtype gradient = Dtype::fp32; ///< format in which gradients are summed and sent
    std::optional<Dtype>
        parameter_gather; ///< format in which parameters are gathered; none = that of the activations
    std::optional<int>
        adapters; ///< rank of low-rank adapters on attention; all other weights are frozen (LoRA)
    bool frozen_weights_quantised = false; ///< layers' frozen weights are held in the products' format alone
    /// Updated parameters come back as one broadcast per owner instead of one gather (InternEvo).
    bool parameter_broadcasts = false;
    std::optional<LocalSgd> local_sgd; ///< none = gradients are summed over all replicas in every step
    /// Leaves out that the slowest chip of each pool sets the pace (slowest_chip.hpp).
    bool chips_alike = false;
    Practice practice; ///< of the software
    Bytes memory_reserve{4.0 *
                         bytes_per_gib}; ///< context, communication library, fragmentation; an assumption
    Origin origin;
    friend bool operator==(Plan const&, Plan const&) = default;
};

/// Whether stages wait for what they send, by Plan::blocking_messages.
[[nodiscard]] bool messages_block(Plan const& plan);
/// Whether a stage of this tensor degree gathers the rows that it receives.
[[nodiscard]] bool gathers_messages(Plan const& plan, int tensor);

} // namespace moesaic::parallel
