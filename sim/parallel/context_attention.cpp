#include "parallel/context_attention.hpp"

#include "base/errors.hpp"
#include "model/weights.hpp"

#include <algorithm>

namespace moesaic::parallel {

using model::Operation;
using model::OpKind;
using timing::CollectiveKind;

namespace {

bool is_attention(Operation const& op) {
    return op.kind == OpKind::attention || op.kind == OpKind::mla_attention;
}

Collective hop(StageSetting const& s, Bytes bytes, std::string role) {
    return {CollectiveKind::send_recv, bytes, s.groups.context, std::move(role)};
}

Collective over_all(StageSetting const& s, CollectiveKind kind, std::string role) {
    return {kind, key_value_bytes(s) * s.kind.context, s.groups.context, std::move(role)};
}

/// Attention of one part's queries over one part's keys: half of the square is masked, over all steps together. A window hides most
/// parts from a query: all steps together do what it leaves, here spread evenly over them.
Operation one_step(Operation op, int context) {
    if (op.window > 0) {
        op.m = (op.m + context - 1) / context;
    } else {
        op.n = op.m;
    }
    return op;
}

/// Sum of two partial outputs, rescaled by their statistics.
Operation merge(StageSetting const& s, Operation const& attention) {
    auto const columns = static_cast<std::int64_t>(attention.heads) * model::value_dim(s.model);
    return {.kind = OpKind::add,
            .dtype = s.shape.precision.activations,
            .m = model::group_rows(s.shape),
            .n = columns,
            .role = "attention_merge"};
}

void ring_forward(StageSetting const& s, Operation const& attention, BlockBuilder& to,
                  std::string_view prefix) {
    auto const step = one_step(attention, s.kind.context);
    for (int at = 0; at < s.kind.context; ++at) {
        std::optional<int> coming;
        if (at + 1 < s.kind.context) {
            coming = to.beside(Stream::context, hop(s, key_value_bytes(s), "keys and values"));
        }
        to.compute(std::span{&step, 1}, prefix);
        if (at > 0) {
            auto const sum = merge(s, attention);
            to.compute(std::span{&sum, 1}, prefix);
        }
        to.wait_for(coming);
    }
}

void ring_backward(StageSetting const& s, Operation const& attention, BlockBuilder& to) {
    auto const step = one_step(attention, s.kind.context);
    auto const gradients = hop(s, key_value_bytes(s), "key and value gradients");
    for (int at = 0; at < s.kind.context; ++at) {
        std::optional<int> coming;
        if (at + 1 < s.kind.context) {
            coming = to.beside(Stream::context, hop(s, key_value_bytes(s), "keys and values"));
        }
        to.compute(std::span{&step, 1});
        if (at + 1 < s.kind.context) {
            (void)to.beside(Stream::context, gradients);
        }
        to.wait_for(coming);
    }
    to.collective(Stream::context, gradients);
}

/// Runs `attention` on the one attention among the kernels, and the others as they are.
template <class Kernels, class Attention>
void split_at_attention(std::span<Operation const> all, Kernels kernels, Attention attention) {
    auto const at = std::ranges::find_if(all, is_attention);
    if (at == all.end()) {
        kernels(all);
        return;
    }
    auto const before = static_cast<std::size_t>(at - all.begin());
    kernels(all.first(before));
    attention(*at);
    kernels(all.subspan(before + 1));
}

} // namespace

Bytes key_value_bytes(StageSetting const& s) {
    double const kv_heads = std::max(1, model::kv_heads_of(s.model) / s.shape.shard.tensor);
    double const columns = kv_heads * (model::key_dim(s.model) + model::value_dim(s.model));
    return Bytes{static_cast<double>(model::group_rows(s.shape)) * columns *
                 bytes_per_element(s.shape.precision.activations)};
}

void context_forward(StageSetting const& s, std::span<Operation const> kernels, BlockBuilder& to,
                     std::string_view prefix) {
    split_at_attention(
        kernels, [&](auto part) { to.compute(part, prefix); },
        [&](Operation const& attention) {
            if (s.plan.context_exchange == ContextExchange::ring) {
                ring_forward(s, attention, to, prefix);
                return;
            }
            to.collective(Stream::context, over_all(s, CollectiveKind::all_gather, "keys and values"));
            to.compute(std::span{&attention, 1}, prefix);
        });
}

void context_backward(StageSetting const& s, std::span<Operation const> gradients, BlockBuilder& to) {
    split_at_attention(
        gradients, [&](auto part) { to.compute(part); },
        [&](Operation const& attention) {
            if (s.plan.context_exchange == ContextExchange::ring) {
                ring_backward(s, attention, to);
                return;
            }
            to.collective(Stream::context, over_all(s, CollectiveKind::all_gather, "keys and values"));
            to.compute(std::span{&attention, 1});
            to.collective(Stream::context,
                          over_all(s, CollectiveKind::reduce_scatter, "key and value gradients"));
        });
}

} // namespace moesaic::parallel
