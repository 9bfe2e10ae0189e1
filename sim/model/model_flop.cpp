#include "model/model_flop.hpp"

#include "model/weights.hpp"

#include <algorithm>

namespace moesaic::model {

namespace {

double layer_weights(Model const& model, int layer) {
    auto const attention = attention_weights(mixer_of(model, layer), model.hidden);
    double weights = static_cast<double>(attention.split + attention.replicated);
    if (!is_moe_layer(model, layer)) {
        return weights + (has_dense_ffn(model, layer)
                              ? static_cast<double>(ffn_weights(model, model.hidden, model.dense_ffn))
                              : 0.0);
    }
    auto const& moe = *model.moe;
    weights += static_cast<double>(model.hidden) * moe.experts; // router
    weights += static_cast<double>(ffn_weights(model, model.hidden, moe.shared_ffn_total));
    return weights +
           static_cast<double>(latent_weights(model) +
                               moe.topk * ffn_weights(model, expert_columns(model), moe.expert_ffn));
}

/// Keys per query, in the mean.
double keys_seen(Model const& model, int layer, double length, FlopConvention convention) {
    int const window = window_of(model, layer);
    double const behind = window > 0 ? std::min(length, static_cast<double>(window)) : length;
    // the first queries of a sequence see fewer than the window holds
    return convention == FlopConvention::full_square ? behind : behind - behind * behind / (2 * length);
}

/// As the recurrence has it: keys times values into the state, queries times the state, with the delta rule keys times it too.
double recurrence_flop(LinearAttention const& a) {
    return (a.delta_rule ? 6.0 : 4.0) * a.heads * a.key_dim * a.value_dim;
}

double attention_flop(Model const& model, int layer, int sequence_length, FlopConvention convention) {
    auto const mixer = mixer_of(model, layer);
    if (auto const* const linear = std::get_if<LinearAttention>(&mixer)) {
        return recurrence_flop(*linear);
    }
    return 2.0 * keys_seen(model, layer, sequence_length, convention) * heads_of(mixer) *
           (key_dim(mixer) + value_dim(mixer));
}

/// Of a token forward.
struct ForwardFlop {
    double products = 0.0; ///< with weights
    double attention = 0.0;
};

ForwardFlop forward_flop(Model const& model, int sequence_length, FlopConvention convention) {
    double const hidden = model.hidden, head = hidden * model.vocab;
    double weights = head;
    for (int layer = 0; layer < model.layers; ++layer) {
        weights += layer_weights(model, layer);
    }
    weights += model.mtp_depth * (layer_weights(model, model.layers) + 2 * hidden * hidden + head);
    ForwardFlop out{.products = 2 * weights};
    for (int layer = 0; layer < model.layers + model.mtp_depth; ++layer) {
        out.attention += attention_flop(model, layer, sequence_length, convention);
    }
    return out;
}

} // namespace

Flop forward_flop_per_token(Model const& model, int sequence_length, FlopConvention convention) {
    auto const [products, attention] = forward_flop(model, sequence_length, convention);
    return Flop{products + attention};
}

Flop training_flop_per_token(Model const& model, int sequence_length, FlopConvention convention) {
    return 3.0 * forward_flop_per_token(model, sequence_length, convention);
}

Flop adapting_flop_per_token(Model const& model, int sequence_length, FlopConvention convention, int rank) {
    auto const [products, attention] = forward_flop(model, sequence_length, convention);
    int adapted = 0;
    for (int layer = 0; layer < model.layers + model.mtp_depth; ++layer) {
        adapted += heads_of(mixer_of(model, layer)) > 0 ? 1 : 0;
    }
    double const adapters = 2.0 * static_cast<double>(adapter_weights(model, rank)) * adapted;
    return Flop{2 * products + 3 * (attention + adapters)};
}

} // namespace moesaic::model
