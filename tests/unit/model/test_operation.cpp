#include "base/errors.hpp"
#include "model/operation.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::model;

namespace {

Operation with_pass(Operation op, Pass pass) {
    op.pass = pass;
    return op;
}
double flop(Operation const& op) { return flop_of(op).value(); }
double bytes(Operation const& op) { return bytes_of(op).value(); }
Operation rows(OpKind kind, std::int64_t m, std::int64_t n) { return {.kind = kind, .m = m, .n = n}; }

} // namespace

TEST_CASE("every kind of operation is found by its own name", "[model]") {
    auto const names = op_kind_names();
    CHECK(names.size() == 25);
    for (auto const& name : names) {
        INFO(name);
        REQUIRE(find_op_kind(name).has_value());
        CHECK(name_of(*find_op_kind(name)) == name);
    }
    CHECK(find_op_kind("grouped_gemm") == OpKind::grouped_gemm);
    CHECK(find_op_kind("optimizer_step") == OpKind::optimizer_step);
    CHECK_FALSE(find_op_kind("gem").has_value());
}

TEST_CASE("a product does 2mnk and its backward twice that", "[model]") {
    Operation const gemm{.m = 10, .n = 20, .k = 30};
    CHECK(flop(gemm) == 12000); // 2 x 10 x 20 x 30
    CHECK(flop(with_pass(gemm, Pass::input_gradient)) == 12000);
    CHECK(flop(with_pass(gemm, Pass::weight_gradient)) == 12000);
    CHECK(flop(with_pass(gemm, Pass::backward)) == 24000);
}

TEST_CASE("a grouped product counts the rows of each of its groups", "[model]") {
    Operation const grouped{.kind = OpKind::grouped_gemm, .m = 10, .n = 20, .k = 30, .batch = 4};
    CHECK(flop(grouped) == 48000);
    // per group (10x30 + 30x20 + 10x20) x 2 bytes = 2200
    CHECK(bytes(grouped) == 4 * 2200);
}

TEST_CASE("both gradients of a batched product are those of inputs", "[model]") {
    Operation const bmm{.kind = OpKind::bmm, .m = 10, .n = 20, .k = 30, .batch = 4};
    CHECK(flop(with_pass(bmm, Pass::input_gradient)) == 2 * flop(bmm));
    CHECK(bytes(with_pass(bmm, Pass::input_gradient)) == bytes(with_pass(bmm, Pass::backward)));
    CHECK(flop(with_pass(bmm, Pass::weight_gradient)) == 0);
    CHECK(bytes(with_pass(bmm, Pass::weight_gradient)) == 0);
}

TEST_CASE("an fp8 product reads bytes and writes bf16", "[model]") {
    Operation const gemm{.dtype = Dtype::fp8, .m = 10, .n = 20, .k = 30};
    CHECK(bytes(gemm) == 300 + 600 + 2 * 200);
    // dX: reads dY (200) and W (600), writes 300 bf16; dW: reads dY (200) and X (300), writes 600 bf16
    CHECK(bytes(with_pass(gemm, Pass::input_gradient)) == 200 + 600 + 600);
    CHECK(bytes(with_pass(gemm, Pass::weight_gradient)) == 200 + 300 + 1200);
    CHECK(bytes(with_pass(gemm, Pass::backward)) == 1400 + 1700);
}

TEST_CASE("a fused expert FFN is three products over its share of the token copies", "[model]") {
    Operation const ffn{
        .kind = OpKind::moe_ffn, .m = 64, .n = 20, .k = 30, .batch = 2, .topk = 4, .experts = 16};
    // 64 tokens x 4 copies x 2/16 of the experts = 32 rows; 3 x 2 x 32 x 20 x 30
    CHECK(flop(ffn) == 115200);
    CHECK(flop(with_pass(ffn, Pass::backward)) == 230400);
    // rows in 32x30, weights 2 experts x 3 x 20x30, rows out 32x30, two bytes each
    CHECK(bytes(ffn) == 2 * (960 + 3600 + 960));
    Operation plain = ffn;
    plain.gated = false;
    CHECK(flop(plain) == 76800); // two products
}

TEST_CASE("attention does 4hmnk forward, half of it under a causal mask, and 2.5 times that backward",
          "[model]") {
    Operation attention{
        .kind = OpKind::attention, .m = 100, .n = 100, .k = 16, .batch = 3, .heads = 8, .kv_heads = 2};
    CHECK(flop(attention) == 4.0 * 8 * 100 * 100 * 16 * 3);
    attention.causal = true;
    CHECK(flop(attention) == 2.0 * 8 * 100 * 100 * 16 * 3);
    CHECK(flop(with_pass(attention, Pass::backward)) == 2.5 * flop(attention));
    CHECK(flop(with_pass(attention, Pass::input_gradient)) == 2.5 * flop(attention));
    CHECK(flop(with_pass(attention, Pass::weight_gradient)) == 0);
}

TEST_CASE("attention reads each key and value head once", "[model]") {
    Operation const attention{
        .kind = OpKind::attention, .m = 100, .n = 100, .k = 16, .batch = 3, .heads = 8, .kv_heads = 2};
    // Q and O 100x8x16 each, K and V 100x2x16 each, 3 sequences, 2 bytes
    CHECK(bytes(attention) == 2.0 * 3 * (2 * 12800 + 2 * 3200));
    // reads Q K V O dO, writes dQ dK dV
    CHECK(bytes(with_pass(attention, Pass::backward)) == 2.0 * 3 * (4 * 12800 + 4 * 3200));
    CHECK(bytes(with_pass(attention, Pass::weight_gradient)) == 0);
}

