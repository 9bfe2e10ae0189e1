#include "parallel/context_attention.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <set>

namespace moesaic::parallel {

using model::Operation;
using model::OpKind;
using timing::CollectiveKind;

namespace {

bool is_attention(Operation const& op) {
    return op.kind == OpKind::attention || op.kind == OpKind::mla_attention || model::is_linear(op.kind);
}

int value_dim(Operation const& attention) {
    return attention.v_dim > 0 ? attention.v_dim : static_cast<int>(attention.k);
}

/// Of what one context rank makes of its part of a micro-batch's sequences.
struct RankBytes {
    Bytes queries, keys, values, output;
};

RankBytes rank_bytes(StageSetting const& s, Operation const& attention) {
    double const element = bytes_per_element(s.shape.precision.activations);
    Bytes const column{static_cast<double>(model::group_rows(s.shape)) * element};
    bool const linear = model::is_linear(attention.kind);
    int const sharers = s.shape.shard.context_by_heads ? s.shape.shard.context : 1; // of the heads
    int const heads = attention.heads * sharers, kv_heads = attention.kv_heads * sharers;
    double const key_dim = static_cast<double>(attention.k), values = value_dim(attention);
    double const decay =
        attention.kind == OpKind::kda ? heads * key_dim : 0.0; // of each column, goes with the keys
    // linear attention has a value for each head that is read, and queries for each that keys have
    return {.queries = column * (linear ? kv_heads : heads) * key_dim,
            .keys = column * (kv_heads * key_dim + decay),
            .values = column * (linear ? heads : kv_heads) * values,
            .output = column * heads * values};
}

Bytes key_value_bytes(StageSetting const& s, Operation const& attention) {
    auto const rank = rank_bytes(s, attention);
    return rank.keys + rank.values;
}

Collective hop(StageSetting const& s, Bytes bytes, std::string role) {
    return {CollectiveKind::send_recv, bytes, s.groups.context, std::move(role)};
}

Collective over_all(StageSetting const& s, CollectiveKind kind, Operation const& attention,
                    std::string role) {
    return {kind, key_value_bytes(s, attention) * s.kind.context, s.groups.context, std::move(role)};
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
    auto const columns = std::int64_t{attention.heads} * value_dim(attention);
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
            coming = to.beside(Stream::context, hop(s, key_value_bytes(s, attention), "keys and values"));
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
    auto const gradients = hop(s, key_value_bytes(s, attention), "key and value gradients");
    for (int at = 0; at < s.kind.context; ++at) {
        std::optional<int> coming;
        if (at + 1 < s.kind.context) {
            coming = to.beside(Stream::context, hop(s, key_value_bytes(s, attention), "keys and values"));
        }
        to.compute(std::span{&step, 1});
        if (at + 1 < s.kind.context) {
            (void)to.beside(Stream::context, gradients);
        }
        to.wait_for(coming);
    }
    to.collective(Stream::context, gradients);
}

/// All to all: of the rank's own rows the columns of all heads go out, and of all rows those of its heads come in, or back.
/// What goes to one rank is copied to lie together, and what comes to lie in the order of the sequence or of the heads.
class HeadExchange {
  public:
    HeadExchange(StageSetting const& s, Operation const& attention, BlockBuilder& to, std::string_view prefix)
        : s_{s}, rank_{rank_bytes(s, attention)}, to_{to}, copy_role_{std::string{prefix} + "context_copy"} {}

    void send(Bytes bytes, std::string role) const {
        to_.move(2.0 * bytes, copy_role_); // read and written
        to_.collective(Stream::context,
                       {CollectiveKind::all_to_all, bytes, s_.groups.context, std::move(role)});
        to_.move(2.0 * bytes, copy_role_);
    }
    /// @param of what they are: " gradients", or nothing
    void send_inputs(std::string const& of) const {
        send(rank_.queries, "queries" + of);
        send(rank_.keys, "keys" + of);
        send(rank_.values, "values" + of);
    }
    void send_output(std::string const& of) const { send(rank_.output, "attention output" + of); }

