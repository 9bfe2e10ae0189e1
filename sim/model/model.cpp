#include "model/model.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::model {

namespace {

Gqa read_gqa(io::TomlTable const& table) {
    Gqa gqa{.heads = table.count("heads", 1), .head_dim = table.count("head_dim", 1)};
    gqa.kv_heads = table.count_or("kv_heads", gqa.heads, 1);
    gqa.qkv_bias = table.boolean_or("qkv_bias", false);
    gqa.qk_norm = table.boolean_or("qk_norm", false);
    gqa.output_gate = table.boolean_or("output_gate", false);
    if (gqa.heads % gqa.kv_heads != 0) {
        throw InputError{table.origin("kv_heads"),
                         fmt::format("{} heads are not a multiple of {} kv_heads", gqa.heads, gqa.kv_heads)};
    }
    return gqa;
}

Mla read_mla(io::TomlTable const& table) {
    return {.heads = table.count("heads", 1),
            .q_lora_rank = table.count_or("q_lora_rank", 0, 0),
            .kv_lora_rank = table.count("kv_lora_rank", 1),
            .nope_dim = table.count("nope_dim", 1),
            .rope_dim = table.count("rope_dim", 1),
            .v_dim = table.count("v_dim", 1)};
}

Attention read_attention(io::TomlTable const& table) {
    auto const kind = table.text("kind");
    if (kind == "gqa") {
        return read_gqa(table);
    }
    if (kind == "mla") {
        return read_mla(table);
    }
    throw InputError{table.origin("kind"), fmt::format("attention '{}' is not known", kind),
                     "Known: gqa (multi-head and grouped-query), mla (latent)"};
}

Decay read_decay(io::TomlTable const& table, bool delta_rule) {
    auto const name = table.text_or("decay", delta_rule ? "head" : "fixed");
    if (name == "fixed" || name == "head") {
        return name == "head" ? Decay::head : Decay::fixed;
    }
    if (name == "channel" && !delta_rule) {
        throw InputError{table.origin("decay"), "channel goes with delta_rule alone",
                         "Kernels of gated linear attention without it are not there"};
    }
    if (name == "channel") {
        return Decay::channel;
    }
    throw InputError{
        table.origin("decay"), fmt::format("decay '{}' is not known", name),
        "Known: fixed (a factor per head that no token changes), head, channel (one per column of a key)"};
}

LinearAttention read_linear(io::TomlTable const& table) {
    LinearAttention out{.delta_rule = table.boolean_or("delta_rule", false),
                        .heads = table.count("heads", 1)};
    out.key_heads = table.count_or("key_heads", out.heads, 1);
    out.key_dim = table.count("key_dim", 1);
    out.value_dim = table.count_or("value_dim", out.key_dim, 1);
    out.convolution = table.count_or("convolution", 0, 2);
    out.decay = read_decay(table, out.delta_rule);
    out.decay_rank = table.count_or("decay_rank", 0, 1);
    out.output_gate = table.boolean_or("output_gate", true);
    out.gate_rank = table.count_or("gate_rank", 0, 1);
    out.qk_norm = table.boolean_or("qk_norm", false);
    out.rotary = table.boolean_or("rotary", false);
    if (out.heads % out.key_heads != 0) {
        throw InputError{table.origin("key_heads"), fmt::format("{} heads are not a multiple of {} key_heads",
                                                                out.heads, out.key_heads)};
    }
    if (out.decay_rank > 0 && out.decay != Decay::channel) {
        throw InputError{table.origin("decay_rank"), "has no use without decay = \"channel\"",
                         "A decay per head is one column of the projection"};
    }
    if (out.gate_rank > 0 && !out.output_gate) {
        throw InputError{table.origin("gate_rank"), "has no use without an output gate"};
    }
    return out;
}

/// Which layers have neither window nor linear attention.
void read_full_layers(io::TomlTable const& table, Model& model) {
    model.window = table.count_or("window", 0, 1);
    model.full_attention_every = table.count_or("full_attention_every", 0, 2);
    model.full_attention_layers =
        table.has("full_attention_layers") ? table.counts("full_attention_layers", 1) : std::vector<int>{};
    bool const listed = table.has("full_attention_layers");
    if (listed && model.full_attention_layers.empty()) {
        throw InputError{table.origin("full_attention_layers"), "names no layer"};
    }
    auto const* const key = listed ? "full_attention_layers" : "full_attention_every";
    if (listed && model.full_attention_every > 0) {
        throw InputError{table.origin(key), "and full_attention_every: give one of them"};
    }
    if ((listed || model.full_attention_every > 0) && model.window == 0 && !model.linear) {
        throw InputError{
            table.origin(key), "has no use without a window",
            "Give attention.window, the keys that a query sees in the other layers, or [linear_attention]"};
    }
    auto sorted = model.full_attention_layers;
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) != sorted.end()) {
        throw InputError{table.origin(key), "names a layer twice"};
    }
    if (model.linear && model.full_attention_every > model.layers) {
        throw InputError{table.origin(key), "leaves no layer for [attention]"};
    }
    if (listed && sorted.back() > model.layers) {
        throw InputError{table.origin(key), fmt::format("names layer {} of {}", sorted.back(), model.layers)};
    }
}

