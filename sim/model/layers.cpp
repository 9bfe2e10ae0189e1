#include "base/overloaded.hpp"
#include "model/model.hpp"

#include <algorithm>

namespace moesaic::model {

namespace {

/// Layers of MTP modules are like the last one.
int place_of(Model const& model, int layer) { return std::min(layer, model.layers - 1); }

/// Beside a pattern they have both of what its layers have one of.
bool is_whole(Model const& model, int layer) { return model.pattern.empty() || layer >= model.layers; }

char letter_of(Model const& model, int layer) { return model.pattern[static_cast<std::size_t>(layer)]; }

/// Among layers with a window or with linear attention, one with neither.
bool has_full_attention(Model const& model, int layer) {
    int const number = place_of(model, layer) + 1;
    return model.full_attention_every > 0
               ? number % model.full_attention_every == 0
               : std::ranges::find(model.full_attention_layers, number) != model.full_attention_layers.end();
}

} // namespace

Mixer mixer_of(Model const& model, int layer) {
    if (!is_whole(model, layer)) {
        char const letter = letter_of(model, layer);
        return letter == 'M' ? Mixer{*model.linear} : letter == '*' ? as_mixer(model.attention) : Mixer{};
    }
    return model.pattern.empty() && model.linear && !has_full_attention(model, layer)
               ? Mixer{*model.linear}
               : as_mixer(model.attention);
}

Mixer as_mixer(Attention const& attention) {
    return std::visit([](auto const& a) { return Mixer{a}; }, attention);
}

bool has_attention(Model const& model) {
    return model.pattern.empty() || model.mtp_depth > 0 || model.pattern.find('*') != std::string::npos;
}

bool has_linear_attention(Model const& model) {
    return model.linear && static_cast<int>(model.full_attention_layers.size()) < model.layers;
}

int blocks_of(Model const& model, int layer) { return is_whole(model, layer) ? 2 : 1; }

int heads_of(Mixer const& mixer) {
    return std::visit(overloaded{[](std::monostate) { return 0; }, [](auto const& a) { return a.heads; }},
                      mixer);
}

int kv_heads_of(Mixer const& mixer) {
    return std::visit(overloaded{[](std::monostate) { return 0; }, [](Gqa const& a) { return a.kv_heads; },
                                 [](Mla const& a) { return a.heads; },
                                 [](LinearAttention const& a) { return a.key_heads; }},
                      mixer);
}

int key_dim(Mixer const& mixer) {
    return std::visit(overloaded{[](std::monostate) { return 0; }, [](Gqa const& a) { return a.head_dim; },
                                 [](Mla const& a) { return a.nope_dim + a.rope_dim; },
                                 [](LinearAttention const& a) { return a.key_dim; }},
                      mixer);
}

int value_dim(Mixer const& mixer) {
    return std::visit(overloaded{[](std::monostate) { return 0; }, [](Gqa const& a) { return a.head_dim; },
                                 [](Mla const& a) { return a.v_dim; },
                                 [](LinearAttention const& a) { return a.value_dim; }},
                      mixer);
}

bool is_linear(Mixer const& mixer) { return std::holds_alternative<LinearAttention>(mixer); }

bool is_moe_layer(Model const& model, int layer) {
    if (!model.pattern.empty()) {
        return is_whole(model, layer) ? model.moe.has_value() : letter_of(model, layer) == 'E';
    }
    int const at = place_of(model, layer);
    return moe_layers_among(model, at + 1) > moe_layers_among(model, at);
}

bool has_dense_ffn(Model const& model, int layer) {
    return is_whole(model, layer) ? !is_moe_layer(model, layer) : letter_of(model, layer) == '-';
}

int expert_columns(Model const& model) { return model.moe->latent > 0 ? model.moe->latent : model.hidden; }

int window_of(Model const& model, int layer) {
    if (model.linear || !model.pattern.empty()) { // linear attention has none, and the others are alike
        auto const mixer = mixer_of(model, layer);
        return is_linear(mixer) || heads_of(mixer) == 0 ? 0 : model.window;
    }
    return has_full_attention(model, layer) ? 0 : model.window;
}

int kind_of_layer(Model const& model, int layer) {
    int const mixer = static_cast<int>(mixer_of(model, layer).index());
    int const ffn = is_moe_layer(model, layer) ? 2 : has_dense_ffn(model, layer) ? 1 : 0;
    constexpr int ffns = 3;
    return (mixer * 2 + (window_of(model, layer) > 0 ? 1 : 0)) * ffns + ffn;
}

int moe_layers(Model const& model) { return moe_layers_among(model, model.layers); }

int moe_layers_among(Model const& model, int layers) {
    if (!model.pattern.empty()) {
        return static_cast<int>(std::count(model.pattern.begin(), model.pattern.begin() + layers, 'E'));
    }
    return model.moe ? std::max(0, layers - model.moe->leading_dense_layers) / model.moe->every : 0;
}

} // namespace moesaic::model
