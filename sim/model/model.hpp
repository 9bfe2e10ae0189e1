#pragma once
#include "io/toml.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace moesaic::model {

/// Multi-head attention whose query heads share key and value heads; kv_heads = heads is plain multi-head.
struct Gqa {
    int heads = 0;
    int kv_heads = 0;
    int head_dim = 0;
    bool qkv_bias = false;
    bool qk_norm = false;     ///< norm over each head of Q and K (Qwen3)
    bool output_gate = false; ///< what attention gives is gated by columns beside the queries (Qwen3-Next)
};

/// Multi-head latent attention (DeepSeek-V2): keys and values from one compressed vector per token.
struct Mla {
    int heads = 0;
    int q_lora_rank = 0; ///< 0 = queries are not compressed (V2-Lite)
    int kv_lora_rank = 0;
    int nope_dim = 0; ///< head size without positions; queries and keys have nope_dim + rope_dim
    int rope_dim = 0;
    int v_dim = 0;
};

using Attention = std::variant<Gqa, Mla>;

/// What the state of linear attention forgets per token.
enum class Decay {
    fixed,  ///< a factor per head that no token changes (Lightning attention)
    head,   ///< a factor per head (Mamba-2, Gated DeltaNet)
    channel ///< one per column of a key (Kimi Delta Attention)
};

/// Attention whose memory is a matrix of key_dim x value_dim per head, whatever the length: a token lets it decay, adds the product of
/// its key and its value, and reads it with its query (Lightning attention, arXiv 2401.04658; Mamba-2, arXiv 2405.21060, whose state size is
/// key_dim, groups are key_heads, C and B queries and keys). With the delta rule it first takes away what its key holds
/// already (Gated DeltaNet, arXiv 2412.06464; Kimi Delta Attention, arXiv 2510.26692).
struct LinearAttention {
    bool delta_rule = false;
    int heads = 0;     ///< of values
    int key_heads = 0; ///< of queries and of keys; each serves heads / key_heads of values
    int key_dim = 0;
    int value_dim = 0;
    int convolution = 0; ///< tokens that a short convolution over queries, keys and values reads; 0 = none
    Decay decay = Decay::fixed;
    int decay_rank = 0;      ///< of the two factors of Decay::channel's projection
    bool output_gate = true; ///< what is read is normed per head and gated
    int gate_rank = 0;       ///< of the two factors of the gate's projection; 0 = one projection
    bool qk_norm = false;    ///< norm with weights over each head of Q and K (Ring-linear)
    bool rotary = false;     ///< queries and keys are turned by their position (Ring-linear)
};

/// What a layer mixes tokens with; std::monostate = nothing, an FFN alone.
using Mixer = std::variant<std::monostate, Gqa, Mla, LinearAttention>;

/// The routed experts of a layer, and the shared ones that every token passes.
struct Moe {
    int experts = 0;
    int topk = 0;
    int expert_ffn = 0; ///< inner size of one routed expert
    /// Columns that experts read and write, projected from the hidden state and back around the exchange (Nemotron 3 Super); 0 = the
    /// hidden state's.
    int latent = 0;
    int shared_experts = 0;   ///< for reports; their work is in shared_ffn_total
    int shared_ffn_total = 0; ///< inner size of all shared experts together
    int leading_dense_layers = 0;
    int every =
        1; ///< behind those, the last of so many layers has experts and the others are dense (Llama 4 Maverick: 2)
    int groups = 1;           ///< equal groups of consecutive experts, of which the router chooses some first
    int groups_per_token = 1; ///< experts come from these alone
};

enum class Norm { rmsnorm, layernorm };

/// A number of parameters as printed: "671B" is 671e9, give or take 1e9.
struct PrintedCount {
    double value = 0.0;
    double unit = 0.0; ///< of its last digit
};

/// Which tables the active parameters count: the head is multiplied with, of the embedding one row is read.
enum class ActiveCount { both_embeddings, head_only };

/// What the makers say; the shape agrees with it (tested within 1 % or the last printed digit).
struct PublishedParameters {
    PrintedCount total;
    std::optional<PrintedCount> active;
    ActiveCount active_counts = ActiveCount::both_embeddings;
    std::string source;
};

/// Where a group of figures comes from: section of the file and its source.
struct ModelSource {
    std::string section;
    std::string source;
};

