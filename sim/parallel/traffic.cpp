#include "parallel/traffic.hpp"

#include "parallel/context_attention.hpp"

#include <algorithm>
#include <cmath>

namespace moesaic::parallel {

using timing::CollectiveKind;

namespace {

/// Kernels up to the first product and including it.
std::size_t through_first_product(Traffic::Operations kernels) {
    auto const at = std::ranges::find_if(kernels, [](auto const& op) { return model::has_weights(op.kind); });
    return at == kernels.end() ? 0 : static_cast<std::size_t>(at - kernels.begin()) + 1;
}

} // namespace

Collective Traffic::tensor(CollectiveKind kind, double columns, Label role) const {
    auto const rows = static_cast<double>(model::group_rows(s_.shape));
    return {kind, Bytes{rows * columns * element()}, s_.groups.tensor, std::string{role}};
}

Collective Traffic::reduction(double columns, Label role) const {
    bool const scatters = s_.shape.shard.sequence_parallel;
    return tensor(scatters ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, columns, role);
}

Bytes Traffic::expert_rows() const {
    return Bytes{model::expert_rows(*s_.model.moe, s_.shape) * model::expert_columns(s_.model) * element()};
}

bool Traffic::overlaps(TensorOverlap least) const {
    return s_.groups.tensor.count > 1 && s_.plan.tensor_overlap >= least;
}

void Traffic::gather(int columns, Label role) const {
    if (s_.shape.shard.sequence_parallel) {
        to_.collective(Stream::tensor, tensor(CollectiveKind::all_gather, columns, role));
    }
}

void Traffic::reduce(int columns, Label role) const {
    to_.collective(Stream::tensor, reduction(columns, role));
}

void Traffic::gather_message() const {
    if (gathers_messages(s_.plan, s_.group.tensor) && stages_of(s_.kind) > 1) {
        to_.collective(Stream::tensor, tensor(CollectiveKind::all_gather, s_.model.hidden, "message"));
    }
}

void Traffic::compute(Operations kernels, Label prefix) const {
    if (s_.shape.shard.context > 1) {
        context_forward(s_, kernels, to_, prefix);
    } else {
        to_.compute(kernels, prefix);
    }
}

void Traffic::block(int columns_in, Operations kernels, Label role, Label prefix) const {
    auto const hidden = s_.model.hidden;
    if (!overlaps(TensorOverlap::products) || !s_.shape.shard.sequence_parallel || kernels.size() < 2) {
        gather(columns_in, role);
        compute(kernels, prefix);
        reduce(hidden, role);
        return;
    }
    // a part of the rows comes in while the product works on another; so on the way out, but for the last part
    auto const fed = through_first_product(kernels);
    auto const coming = to_.beside(Stream::tensor, tensor(CollectiveKind::all_gather, columns_in, role));
    compute(kernels.first(fed), prefix);
    to_.wait_for(coming);
    compute(kernels.subspan(fed, kernels.size() - fed - 1), prefix);
    double const parts = static_cast<double>(s_.groups.tensor.count);
    auto const going = to_.beside(Stream::tensor, reduction(hidden * (parts - 1) / parts, role));
    compute(kernels.last(1), prefix);
    to_.wait_for(going);
    to_.collective(Stream::tensor, reduction(hidden / parts, role));
}

void Traffic::input_gradients(Operations gradients) const {
    if (s_.shape.shard.context > 1) {
        context_backward(s_, gradients, to_);
    } else {
        to_.compute(gradients);
    }
}

Traffic::Operations Traffic::weights_of(model::BackwardOperations const& back) const {
    bool const done_here = part_ != BackwardPart::inputs && !s_.plan.adapters; // else they are frozen
    return done_here ? Operations{back.weight_gradient} : Operations{};
}

void Traffic::backward(Operations forward) const {
    auto const back = model::backward_of(forward);
    if (part_ != BackwardPart::weights) {
        input_gradients(back.input_gradient);
    }
    to_.compute(weights_of(back));
}

void Traffic::block_backward(int columns_in, Operations forward, Label role) const {
    auto const back = model::backward_of(forward);
    auto const weights = weights_of(back);
    if (part_ == BackwardPart::weights) {
        to_.compute(weights);
        return;
    }
    auto const name = std::string{role} + " gradient";
    Operations const inputs{back.input_gradient};
    if (overlaps(TensorOverlap::products) && s_.shape.shard.sequence_parallel) {
        auto const fed = through_first_product(inputs);
        auto const coming =
            to_.beside(Stream::tensor, tensor(CollectiveKind::all_gather, s_.model.hidden, name));
        input_gradients(inputs.first(fed));
        to_.wait_for(coming);
        input_gradients(inputs.subspan(fed));
    } else {
        gather(s_.model.hidden, name);
        input_gradients(inputs);
    }
    if (weights.empty() || !overlaps(TensorOverlap::weight_gradients)) {
        to_.compute(weights);
        reduce(columns_in, name);
        return;
    }
    // gradients of the inputs go out beside the weight gradient of the first product, which is the last one here
    to_.compute(weights.first(weights.size() - 1));
    auto beside = reduction(columns_in, name);
    beside.chip_share = s_.plan.communication_share;
    auto const going = to_.beside(Stream::tensor, beside);
    to_.compute(weights.last(1));
    to_.wait_for(going);
}

Collective Traffic::exchange_of(Dtype format, Label role, Way way) const {
    auto const copies = model::dispatched_tokens(s_.shape) * s_.model.moe->topk * s_.kind.expert_imbalance;
    Collective out{CollectiveKind::all_to_all,
                   Bytes{copies * model::expert_columns(s_.model) * bytes_per_element(format)},
                   s_.groups.expert, std::string{role}};
    out.chip_share = s_.plan.communication_share;
    if (s_.plan.expert_exchange == ExpertExchange::once_per_node) {
        out.once_per_node = model::spread_of(*s_.model.moe);
        out.tokens = {.sums = way == Way::back,
                      .format = format,
                      .tokens = std::llround(model::dispatched_tokens(s_.shape)),
                      .hidden = model::expert_columns(s_.model),
                      .topk = s_.model.moe->topk,
                      .experts = s_.model.moe->experts,
                      .sms = s_.plan.exchange_processors,
                      .library = s_.plan.exchange_library};
    }
    return out;
}

void Traffic::exchange(Dtype format, Label role, Way way) const {
    to_.collective(Stream::expert, exchange_of(format, role, way));
}

std::optional<int> Traffic::exchange_beside(Dtype format, Label role, Way way) const {
    return to_.beside(Stream::expert, exchange_of(format, role, way));
}

void Traffic::expert_tensor_gather(Label role) const {
    to_.collective(Stream::tensor,
                   {CollectiveKind::all_gather, expert_rows(), s_.groups.expert_tensor, std::string{role}});
}

void Traffic::expert_tensor_scatter(Label role) const {
    to_.collective(Stream::tensor, {CollectiveKind::reduce_scatter, expert_rows(), s_.groups.expert_tensor,
                                    std::string{role}});
}

} // namespace moesaic::parallel