TEST_CASE("latent attention has values narrower than its keys", "[model]") {
    Operation const mla{.kind = OpKind::mla_attention, .m = 64, .n = 64, .k = 192, .heads = 4, .v_dim = 128};
    CHECK(flop(mla) == 2.0 * 4 * 64 * 64 * (192 + 128));
    // five products: three over 192 (scores again, dQ, dK), two over 128 (dP, dV)
    CHECK(flop(with_pass(mla, Pass::backward)) == 2.0 * 4 * 64 * 64 * (3 * 192 + 2 * 128));
}

TEST_CASE("a sliding window keeps the pairs inside it", "[model]") {
    Operation attention{.kind = OpKind::attention, .m = 100, .n = 100, .k = 1, .heads = 1, .causal = true};
    attention.window = 20;
    CHECK(flop(attention) ==
          Approx(4.0 * 100 * (20 - 2))); // per query 20 less the missing corner 20x20/(2x100)
    attention.window = 100;
    CHECK(flop(attention) == Approx(4.0 * 100 * 50)); // the whole triangle
}

TEST_CASE("memory-bound kinds do no matrix work and move their rows", "[model]") {
    CHECK(flop(rows(OpKind::rmsnorm, 10, 20)) == 0);
    CHECK(bytes(rows(OpKind::rmsnorm, 10, 20)) == 2 * 400);                            // x, y
    CHECK(bytes(with_pass(rows(OpKind::rmsnorm, 10, 20), Pass::backward)) == 3 * 400); // x, dy, dx
    CHECK(bytes(rows(OpKind::gated_activation, 10, 20)) == 3 * 400);                   // gate, up, y
    CHECK(bytes(with_pass(rows(OpKind::gated_activation, 10, 20), Pass::backward)) == 5 * 400);
    CHECK(bytes(rows(OpKind::add, 10, 20)) == 3 * 400);
    CHECK(bytes(rows(OpKind::dropout, 10, 20)) == 2 * 400 + 200); // with a mask of one byte
    CHECK(bytes(rows(OpKind::cross_entropy, 10, 20)) == 400);
    CHECK(bytes(with_pass(rows(OpKind::rope, 10, 20), Pass::weight_gradient)) == 0);
}

TEST_CASE("quantisation to NVFP4 reads twice: its greatest value comes first", "[model]") {
    Operation const op{.kind = OpKind::quantise, .dtype = Dtype::nvfp4, .m = 10, .n = 20};
    CHECK(bytes_of(op).value() == Approx(10 * 20 * (2 * 2 + 0.5)));
}

TEST_CASE("quantise reads bf16 and writes one byte per element", "[model]") {
    Operation const op{.kind = OpKind::quantise, .dtype = Dtype::fp8_block, .m = 10, .n = 20};
    CHECK(bytes(op) == 200 * 3);
}

TEST_CASE("permute reads each token once for its top-k copies", "[model]") {
    Operation op = rows(OpKind::permute, 40, 20);
    CHECK(bytes(op) == 2 * 2 * 800);
    op.topk = 4;
    CHECK(bytes(op) == 2 * (200 + 800)); // 10 tokens in, 40 rows out
}

TEST_CASE("router_topk reads scores and writes weights with their indices", "[model]") {
    Operation const op{.kind = OpKind::router_topk, .dtype = Dtype::fp32, .m = 10, .n = 64, .k = 4};
    CHECK(bytes(op) == 10 * 64 * 4 + 10 * 4 * (4 + 4));
}

TEST_CASE("an optimizer step moves 28 bytes per parameter with bf16 gradients and 30 with fp32", "[model]") {
    // reads master, m, v (12) and the gradient, writes master, m, v (12) and the bf16 weight (2)
    CHECK(bytes({.kind = OpKind::optimizer_step, .dtype = Dtype::bf16, .m = 1000}) == 28000);
    CHECK(bytes({.kind = OpKind::optimizer_step, .dtype = Dtype::fp32, .m = 1000}) == 30000);
    // moments in bf16: 8 bytes less, read and written
    CHECK(bytes({.kind = OpKind::optimizer_step, .dtype = Dtype::bf16, .m = 1000, .moments = Dtype::bf16}) ==
          20000);
}

TEST_CASE("the text of an operation names what decides its time", "[model]") {
    CHECK(text_of({.m = 4096, .n = 7168, .k = 2048}) == "gemm bf16 4096x7168x2048");
    Operation const attention{.kind = OpKind::attention,
                              .pass = Pass::backward,
                              .m = 4096,
                              .n = 4096,
                              .k = 128,
                              .batch = 2,
                              .heads = 16,
                              .kv_heads = 4,
                              .causal = true};
    CHECK(text_of(attention) == "attention bf16 4096x4096x128 batch 2 heads 16/4 causal backward");
}

TEST_CASE("a fused expert FFN without its routing is a mistake of ours", "[model]") {
    CHECK_THROWS_AS(flop_of({.kind = OpKind::moe_ffn, .m = 8, .n = 8, .k = 8, .batch = 2}), BugError);
}
