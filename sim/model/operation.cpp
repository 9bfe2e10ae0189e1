#include "model/operation.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace moesaic::model {

namespace {

constexpr std::array kind_names{std::string_view{"gemm"},
                                std::string_view{"bmm"},
                                std::string_view{"grouped_gemm"},
                                std::string_view{"moe_ffn"},
                                std::string_view{"attention"},
                                std::string_view{"mla_attention"},
                                std::string_view{"linear_attention"},
                                std::string_view{"delta_rule"},
                                std::string_view{"kda"},
                                std::string_view{"short_convolution"},
                                std::string_view{"rmsnorm"},
                                std::string_view{"layernorm"},
                                std::string_view{"rope"},
                                std::string_view{"gated_activation"},
                                std::string_view{"gelu"},
                                std::string_view{"add"},
                                std::string_view{"dropout"},
                                std::string_view{"softmax"},
                                std::string_view{"router_topk"},
                                std::string_view{"permute"},
                                std::string_view{"unpermute"},
                                std::string_view{"quantise"},
                                std::string_view{"embedding"},
                                std::string_view{"cross_entropy"},
                                std::string_view{"optimizer_step"}};
static_assert(kind_names.size() == static_cast<std::size_t>(OpKind::optimizer_step) + 1);

bool is_attention(OpKind kind) { return kind == OpKind::attention || kind == OpKind::mla_attention; }

bool is_product(OpKind kind) {
    return kind == OpKind::gemm || kind == OpKind::bmm || kind == OpKind::grouped_gemm;
}

/// How many of a product's three products (forward, two gradients) the pass does. Both gradients of a bmm are
/// those of inputs.
int products(Operation const& op) {
    bool const both =
        op.pass == Pass::backward || (op.kind == OpKind::bmm && op.pass == Pass::input_gradient);
    bool const none = op.kind == OpKind::bmm && op.pass == Pass::weight_gradient;
    return none ? 0 : both ? 2 : 1;
}

double input_bytes(Operation const& op) { return bytes_per_element(op.dtype); }
double output_bytes(Operation const& op) { return std::max(2.0, bytes_per_element(op.dtype)); }

double as_double(std::int64_t n) { return static_cast<double>(n); }

/// Rows that the local experts of a fused expert FFN compute, all together.
double expert_rows(Operation const& op) {
    expects(op.topk > 0 && op.experts > 0, "moe_ffn says topk and experts");
    return as_double(op.m) * op.topk * as_double(op.batch) / op.experts;
}

double value_dim(Operation const& op) { return as_double(op.v_dim > 0 ? op.v_dim : op.k); }

/// Query-key pairs that the mask keeps, per head and sequence; a causal mask keeps half.
double kept_pairs(Operation const& op) {
    double const keys = as_double(op.n);
    double const behind = op.window > 0 ? std::min(as_double(op.window), keys) : keys;
    // causal: the triangle of n keys less the one beyond the window; otherwise the window looks both ways
    double const per_query = op.causal ? behind - behind * behind / (2 * keys) : std::min(2 * behind, keys);
    return as_double(op.m) * per_query;
}

double attention_flop(Operation const& op) {
    double const per_dim = 2.0 * kept_pairs(op) * op.heads * as_double(op.batch);
    double const k = as_double(op.k), v = value_dim(op);
    switch (op.pass) {
    case Pass::forward:
        return per_dim * (k + v);
    case Pass::backward:
    case Pass::input_gradient:
        return per_dim * (3 * k + 2 * v); // S again, dQ, dK over k; dP, dV over v
    case Pass::weight_gradient:
        return 0.0;
    }
    throw BugError{"unknown pass"};
}

double attention_bytes(Operation const& op) {
    double const batch = as_double(op.batch), k = as_double(op.k), v = value_dim(op);
    int const kv_heads = op.kv_heads > 0 ? op.kv_heads : op.heads;
    double const q = as_double(op.m) * op.heads * k, o = as_double(op.m) * op.heads * v;
    double const kv = as_double(op.n) * kv_heads * (k + v);
    double const forward = q + kv + o;
    double const backward = (q + kv + 2 * o) + (q + kv); // reads Q K V O dO, writes dQ dK dV
    double const elements = op.pass == Pass::forward           ? forward
                            : op.pass == Pass::weight_gradient ? 0.0
                                                               : backward;
    return elements * batch * input_bytes(op);
}

double linear_flop(Operation const& op) {
    bool const delta = op.kind != OpKind::linear_attention, forward = op.pass == Pass::forward;
    double const k = as_double(op.k), v = value_dim(op), c = chunk_of_linear_attention;
    double const within =
        c * (delta ? (forward ? 3 * k + 2 * v : 7 * k + 5 * v) : (forward ? k + v : 3 * k + 2 * v));
    double const with_state = (delta ? (forward ? 3 : 8) : (forward ? 2 : 5)) * k * v;
    return op.pass == Pass::weight_gradient
               ? 0.0
               : 2.0 * (within + with_state) * as_double(op.m) * op.heads * as_double(op.batch);
}

/// Queries, keys and values in, what is read out; a decay and a step size per head in fp32 are left out, and so are the states
/// between chunks.
double linear_bytes(Operation const& op) {
    double const rows = as_double(op.m) * as_double(op.batch);
    int const key_heads = op.kv_heads > 0 ? op.kv_heads : op.heads;
    double const keys = 2.0 * key_heads * as_double(op.k), values = op.heads * value_dim(op);
    double const decay = op.kind == OpKind::kda ? op.heads * as_double(op.k) : 0.0; // one per column
    double const forward = keys + decay + 2 * values;
    double const backward = keys + decay + 2 * values + keys + decay + values; // q, k, v, dout -> dq, dk, dv
    double const elements = op.pass == Pass::forward           ? forward
                            : op.pass == Pass::weight_gradient ? 0.0
                                                               : backward;
    return rows * elements * input_bytes(op);
}

/// `b` products C[m,n] = A[m,k] B[k,n], or their gradients.
double product_bytes(Operation const& op, double m, double b) {
    double const n = as_double(op.n), k = as_double(op.k), in = input_bytes(op), out = output_bytes(op);
    double const forward = (m * k + k * n) * in + m * n * out;
    double const input_gradient = (m * n + k * n) * in + m * k * out;
    double const weight_gradient = (m * n + m * k) * in + k * n * out;
    if (op.pass == Pass::forward) {
        return b * forward;
    }
    if (products(op) != 1) {
        return b * (products(op) == 2 ? input_gradient + weight_gradient : 0.0);
    }
    return b * (op.pass == Pass::input_gradient ? input_gradient : weight_gradient);
}

/// The fused expert FFN: rows in, rows out and the weights; what is between stays on the chip in the forward
/// pass, and is read as saved in the backward one (gate and up before the activation, so 2n columns where
/// gated).
double moe_ffn_bytes(Operation const& op) {
    double const rows = expert_rows(op), k = as_double(op.k), n = as_double(op.n);
    double const in = input_bytes(op), out = output_bytes(op);
    double const weights = as_double(op.batch) * (op.gated ? 3 : 2) * n * k;
    double const saved = rows * (op.gated ? 2 : 1) * n;
    double const input_gradient = (rows * k + weights + saved) * in + rows * k * out;
    double const weight_gradient = (2 * rows * k + saved) * in + weights * out;
    switch (op.pass) {
    case Pass::forward:
        return (rows * k + weights) * in + rows * k * out;
    case Pass::input_gradient:
        return input_gradient;
    case Pass::weight_gradient:
        return weight_gradient;
    case Pass::backward:
        return input_gradient + weight_gradient;
    }
    throw BugError{"unknown pass"};
}

/// Elements read and written per element of the output (m x n), forward and backward.
struct Traffic {
    double forward;
    double backward;
};

Traffic row_traffic(Operation const& op) {
    double const copies = op.topk > 0 ? op.topk : 1.0;
    switch (op.kind) {
    case OpKind::rmsnorm:
    case OpKind::layernorm:
    case OpKind::gelu:
    case OpKind::softmax:
    case OpKind::short_convolution:
        return {2, 3}; // x -> y; x (softmax: y), dy -> dx
    case OpKind::rope:
        return {2, 2}; // the backward turns the gradient back
    case OpKind::gated_activation:
        return {3, 5}; // gate, up -> y; gate, up, dy -> dgate, dup
    case OpKind::add:
        return {3, 3}; // a, b -> y; the two branches' gradients are added
    case OpKind::permute:
    case OpKind::unpermute:
        return {1 + 1 / copies, 1 + 1 / copies};
    case OpKind::embedding:
        return {2, 3}; // row -> y; dy added into the row's gradient
    case OpKind::cross_entropy:
        return {1, 2}; // logits -> a loss per row; logits -> dlogits
    default:
        throw BugError{fmt::format("{} has no row traffic", name_of(op.kind))};
    }
}

double row_bytes(Operation const& op) {
    double const cells = as_double(op.m) * as_double(op.n), element = input_bytes(op);
    bool const forward = op.pass == Pass::forward;
    if (op.pass == Pass::weight_gradient) {
        return 0.0; // gains and tables are updated together with the input gradient
    }
    switch (op.kind) {
    case OpKind::dropout:
        return cells * (2 * element + 1); // with a mask of one byte, forward and backward
    case OpKind::quantise: {              // bf16 in; gradients pass straight through
        // NVFP4 has a scale of the whole tensor besides its blocks', so that the greatest value is looked for first (arXiv:2509.25149)
        double const readings = op.dtype == Dtype::nvfp4 ? 2.0 : 1.0;
        return forward ? cells * (2 * readings + element) : 0.0;
    }
    case OpKind::router_topk: {
        double const chosen = as_double(op.m) * as_double(op.k) * (element + 4); // weight and int32 index
        return (forward ? cells : 2 * cells) * element + chosen;
    }
    default: {
        auto const traffic = row_traffic(op);
        return cells * element * (forward ? traffic.forward : traffic.backward);
    }
    }
}

double optimizer_bytes(Operation const& op) {
    constexpr double master = 4, bf16_weight = 2;
    double const state = master + 2 * bytes_per_element(op.moments);
    return op.pass == Pass::forward ? as_double(op.m) * (2 * state + input_bytes(op) + bf16_weight) : 0.0;
}

} // namespace

