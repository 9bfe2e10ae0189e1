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
    bool qk_norm = false; ///< norm over each head of Q and K (Qwen3)
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

/// The routed experts of a layer, and the shared ones that every token passes.
struct Moe {
    int experts = 0;
    int topk = 0;
    int expert_ffn = 0;       ///< inner size of one routed expert
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
    int window = 0;               ///< keys that a query sees at most; 0 = all
    int full_attention_every = 0; ///< the last of so many layers has no window (gpt-oss: 2); 0 = all have it
    int dense_ffn = 0;            ///< inner size of dense layers; 0 where there are none
    bool gated_ffn = true;        ///< three matrices (SwiGLU) instead of two, in dense layers and experts
    std::optional<Moe> moe;
    std::optional<PublishedParameters> published;
    std::vector<ModelSource> sources;
    std::string file; ///< where it was read
};

[[nodiscard]] int heads_of(Model const& model);
/// Head size of queries and keys, and of values.
[[nodiscard]] int key_dim(Model const& model);
[[nodiscard]] int value_dim(Model const& model);
/// Layers count from 0. MTP layers, which come after them, are like the last one.
[[nodiscard]] bool is_moe_layer(Model const& model, int layer);
[[nodiscard]] int moe_layers(Model const& model);
/// Of the first `layers` layers.
[[nodiscard]] int moe_layers_among(Model const& model, int layers);
/// Some layer without experts and some with them. The model has such layers.
[[nodiscard]] int a_dense_layer(Model const& model);
[[nodiscard]] int a_moe_layer(Model const& model);
/// Keys that a query of this layer sees at most; 0 = all before it.
[[nodiscard]] int window_of(Model const& model, int layer);

/// Reads a model: id, name, sections shape, attention, moe (or none), published (or none), each with its
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