Norm read_norm(io::TomlTable const& table) {
    auto const name = table.text_or("norm", "rmsnorm");
    if (name != "rmsnorm" && name != "layernorm") {
        throw InputError{table.origin("norm"), fmt::format("norm '{}' is not known", name),
                         "Known: rmsnorm, layernorm"};
    }
    return name == "rmsnorm" ? Norm::rmsnorm : Norm::layernorm;
}

/// Groups of experts that the router chooses first (DeepSeek's node-limited routing).
void read_groups(io::TomlTable const& table, Moe& moe) {
    moe.groups = table.count_or("groups", 1, 1);
    moe.groups_per_token = table.count_or("groups_per_token", moe.groups, 1);
    if (moe.experts % moe.groups != 0 || moe.groups_per_token > moe.groups ||
        moe.topk > moe.experts / moe.groups * moe.groups_per_token) {
        throw InputError{table.origin("groups"),
                         fmt::format("top {} of {} experts cannot come from {} of {} equal groups", moe.topk,
                                     moe.experts, moe.groups_per_token, moe.groups)};
    }
}

Moe read_moe(io::TomlTable const& table) {
    Moe moe{.experts = table.count("experts", 1),
            .topk = table.count("topk", 1),
            .expert_ffn = table.count("expert_ffn", 1),
            .latent = table.count_or("latent", 0, 1),
            .shared_experts = table.count_or("shared_experts", 0, 0)};
    moe.shared_ffn_total = table.count_or("shared_ffn_total", moe.shared_experts * moe.expert_ffn, 0);
    moe.leading_dense_layers = table.count_or("leading_dense_layers", 0, 0);
    moe.every = table.count_or("every", 1, 1);
    if (moe.topk > moe.experts) {
        throw InputError{table.origin("topk"),
                         fmt::format("top {} of {} experts cannot be chosen", moe.topk, moe.experts)};
    }
    read_groups(table, moe);
    if ((moe.shared_experts == 0) != (moe.shared_ffn_total == 0)) {
        throw InputError{table.origin("shared_ffn_total"), "shared_experts and shared_ffn_total do not agree",
                         "Give both, or neither for a model without shared experts"};
    }
    return moe;
}

/// "671B", "2.75B", "1.04T", "410M"
PrintedCount read_printed_count(io::TomlTable const& table, std::string_view key) {
    auto const text = table.text(key);
    static constexpr std::string_view letters = "MBT";
    auto const letter = text.empty() ? std::string_view::npos : letters.find(text.back());
    double number = 0.0;
    auto const* const end = text.data() + text.size() - (text.empty() ? 0 : 1);
    auto const parsed = std::from_chars(text.data(), end, number);
    if (letter == std::string_view::npos || parsed.ec != std::errc{} || parsed.ptr != end || number <= 0) {
        throw InputError{table.origin(key), fmt::format("'{}' is no number of parameters", text),
                         "Write it as printed, such as \"671B\" or \"1.04T\" (M, B, T)"};
    }
    auto const point = text.find('.');
    auto const decimals = point == std::string::npos ? 0.0 : static_cast<double>(text.size() - point - 2);
    double const scale = std::pow(1000.0, 2.0 + static_cast<double>(letter));
    return {.value = number * scale, .unit = scale * std::pow(10.0, -decimals)};
}

ActiveCount read_active_counts(io::TomlTable const& table) {
    auto const name = table.text_or("active_counts", "both_embeddings");
    if (name != "both_embeddings" && name != "head_only") {
        throw InputError{table.origin("active_counts"), fmt::format("'{}' is not known", name),
                         "Known: both_embeddings, head_only"};
    }
    return name == "head_only" ? ActiveCount::head_only : ActiveCount::both_embeddings;
}

PublishedParameters read_published(io::TomlTable const& table) {
    PublishedParameters published{.total = read_printed_count(table, "total_parameters"),
                                  .active_counts = read_active_counts(table),
                                  .source = table.text("source")};
    if (table.has("active_parameters")) {
        published.active = read_printed_count(table, "active_parameters");
    }
    return published;
}

void read_pattern(io::TomlTable const& shape, Model& model) {
    model.pattern = shape.text_or("pattern", "");
    auto const strange = model.pattern.find_first_not_of("M*-E");
    if (strange != std::string::npos) {
        throw InputError{
            shape.origin_in_text("pattern", strange),
            fmt::format("'{}' is no kind of layer", model.pattern[strange]),
            "M linear attention, * attention, - dense FFN, E experts; one letter for each layer"};
    }
    if (!model.pattern.empty() && static_cast<int>(model.pattern.size()) != model.layers) {
        throw InputError{shape.origin("pattern"),
                         fmt::format("has {} letters for {} layers", model.pattern.size(), model.layers)};
    }
}