std::string_view name_of(OpKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

std::optional<OpKind> find_op_kind(std::string_view name) {
    auto const found = std::ranges::find(kind_names, name);
    if (found == kind_names.end()) {
        return std::nullopt;
    }
    return static_cast<OpKind>(found - kind_names.begin());
}

std::vector<std::string> op_kind_names() { return {kind_names.begin(), kind_names.end()}; }

std::string_view name_of(Pass pass) {
    switch (pass) {
    case Pass::forward:
        return "forward";
    case Pass::backward:
        return "backward";
    case Pass::input_gradient:
        return "input_gradient";
    case Pass::weight_gradient:
        return "weight_gradient";
    }
    throw BugError{"unknown pass"};
}

std::string text_of(Operation const& op) {
    auto text = fmt::format("{} {} {}x{}x{}", name_of(op.kind), name_of(op.dtype), op.m, op.n, op.k);
    if (op.batch > 1) {
        text += fmt::format(" batch {}", op.batch);
    }
    if (is_attention(op.kind) || is_linear(op.kind)) {
        text += fmt::format(" heads {}/{}", op.heads, op.kv_heads > 0 ? op.kv_heads : op.heads);
        text += op.causal ? " causal" : "";
    }
    if (op.kind == OpKind::moe_ffn) {
        text += fmt::format(" top {} of {}", op.topk, op.experts);
    }
    return op.pass == Pass::forward ? text : fmt::format("{} {}", text, name_of(op.pass));
}

bool is_linear(OpKind kind) {
    return kind == OpKind::linear_attention || kind == OpKind::delta_rule || kind == OpKind::kda;
}

bool has_weights(OpKind kind) {
    return kind == OpKind::gemm || kind == OpKind::grouped_gemm || kind == OpKind::moe_ffn;
}

Flop flop_of(Operation const& op) {
    double const inner = 2.0 * as_double(op.n) * as_double(op.k) * products(op);
    if (is_product(op.kind)) {
        return Flop{inner * as_double(op.m) * as_double(op.batch)};
    }
    if (op.kind == OpKind::moe_ffn) {
        return Flop{inner * expert_rows(op) * (op.gated ? 3 : 2)};
    }
    return Flop{is_attention(op.kind) ? attention_flop(op) : is_linear(op.kind) ? linear_flop(op) : 0.0};
}

Bytes bytes_of(Operation const& op) {
    if (is_product(op.kind)) {
        return Bytes{product_bytes(op, as_double(op.m), as_double(op.batch))};
    }
    if (op.kind == OpKind::moe_ffn) {
        return Bytes{moe_ffn_bytes(op)};
    }
    if (is_attention(op.kind)) {
        return Bytes{attention_bytes(op)};
    }
    if (is_linear(op.kind)) {
        return Bytes{linear_bytes(op)};
    }
    if (op.kind == OpKind::optimizer_step) {
        return Bytes{optimizer_bytes(op)};
    }
    return Bytes{row_bytes(op)};
}

std::size_t HashOperation::operator()(Operation const& op) const noexcept {
    std::uint64_t hash = static_cast<std::uint64_t>(op.kind) * 4 + static_cast<std::uint64_t>(op.pass);
    for (auto const size : {op.m, op.n, op.k, op.batch}) {
        hash = (hash ^ static_cast<std::uint64_t>(size)) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29U;
    }
    return hash;
}

} // namespace moesaic::model