/// A decoder-only transformer, dense or with mixture of experts.
struct Model {
    std::string id;
    std::string name;
    int layers = 0;
    int hidden = 0;
    int vocab = 0;
    int sequence_length = 0; ///< of pre-training; a scenario may choose another
    bool tied_embeddings = false;
    int learned_positions = 0; ///< length of the table of positions
    bool rotary = true;  ///< queries and keys are turned by their position (not with learned ones or ALiBi)
    bool biases = false; ///< of every linear layer (GPT-3)
    Norm norm = Norm::rmsnorm;
    bool dropout = false; ///< after embedding, attention scores, attention and FFN (GPT-3 in Megatron-LM)
    bool sandwich_norm = false; ///< norms also after attention and FFN (Pangu Ultra)
    int mtp_depth = 0;          ///< extra layers that predict further tokens (DeepSeek-V3: 1)
    Attention attention;
    int window = 0;                        ///< keys that a query sees at most; 0 = all
    std::optional<LinearAttention> linear; ///< of layers without `attention`
    /// The last of so many layers has `attention` without a window (gpt-oss: 2), or instead of linear attention; 0 = none.
    int full_attention_every = 0;
    std::vector<int> full_attention_layers; ///< or these, from 1
    /// A letter for each layer, which then is one block: M linear attention, * attention, - dense FFN, E experts (Megatron-Core's
    /// hybrid_override_pattern); empty = each layer mixes and has an FFN.
    std::string pattern;
    int dense_ffn = 0;     ///< inner size of dense layers; 0 where there are none
    bool gated_ffn = true; ///< three matrices (SwiGLU) instead of two, in dense layers and experts
    std::optional<Moe> moe;
    std::optional<PublishedParameters> published;
    std::vector<ModelSource> sources;
    std::string file; ///< where it was read
};

/// Of a layer; see is_moe_layer().
[[nodiscard]] Mixer mixer_of(Model const& model, int layer);
[[nodiscard]] Mixer as_mixer(Attention const& attention);
/// Some layer has `attention`, or an MTP module.
[[nodiscard]] bool has_attention(Model const& model);
/// Some layer has `linear`; `full_attention_layers` may leave none.
[[nodiscard]] bool has_linear_attention(Model const& model);
/// Attention and an FFN, each with a norm before it; one of them in a layer of a pattern.
[[nodiscard]] int blocks_of(Model const& model, int layer);
/// Heads of queries (of values, in linear attention), and those of keys and values: all heads for latent attention, whose keys
/// are made per head. 0 where nothing mixes.
[[nodiscard]] int heads_of(Mixer const& mixer);
[[nodiscard]] int kv_heads_of(Mixer const& mixer);
/// Head size of queries and keys, and of values.
[[nodiscard]] int key_dim(Mixer const& mixer);
[[nodiscard]] int value_dim(Mixer const& mixer);
[[nodiscard]] bool is_linear(Mixer const& mixer);
/// Layers count from 0. MTP layers, which come after them, are like the last one; beside a pattern they have full attention and
/// experts (a dense FFN, where it has none).
[[nodiscard]] bool is_moe_layer(Model const& model, int layer);
[[nodiscard]] int moe_layers(Model const& model);
/// Of the first `layers` layers.
[[nodiscard]] int moe_layers_among(Model const& model, int layers);
/// Columns of the tokens that routed experts read and write. The model has experts.
[[nodiscard]] int expert_columns(Model const& model);
/// A FFN without experts.
[[nodiscard]] bool has_dense_ffn(Model const& model, int layer);
/// Keys that a query of this layer sees at most; 0 = all before it.
[[nodiscard]] int window_of(Model const& model, int layer);
/// Layers of one kind do the same work: they have the same number.
[[nodiscard]] int kind_of_layer(Model const& model, int layer);

/// Reads a model: id, name, sections shape, attention, linear_attention, moe, published (the last three or none), each with its
/// source.
/// @throws InputError for unknown keys, missing ones and figures that cannot be (heads not a multiple of
/// kv_heads, …)
[[nodiscard]] Model read_model(io::TomlTable const& table);

/// The models of a folder (scenarios/models/): one file each, found by its id = the file's name.
class ModelCatalogue {
  public:
    /// @throws InputError where the folder does not exist
    explicit ModelCatalogue(std::string folder);
    [[nodiscard]] std::vector<std::string> ids() const; ///< sorted
    /// @param asked_at where the id was written, for the error; an unknown id lists the nearest known ones
    [[nodiscard]] Model model(std::string const& id, Origin const& asked_at) const;

  private:
    std::string folder_;
};

} // namespace moesaic::model