void read_shape(io::TomlTable const& table, Model& model) {
    model.layers = table.count("layers", 1);
    model.hidden = table.count("hidden", 1);
    model.vocab = table.count("vocab", 1);
    model.sequence_length = table.count("sequence_length", 1);
    model.dense_ffn = table.count_or("dense_ffn", 0, 1);
    model.gated_ffn = table.boolean_or("gated_ffn", true);
    model.tied_embeddings = table.boolean_or("tied_embeddings", false);
    model.learned_positions = table.count_or("learned_positions", 0, 0);
    model.rotary = table.boolean_or("rotary", model.learned_positions == 0);
    model.biases = table.boolean_or("biases", false);
    model.norm = read_norm(table);
    model.dropout = table.boolean_or("dropout", false);
    model.sandwich_norm = table.boolean_or("sandwich_norm", false);
    model.mtp_depth = table.count_or("mtp_depth", 0, 0);
    read_pattern(table, model);
}

/// A pattern says by itself which layer is what.
void check_pattern(io::TomlTable const& table, Model const& model) {
    auto const shape = table.table("shape");
    auto const refuse = [&](std::string_view section, std::string_view key) {
        throw InputError{table.table(section).origin(key), "has no use beside shape.pattern",
                         "The pattern has a letter for each layer"};
    };
    auto const asks = [&](char letter, bool is_given, std::string_view what) {
        if (model.pattern.find(letter) != std::string::npos && !is_given) {
            throw InputError{shape.origin("pattern"),
                             fmt::format("has '{}', but there is no {}", letter, what)};
        }
        if (model.pattern.find(letter) == std::string::npos && is_given) {
            throw InputError{shape.origin("pattern"), fmt::format("has no '{}' for {}", letter, what)};
        }
    };
    asks('M', model.linear.has_value(), "[linear_attention]");
    asks('E', model.moe.has_value(), "[moe]");
    asks('-', model.dense_ffn > 0, "shape.dense_ffn");
    if (model.mtp_depth > 0 && !model.moe && model.dense_ffn == 0) {
        throw InputError{shape.origin("mtp_depth"),
                         "needs experts or an FFN: a module has a layer with one of them"};
    }
    if (model.full_attention_every > 0 || !model.full_attention_layers.empty()) {
        refuse("attention",
               model.full_attention_every > 0 ? "full_attention_every" : "full_attention_layers");
    }
    if (model.moe && (model.moe->leading_dense_layers > 0 || model.moe->every > 1)) {
        refuse("moe", model.moe->every > 1 ? "every" : "leading_dense_layers");
    }
}

/// What no section can check alone.
void check_layers(io::TomlTable const& table, Model const& model) {
    if (!model.pattern.empty()) {
        check_pattern(table, model);
        return;
    }
    if (model.linear && model.full_attention_every == 0 && model.full_attention_layers.empty()) {
        throw InputError{table.table("attention").origin("full_attention_every"),
                         "is missing for a model with linear attention",
                         "Say which layers have [attention]: the last of so many, full_attention_layers, or "
                         "shape.pattern"};
    }
    if (model.moe && moe_layers(model) == 0) {
        auto const moe = table.table("moe");
        auto const key = model.moe->leading_dense_layers > 0 ? "leading_dense_layers" : "every";
        throw InputError{
            moe.origin(key),
            fmt::format("{} leading dense layers, and every {} behind them, leave none of {} for experts",
                        model.moe->leading_dense_layers, model.moe->every, model.layers)};
    }
    bool const has_dense_layers = moe_layers(model) < model.layers;
    if (has_dense_layers && model.dense_ffn == 0) {
        throw InputError{table.table("shape").origin("dense_ffn"),
                         "is missing for a model with dense layers"};
    }
    if (!has_dense_layers && model.dense_ffn != 0) {
        throw InputError{table.table("shape").origin("dense_ffn"), "has no use: every layer has experts",
                         "The shared experts' size is moe.shared_ffn_total"};
    }
}

void add_source(io::TomlTable const& section, std::string name, Model& model) {
    model.sources.push_back({std::move(name), section.text("source")});
}

} // namespace

Model read_model(io::TomlTable const& table) {
    Model model{.id = table.text("id")};
    model.name = table.text_or("name", model.id);
    model.file = table.origin().file;
    auto const shape = table.table("shape");
    read_shape(shape, model);
    add_source(shape, "shape", model);
    auto const attention = table.table("attention");
    model.attention = read_attention(attention);
    if (auto const linear = table.optional_table("linear_attention")) {
        model.linear = read_linear(*linear);
        add_source(*linear, "linear_attention", model);
        linear->reject_unknown_keys();
    }
    read_full_layers(attention, model);
    add_source(attention, "attention", model);
    shape.reject_unknown_keys();
    attention.reject_unknown_keys();
    if (auto const moe = table.optional_table("moe")) {
        model.moe = read_moe(*moe);
        add_source(*moe, "moe", model);
        moe->reject_unknown_keys();
    }
    if (auto const published = table.optional_table("published")) {
        model.published = read_published(*published);
        published->reject_unknown_keys();
    }
    check_layers(table, model);
    table.reject_unknown_keys();
    return model;
}

} // namespace moesaic::model