  private:
    StageSetting const& s_;
    RankBytes rank_;
    BlockBuilder& to_;
    std::string copy_role_;
};

void all_to_all_forward(StageSetting const& s, Operation const& attention, BlockBuilder& to,
                        std::string_view prefix) {
    HeadExchange const exchange{s, attention, to, prefix};
    exchange.send_inputs("");
    to.compute(std::span{&attention, 1}, prefix);
    exchange.send_output("");
}

void all_to_all_backward(StageSetting const& s, Operation const& attention, BlockBuilder& to) {
    HeadExchange const exchange{s, attention, to, ""};
    exchange.send_output(" gradients");
    to.compute(std::span{&attention, 1});
    exchange.send_inputs(" gradients");
}

void all_gather_forward(StageSetting const& s, Operation const& attention, BlockBuilder& to,
                        std::string_view prefix) {
    to.collective(Stream::context, over_all(s, CollectiveKind::all_gather, attention, "keys and values"));
    to.compute(std::span{&attention, 1}, prefix);
}

void all_gather_backward(StageSetting const& s, Operation const& attention, BlockBuilder& to) {
    to.collective(Stream::context, over_all(s, CollectiveKind::all_gather, attention, "keys and values"));
    to.compute(std::span{&attention, 1});
    to.collective(Stream::context,
                  over_all(s, CollectiveKind::reduce_scatter, attention, "key and value gradients"));
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

namespace {

Bytes buffers_of(StageSetting const& s, RankBytes const& rank) {
    switch (s.plan.context_exchange) {
    case ContextExchange::ring: // at hand and coming in
        return 2.0 * (rank.keys + rank.values);
    case ContextExchange::all_gather: // of all parts, and their gradients
        return 2.0 * s.kind.context * (rank.keys + rank.values);
    case ContextExchange::all_to_all: // sent and come
        return 2.0 * (rank.keys + rank.values + rank.queries);
    }
    return {};
}

} // namespace

Bytes context_buffers(StageSetting const& s) {
    Bytes most;
    std::set<int> seen;
    for (int layer = 0; s.kind.context > 1 && layer < s.model.layers; ++layer) {
        if (!seen.insert(model::kind_of_layer(s.model, layer)).second) {
            continue;
        }
        auto const ops = model::layer_operations(s.model, layer, shape_of(s, layer)).attention;
        if (auto const at = std::ranges::find_if(ops, is_attention); at != ops.end()) {
            most = std::max(most, buffers_of(s, rank_bytes(s, *at)));
        }
    }
    return most;
}

void context_forward(StageSetting const& s, std::span<Operation const> kernels, BlockBuilder& to,
                     std::string_view prefix) {
    split_at_attention(
        kernels, [&](auto part) { to.compute(part, prefix); },
        [&](Operation const& attention) {
            switch (s.plan.context_exchange) {
            case ContextExchange::ring:
                return ring_forward(s, attention, to, prefix);
            case ContextExchange::all_gather:
                return all_gather_forward(s, attention, to, prefix);
            case ContextExchange::all_to_all:
                return all_to_all_forward(s, attention, to, prefix);
            }
        });
}

void context_backward(StageSetting const& s, std::span<Operation const> gradients, BlockBuilder& to) {
    split_at_attention(
        gradients, [&](auto part) { to.compute(part); },
        [&](Operation const& attention) {
            switch (s.plan.context_exchange) {
            case ContextExchange::ring:
                return ring_backward(s, attention, to);
            case ContextExchange::all_gather:
                return all_gather_backward(s, attention, to);
            case ContextExchange::all_to_all:
                return all_to_all_backward(s, attention, to);
            }
        });
}

void context_again(StageSetting const& s, std::span<Operation const> kernels, BlockBuilder& to,
                   std::string_view prefix) {
    auto const at = std::ranges::find_if(kernels, is_attention);
    if (s.kind.context > 1 && s.plan.context_exchange == ContextExchange::all_to_all && at != kernels.end()) {
        HeadExchange{s, *at, to, prefix}.send_inputs("");
    }
}

} // namespace moesaic::parallel
