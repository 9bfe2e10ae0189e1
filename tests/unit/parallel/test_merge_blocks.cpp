#include "parallel/merge_blocks.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;

namespace {

std::string role_of(BlockOp const& op) {
    return std::visit([](auto const& work) { return work.role; }, op.work);
}

/// A chain: each operation waits for the one before; lower case roles are kernels, upper case exchanges.
std::vector<BlockOp> chain(std::vector<std::string> const& roles) {
    std::vector<BlockOp> out;
    for (auto const& role : roles) {
        BlockOp op;
        if (std::isupper(role.front()) != 0) {
            op.stream = Stream::expert;
            Collective exchange;
            exchange.role = role;
            op.work = exchange;
        } else {
            Compute kernel;
            kernel.role = role;
            op.work = kernel;
        }
        if (!out.empty()) {
            op.after = {static_cast<int>(out.size()) - 1};
        }
        out.push_back(std::move(op));
    }
    return out;
}

/// Kernels take 3 s, exchanges 2 s.
Seconds three_or_two(BlockOp const& op) { return Seconds{op.stream == Stream::compute ? 3.0 : 2.0}; }

std::string kernels_of(std::vector<BlockOp> const& ops, Stream stream) {
    std::string text;
    for (auto const& op : ops) {
        text += op.stream == stream ? role_of(op) + " " : "";
    }
    return text;
}

/// When all has ended if every operation starts as soon as its stream and what it waits for allow.
double makespan(std::vector<BlockOp> const& ops) {
    std::array<double, streams> free{};
    std::vector<double> end;
    for (auto const& op : ops) {
        auto& stream = free[static_cast<std::size_t>(op.stream)];
        for (int const before : op.after) {
            stream = std::max(stream, end.at(static_cast<std::size_t>(before)));
        }
        stream += three_or_two(op).value();
        end.push_back(stream);
    }
    return *std::ranges::max_element(end);
}

} // namespace

TEST_CASE("a layer forward and one backward take turns as in figure 4 of DeepSeek-V3", "[parallel]") {
    auto const forward = chain({"attention", "DISPATCH", "experts", "COMBINE", "residual"});
    auto const backward = chain({"d residual", "D COMBINE", "d experts", "D DISPATCH", "d attention"});
    auto const merged = merge_blocks(forward, backward, three_or_two);
    CHECK(kernels_of(merged, Stream::compute) ==
          "attention d residual experts d experts residual d attention ");
    CHECK(kernels_of(merged, Stream::expert) == "DISPATCH D COMBINE COMBINE D DISPATCH ");
    // six kernels of 3 s; every exchange of 2 s lies behind one
    CHECK(makespan(merged) == Approx(18.0));
    // one after the other: 2 x (9 + 4)
    CHECK(makespan(forward) + makespan(backward) == Approx(26.0));
}

TEST_CASE("merging keeps every chain's order and what it waits for", "[parallel]") {
    auto const forward = chain({"a", "b", "X", "c", "Y"});
    auto const backward = chain({"p", "P", "q", "r", "Q", "s", "t"});
    auto const merged = merge_blocks(forward, backward, three_or_two);
    REQUIRE(merged.size() == 12);
    for (auto const& original : {forward, backward}) {
        std::ptrdiff_t last = -1;
        for (auto const& op : original) {
            auto const found = std::ranges::find(merged, role_of(op), role_of);
            REQUIRE(found != merged.end());
            CHECK(found - merged.begin() > last);
            last = found - merged.begin();
            REQUIRE(found->after.size() == op.after.size());
            for (std::size_t i = 0; i < op.after.size(); ++i) {
                CHECK(role_of(merged.at(static_cast<std::size_t>(found->after[i]))) ==
                      role_of(original.at(static_cast<std::size_t>(op.after[i]))));
                CHECK(found->after[i] < found - merged.begin());
            }
        }
    }
}

TEST_CASE("kernels of a chain stay together until they hand on to an exchange", "[parallel]") {
    auto const merged = merge_blocks(chain({"a", "b", "X", "c"}), chain({"p", "q", "P", "r"}), three_or_two);
    CHECK(kernels_of(merged, Stream::compute) == "a b p q c r ");
}

TEST_CASE("a chain without exchanges fills the other's", "[parallel]") {
    auto const merged = merge_blocks(chain({"a", "X", "b", "Y", "c"}), chain({"w", "x"}), three_or_two);
    // w behind X, x behind Y: weights' gradients wait where the other chain has something to hand on
    CHECK(kernels_of(merged, Stream::compute) == "a w b x c ");
    CHECK(makespan(merged) == Approx(15.0));
    CHECK(merge_blocks({}, chain({"a", "X"}), three_or_two).size() == 2);
}

TEST_CASE("what nothing waits for runs behind in its stream", "[parallel]") {
    auto gradients = chain({"a", "b"});
    Collective sum_up;
    sum_up.role = "SUM";
    gradients.push_back({.stream = Stream::data, .work = sum_up, .after = {0}, .detached = true});
    auto const merged = merge_blocks(chain({"f", "X", "g"}), gradients, three_or_two);
    CHECK(kernels_of(merged, Stream::compute) == "f a g b ");
    auto const sum = std::ranges::find(merged, "SUM", role_of);
    REQUIRE(sum != merged.end());
    CHECK(sum->detached);
    CHECK(role_of(merged.at(static_cast<std::size_t>(sum->after.at(0)))) == "a");
}
