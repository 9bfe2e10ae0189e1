#include "parallel/layout.hpp"
#include "parallel/schedule.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <numeric>
#include <tuple>

using namespace moesaic;
using namespace moesaic::parallel;

namespace {

constexpr PhaseTimes thirds{.forward = 1, .input_gradient = 1, .weight_gradient = 1, .paired = 3};

/// Runs all stages of a uniform pipeline in their order and says when all is done and how long each has worked.
class Player {
  public:
    Player(Schedule schedule, int stages, int micro_batches, PhaseTimes times)
        : schedule_{std::move(schedule)}, stages_{stages}, times_{times}, free_at(at(stages), 0.0),
          busy(at(stages), 0.0) {
        std::vector<std::size_t> next(at(stages), 0);
        std::vector<std::vector<Slot>> slots;
        for (int s = 0; s < stages; ++s) {
            slots.push_back(slots_of(schedule_, s, stages, micro_batches));
        }
        for (bool moved = true; moved;) {
            moved = false;
            for (int s = 0; s < stages; ++s) {
                while (auto const n = run(s, slots[at(s)], next[at(s)])) {
                    next[at(s)] += n;
                    moved = true;
                }
            }
        }
        for (int s = 0; s < stages; ++s) {
            REQUIRE(next[at(s)] == slots[at(s)].size()); // nothing is waited for in vain
        }
    }
    [[nodiscard]] double makespan() const { return *std::ranges::max_element(free_at); }
    /// Of the stage that works the least.
    [[nodiscard]] double bubble() const { return makespan() - *std::ranges::min_element(busy); }
    [[nodiscard]] double bubble(int stage) const { return makespan() - busy[at(stage)]; }

  private:
    static std::size_t at(int i) { return static_cast<std::size_t>(i); }

    /// When the phase before has ended: in the neighbouring part of the model, or in this one.
    [[nodiscard]] std::optional<double> ready(Slot const& slot, int stage) const {
        bool const forward = slot.phase == Phase::forward;
        auto const from = slot.phase == Phase::weight_gradient
                              ? std::optional{ChunkPlace{stage, slot.chunk}}
                              : neighbour(schedule_, {stage, slot.chunk}, forward ? -1 : 1, stages_);
        if (forward && !from) {
            return 0.0;
        }
        auto const place = from.value_or(ChunkPlace{stage, slot.chunk});
        auto const found = done_.find({forward || !from, place.stage, place.chunk, slot.micro_batch});
        return found == done_.end() ? std::nullopt : std::optional{found->second};
    }

    [[nodiscard]] double time(Slot const& slot) const {
        auto const t = slot.with_next                        ? times_.paired
                       : slot.phase == Phase::forward        ? times_.forward
                       : slot.phase == Phase::backward       ? times_.backward()
                       : slot.phase == Phase::input_gradient ? times_.input_gradient
                                                             : times_.weight_gradient;
        // DualPipe's chunks are whole stages of one half of the micro-batches each
        return std::holds_alternative<DualPipe>(schedule_) ? t : t / chunks_of(schedule_);
    }

    /// Runs the next slot or pair, if what it waits for has ended; says how many slots it took.
    std::size_t run(int stage, std::vector<Slot> const& slots, std::size_t next) {
        if (next == slots.size()) {
            return 0;
        }
        std::size_t const n = slots[next].with_next ? 2 : 1;
        double start = free_at[at(stage)];
        for (std::size_t i = next; i < next + n; ++i) {
            auto const when = ready(slots[i], stage);
            if (!when) {
                return 0;
            }
            start = std::max(start, *when);
        }
        busy[at(stage)] += time(slots[next]);
        free_at[at(stage)] = start + time(slots[next]);
        for (std::size_t i = next; i < next + n; ++i) {
            if (slots[i].phase != Phase::weight_gradient) {
                bool const forward = slots[i].phase == Phase::forward;
                done_[{forward, stage, slots[i].chunk, slots[i].micro_batch}] = free_at[at(stage)];
            }
        }
        return n;
    }

    Schedule schedule_;
    int stages_;
    PhaseTimes times_;
    std::map<std::tuple<bool, int, int, int>, double> done_; // forward, stage, chunk, micro-batch
    std::vector<double> free_at;
    std::vector<double> busy;
};

/// "F0 B0 W0 F1+B1": chunk 1 with an apostrophe, what runs as one block joined by +.
std::string text_of(std::vector<Slot> const& slots) {
    std::string text;
    for (auto const& slot : slots) {
        text += slot.phase == Phase::forward          ? "F"
                : slot.phase == Phase::backward       ? "D"
                : slot.phase == Phase::input_gradient ? "B"
                                                      : "W";
        text +=
            std::to_string(slot.micro_batch) + (slot.chunk == 1 ? "'" : "") + (slot.with_next ? "+" : " ");
    }
    text.pop_back();
    return text;
}

/// Chunks of the model whose forward has run and whose backward has not ended, weights' gradients included: the most
/// at a time.
int peak_in_flight(std::span<Slot const> slots) {
    int chunks = 1;
    for (auto const& slot : slots) {
        chunks = std::max(chunks, slot.chunk + 1);
    }
    std::vector<Kept> const each(static_cast<std::size_t>(chunks), Kept{1.0, 1.0, 1.0}); // whole chunks
    return static_cast<int>(peak_kept(slots, each));
}

} // namespace

TEST_CASE("1F1B wastes (p-1)/m on uniform stages", "[parallel]") {
    for (auto const& [p, m] : {std::pair{4, 8}, {8, 8}, {2, 3}, {16, 64}}) {
        // busy time of a stage: m x (1 + 2)
        CHECK(Player{OneFOneB{}, p, m, thirds}.makespan() / (3.0 * m) - 1.0 ==
              Approx(bubble_share(OneFOneB{}, p, m)));
    }
}

TEST_CASE("GPipe wastes as much as 1F1B but keeps all micro-batches", "[parallel]") {
    CHECK(Player{GPipe{}, 4, 8, thirds}.makespan() / 24.0 - 1.0 == Approx(3.0 / 8.0));
    CHECK(peak_in_flight(slots_of(GPipe{}, 0, 4, 8)) == 8);
    CHECK(peak_in_flight(slots_of(OneFOneB{}, 0, 4, 8)) == 4);
    CHECK(peak_in_flight(slots_of(OneFOneB{}, 3, 4, 8)) == 1);
}

TEST_CASE("interleaving with v chunks wastes (p-1)/(m v)", "[parallel]") {
    for (auto const& [p, m, v] : {std::tuple{4, 8, 2}, {4, 16, 3}, {2, 4, 2}}) {
        CHECK(Player{Interleaved{v}, p, m, thirds}.makespan() / (3.0 * m) - 1.0 ==
              Approx(bubble_share(Interleaved{v}, p, m)));
    }
}

TEST_CASE("pairs of a forward and a backward keep the bubble and keep twice the micro-batches",
          "[parallel]") {
    auto shorter = thirds;
    shorter.paired = 2.5; // exchanges hidden: less than 1 + 2
    for (auto const& [p, m] : {std::pair{4, 8}, {8, 32}, {2, 4}, {1, 4}}) {
        CHECK(Player{OneFOneB{true}, p, m, thirds}.bubble() == Approx(3.0 * (p - 1)));
        CHECK(Player{OneFOneB{true}, p, m, shorter}.bubble(p - 1) ==
              Approx(bubble_time(OneFOneB{true}, p, shorter)));
        CHECK(peak_in_flight(slots_of(OneFOneB{true}, 0, p, m)) == std::min(2 * p, m));
    }
    CHECK(Player{Interleaved{2, true}, 4, 16, thirds}.bubble() == Approx(4.5));
    // one more than without pairs (below)
    CHECK(peak_in_flight(slots_of(Interleaved{2, true}, 0, 4, 16)) == 12);
}

TEST_CASE("a pair never holds both passes of one micro-batch", "[parallel]") {
    for (auto const& schedule : {Schedule{OneFOneB{true}}, Schedule{Interleaved{2, true}},
                                 Schedule{DualPipe{}}, Schedule{DualPipeV{}}}) {
        for (int stage = 0; stage < 4; ++stage) {
            auto const slots = slots_of(schedule, stage, 4, 8);
            int pairs = 0;
            for (std::size_t i = 0; i < slots.size(); ++i) {
                if (slots[i].with_next) {
                    ++pairs;
                    CHECK(slots[i].phase == Phase::forward);
                    CHECK(slots.at(i + 1).phase == Phase::backward);
                    CHECK(std::pair{slots[i].chunk, slots[i].micro_batch} !=
                          std::pair{slots[i + 1].chunk, slots[i + 1].micro_batch});
                }
            }
            CHECK(pairs > 0);
        }
    }
}

TEST_CASE("ZB-H1 wastes (p-1)(F+B-W) and keeps as much as 1F1B", "[parallel]") {
    for (auto const& [p, m] : {std::pair{4, 8}, {8, 16}, {8, 32}, {2, 4}}) {
        for (auto const& times : {thirds, PhaseTimes{1.0, 1.2, 0.9, 0}, PhaseTimes{1.0, 1.0, 0.5, 0},
                                  PhaseTimes{2.0, 2.5, 1.5, 0}}) {
            CHECK(Player{ZeroBubbleH1{}, p, m, times}.bubble() ==
                  Approx(bubble_time(ZeroBubbleH1{}, p, times)));
        }
        for (int stage = 0; stage < p; ++stage) {
            CHECK(peak_in_flight(slots_of(ZeroBubbleH1{}, stage, p, m)) ==
                  peak_in_flight(slots_of(OneFOneB{}, 0, p, m)));
        }
    }
}

TEST_CASE("ZB-H1 puts the weights' gradients of stage s off by s micro-batches", "[parallel]") {
    // 3 stages, 4 micro-batches: the first stage never waits for W, the last does W 0 after B 2
    CHECK(text_of(slots_of(ZeroBubbleH1{}, 0, 3, 4)) == "F0 F1 F2 B0 W0 F3 B1 W1 B2 W2 B3 W3");
    CHECK(text_of(slots_of(ZeroBubbleH1{}, 1, 3, 4)) == "F0 F1 B0 F2 B1 W0 F3 B2 W1 B3 W2 W3");
    CHECK(text_of(slots_of(ZeroBubbleH1{}, 2, 3, 4)) == "F0 B0 F1 B1 F2 B2 W0 F3 B3 W1 W2 W3");
}

TEST_CASE("DualPipe wastes (p/2-1)(F&B+B-3W) with B the whole backward", "[parallel]") {
    for (auto const& [p, m] : {std::pair{2, 4}, {4, 8}, {4, 16}, {8, 20}, {16, 120}}) {
        CHECK(Player{DualPipe{}, p, m, thirds}.bubble() == Approx((p / 2 - 1) * (3.0 + 2.0 - 3.0)));
        CHECK(Player{DualPipe{false}, p, m, thirds}.bubble() ==
              Approx(bubble_time(DualPipe{false}, p, thirds)));
        auto shorter = thirds;
        shorter.paired = 2.5;
        CHECK(Player{DualPipe{}, p, m, shorter}.bubble() == Approx((p / 2 - 1) * (2.5 + 2.0 - 3.0)));
        CHECK(bubble_time(DualPipe{}, p, shorter) == Approx((p / 2 - 1) * 1.5));
    }
}

TEST_CASE("DualPipe keeps one chunk more than it has stages", "[parallel]") {
    for (int stage = 0; stage < 8; ++stage) {
        CHECK(peak_in_flight(slots_of(DualPipe{}, stage, 8, 20)) == 9); // README: PP + 1
    }
}

TEST_CASE("DualPipe on 4 stages with 8 micro-batches step by step", "[parallel]") {
    // the eight steps of the published schedule; D = a whole backward, ' = chunk 1, which holds stage p-1-s.
    // Stage 0: 2 forwards of chunk 0; 1 of each; B W F of chunk 1; 4 - 4 + 1 = 1 round of pairs; D and a pair;
    // 2 backwards, the second with W put off; W and B; W
    CHECK(text_of(slots_of(DualPipe{}, 0, 4, 8)) == "F0 F1 F2 F4' B4' W4' F5' F3+D5' F6'+D0 D6' F7'+D1 "
                                                    "D7' B2 W2 B3 W3");
    // Stage 1, beside the middle: 2 of each in turn; 2 rounds, the first forward and backward apart; 4 backwards
    CHECK(text_of(slots_of(DualPipe{}, 1, 4, 8)) == "F0 F4' F1 F5' F2 D4' F6'+D0 F3+D5' F7'+D1 "
                                                    "D6' D2 B7' B3 W7' W3");
    // the second half is the mirror image: chunk 1 in the part of chunk 0
    auto mirrored = slots_of(DualPipe{}, 0, 4, 8);
    for (auto& slot : mirrored) {
        slot.chunk = 1 - slot.chunk;
        slot.micro_batch = (slot.micro_batch + 4) % 8;
    }
    CHECK(slots_of(DualPipe{}, 3, 4, 8) == mirrored);
}

TEST_CASE("DualPipe passes micro-batches along both ways", "[parallel]") {
    CHECK(parts_of(DualPipe{}, 4) == 4);
    CHECK(part_of(DualPipe{}, 0, 1, 4) == 1);
    CHECK(part_of(DualPipe{}, 1, 1, 4) == 2);
    CHECK(neighbour(DualPipe{}, {1, 0}, 1, 4) == ChunkPlace{2, 0});
    CHECK(neighbour(DualPipe{}, {1, 1}, 1, 4) == ChunkPlace{0, 1});
    CHECK_FALSE(neighbour(DualPipe{}, {0, 1}, 1, 4)); // stage 0 holds the last part of chunk 1's way
    CHECK(neighbour(Interleaved{2}, {3, 0}, 1, 4) == ChunkPlace{0, 1});
    CHECK_FALSE(neighbour(Interleaved{2}, {0, 0}, -1, 4));
}

TEST_CASE("what waits for its weights' gradients may keep less", "[parallel]") {
    // stage 2 of 3 in ZB-H1: when B 2 is done three wait (B 0, 1, 2), and no forward is open: 3 x 0.5.
    // Before: two wait and F 2 is whole: 2 x 0.5 + 1
    std::vector<Kept> const half{{1.0, 0.5}};
    CHECK(peak_kept(slots_of(ZeroBubbleH1{}, 2, 3, 4), half) == Approx(2.0));
    std::vector<Kept> const all{{1.0, 1.0}};
    CHECK(peak_kept(slots_of(ZeroBubbleH1{}, 2, 3, 4), all) == Approx(3.0));
    // chunks of unlike size: DualPipe's stage 0 of 2 keeps 2 of one and 1 of the other at the most
    std::vector<Kept> const unlike{{10.0, 10.0, 10.0}, {1.0, 1.0, 1.0}};
    CHECK(peak_kept(slots_of(DualPipe{}, 0, 2, 4), unlike) == Approx(21.0));
}

TEST_CASE("while a pair runs, one layer more is kept than before it", "[parallel]") {
    // a chunk of 10 layers. One stage: the first forward, then pairs
    std::vector<Kept> const ten{{10.0, 10.0, 1.0}};
    CHECK(peak_kept(slots_of(OneFOneB{true}, 0, 1, 8), ten) == Approx(11.0));
    CHECK(peak_kept(slots_of(OneFOneB{}, 0, 1, 8), ten) == Approx(10.0));
    // stage 0 of 4: 7 forwards ahead, one layer of the eighth
    CHECK(peak_kept(slots_of(OneFOneB{true}, 0, 4, 16), ten) == Approx(71.0));
    CHECK(peak_kept(slots_of(OneFOneB{true}, 0, 4, 7), ten) == Approx(70.0)); // none pairs
    std::vector<Kept> const chunks(2, ten[0]);
    CHECK(peak_kept(slots_of(Interleaved{2, true}, 0, 4, 16), chunks) == Approx(111.0));
    // chunks of 8 and of 2 layers: what the forward keeps beyond what the backward frees stays
    std::vector<Slot> const pair{
        {Phase::forward, 1, 0}, {Phase::forward, 0, 1, true}, {Phase::backward, 1, 0}};
    std::vector<Kept> const unlike{{8.0, 8.0, 1.0}, {2.0, 2.0, 1.0}};
    CHECK(peak_kept(pair, unlike) == Approx(2.0 + 6.0 + 1.0));
    std::vector<Slot> const other{
        {Phase::forward, 0, 0}, {Phase::forward, 1, 1, true}, {Phase::backward, 0, 0}};
    CHECK(peak_kept(other, unlike) == Approx(8.0 + 1.0));
}

TEST_CASE("interleaving keeps up to 2(p-1) + (v-1)p + 1 chunks on the first stage", "[parallel]") {
    // p = 4, v = 2: warm-up 2 x 3 + 4 = 10 forwards, and one more in steady state
    CHECK(peak_in_flight(slots_of(Interleaved{2}, 0, 4, 16)) == 11);
}

TEST_CASE("the interleaved order of the first of 2 stages with 4 micro-batches is Megatron's", "[parallel]") {
    using enum Phase;
    // warm-up (2-0-1)*2 + (2-1)*2 = 4 forwards: chunk 0 of 0 and 1, chunk 1 of 0 and 1
    auto const slots = slots_of(Interleaved{2}, 0, 2, 4);
    std::vector<Slot> const begin(slots.begin(), slots.begin() + 8);
    CHECK(begin == std::vector<Slot>{{forward, 0, 0},
                                     {forward, 0, 1},
                                     {forward, 1, 0},
                                     {forward, 1, 1},
                                     {forward, 0, 2},
                                     {backward, 1, 0},
                                     {forward, 0, 3},
                                     {backward, 1, 1}});
}

TEST_CASE("every schedule runs each chunk of each micro-batch once forward and once backward", "[parallel]") {
    for (auto const& schedule : {Schedule{GPipe{}}, Schedule{OneFOneB{}}, Schedule{Interleaved{3}},
                                 Schedule{OneFOneB{true}}, Schedule{Interleaved{3, true}}}) {
        for (int stage = 0; stage < 4; ++stage) {
            std::map<std::tuple<Phase, int, int>, int> seen;
            for (auto const& slot : slots_of(schedule, stage, 4, 8)) {
                ++seen[{slot.phase, slot.chunk, slot.micro_batch}];
            }
            CHECK(seen.size() == static_cast<std::size_t>(2 * chunks_of(schedule) * 8));
            CHECK(std::ranges::all_of(seen, [](auto const& entry) { return entry.second == 1; }));
        }
    }
}

TEST_CASE("interleaving refuses micro-batches that are no multiple of the stages", "[parallel]") {
    CHECK_THROWS_AS(slots_of(Interleaved{2}, 0, 4, 6), BugError);
}

TEST_CASE("schedules that part the backward run both halves once, the weights' after the inputs'",
          "[parallel]") {
    for (auto const& schedule : {Schedule{ZeroBubbleH1{}}, Schedule{DualPipe{}}}) {
        for (int stage = 0; stage < 4; ++stage) {
            std::map<std::pair<int, int>, std::string> seen; // phases by chunk and micro-batch
            for (auto const& slot : slots_of(schedule, stage, 4, 8)) {
                seen[{slot.chunk, slot.micro_batch}] += text_of({{slot.phase, 0, 0}}).front();
            }
            CHECK(seen.size() == 8);
            CHECK(std::ranges::all_of(
                seen, [](auto const& entry) { return entry.second == "FD" || entry.second == "FBW"; }));
        }
    }
}

TEST_CASE("DualPipeV is DualPipe of twice the stages, folded: half its bubble in the same stages, and no "
          "part twice",
          "[parallel]") {
    auto const shorter = PhaseTimes{.forward = 1, .input_gradient = 1, .weight_gradient = 1, .paired = 2.5};
    for (auto const& [p, m] : {std::pair{4, 8}, {4, 12}, {8, 16}, {2, 5}, {1, 2}}) {
        for (auto const& times : {thirds, shorter}) {
            CHECK(Player{DualPipeV{}, p, m, times}.bubble() == Approx(bubble_time(DualPipeV{}, p, times)));
            CHECK(bubble_time(DualPipeV{}, p, times) == Approx(bubble_time(DualPipe{}, 2 * p, times) / 2));
        }
        CHECK(Player{DualPipeV{false}, p, m, thirds}.bubble() ==
              Approx(bubble_time(DualPipeV{false}, p, thirds)));
        for (int stage = 0; stage < p; ++stage) {
            CHECK(peak_in_flight(slots_of(DualPipeV{}, stage, p, m)) == 2 * p + 1); // README: PP + 1
        }
    }
}

TEST_CASE("under DualPipeV micro-batches turn round at the last stage", "[parallel]") {
    CHECK(parts_of(DualPipeV{}, 4) == 8);
    CHECK(part_of(DualPipeV{}, 0, 1, 4) == 1);
    CHECK(part_of(DualPipeV{}, 1, 1, 4) == 6);
    CHECK(neighbour(DualPipeV{}, {2, 0}, 1, 4) == ChunkPlace{3, 0});
    CHECK(neighbour(DualPipeV{}, {3, 0}, 1, 4) == ChunkPlace{3, 1});
    CHECK(neighbour(DualPipeV{}, {3, 1}, 1, 4) == ChunkPlace{2, 1});
    CHECK(neighbour(DualPipeV{}, {3, 1}, -1, 4) == ChunkPlace{3, 0});
    CHECK_FALSE(neighbour(DualPipeV{}, {0, 1}, 1, 4));
    CHECK_FALSE(neighbour(DualPipeV{}, {0, 0}, -1, 4));
    CHECK(problem_with(DualPipeV{}, 4, 7) ==
          "DualPipeV needs at least two micro-batches (7) per stage (4 stages)");
    CHECK_FALSE(problem_with(DualPipeV{}, 3, 6));
}

TEST_CASE("DualPipe says what it needs", "[parallel]") {
    CHECK(problem_with(DualPipe{}, 3, 12) == "DualPipe needs an even number of stages, not 3");
    CHECK(problem_with(DualPipe{}, 4, 7)->starts_with("DualPipe needs an even number of micro-batches (7)"));
    CHECK(problem_with(DualPipe{}, 4, 6).has_value());
    CHECK_FALSE(problem_with(DualPipe{}, 4, 8));
    CHECK_FALSE(problem_with(ZeroBubbleH1{}, 3, 1));
}

namespace {

/// Longest span of a stage, from its first work to its last, in ticks, where every phase takes one.
int longest_span(Schedule const& schedule, int stages, int micro_batches) {
    std::vector<std::vector<Slot>> slots;
    for (int s = 0; s < stages; ++s) {
        slots.push_back(slots_of(schedule, s, stages, micro_batches));
    }
    std::map<std::tuple<Phase, int, int>, int> end; // phase, stage, micro-batch
    std::vector<std::size_t> next(slots.size(), 0);
    std::vector<int> free(slots.size(), 0), begin(slots.size(), -1);
    for (bool moved = true; moved;) {
        moved = false;
        for (int s = 0; s < stages; ++s) {
            auto const at = static_cast<std::size_t>(s);
            while (next[at] < slots[at].size()) {
                auto const& slot = slots[at][next[at]];
                int const from = slot.phase == Phase::forward ? s - 1 : s + 1;
                bool const waits = slot.phase != Phase::weight_gradient && from >= 0 && from < stages;
                auto const sent = end.find({slot.phase, from, slot.micro_batch});
                if (waits && sent == end.end()) {
                    break;
                }
                int const start = std::max(free[at], waits ? sent->second : 0);
                begin[at] = begin[at] < 0 ? start : begin[at];
                end[{slot.phase, s, slot.micro_batch}] = free[at] = start + 1;
                ++next[at];
                moved = true;
            }
        }
    }
    int most = 0;
    for (std::size_t s = 0; s < slots.size(); ++s) {
        REQUIRE(next[s] == slots[s].size()); // nothing is waited for in vain
        most = std::max(most, free[s] - begin[s]);
    }
    return most;
}

} // namespace

TEST_CASE("ZB-H2 leaves no stage idle from its first work to its last, and keeps twice 1F1B's activations",
          "[parallel]") {
    for (auto const& [p, m] : {std::pair{4, 16}, {8, 24}, {8, 64}}) {
        CHECK(longest_span(ZeroBubbleH2{}, p, m) == 3 * m);
        CHECK(bubble_share(ZeroBubbleH2{}, p, m) == 0.0);
        CHECK(longest_span(ZeroBubbleH1{}, p, m) == 3 * m + p - 1);
        for (int stage = 0; stage < p; ++stage) {
            auto const slots = slots_of(ZeroBubbleH2{}, stage, p, m);
            CHECK(slots.size() == static_cast<std::size_t>(3 * m));
            CHECK(peak_in_flight(slots) <= 2 * p - 1);
        }
    }
}

TEST_CASE("layers split with the ends as layers leave the ends short", "[parallel]") {
    auto const split = [](int layers, int stages, int chunks) {
        ReplicaKind kind;
        kind.stage_groups.push_back({.stages = stages});
        Plan const plan{.schedule = Interleaved{chunks}, .layer_split = LayerSplit::with_ends};
        std::vector<int> counts;
        for (auto const& range : split_layers(plan, kind, layers)) {
            counts.push_back(range.count());
        }
        return counts;
    };
    // Llama 3 405B on 8 stages x 8 chunks: 126 + 2 over 64 parts
    auto const llama = split(126, 8, 8);
    CHECK(llama.front() == 1);
    CHECK(llama.back() == 1);
    CHECK(std::ranges::count(llama, 2) == 62);
    // 22 + 2 over 24 parts: the ends hold embedding and head alone
    auto const alone = split(22, 8, 3);
    CHECK(alone.front() == 0);
    CHECK(alone.back() == 0);
    CHECK(std::accumulate(alone.begin(), alone.end(), 0) == 22);
}

TEST_CASE("a schedule runs with its fewest micro-batches and so many more each time", "[parallel]") {
    for (auto const& [name, schedule] : schedule_choices()) {
        for (int const stages : {2, 4, 6}) {
            for (int m = 1; m < 40; ++m) {
                INFO(name << ", " << stages << " stages, " << m);
                int const beyond = m - least_micro_batches(schedule, stages);
                CHECK(!problem_with(schedule, stages, m) ==
                      (beyond >= 0 && beyond % micro_batch_step(schedule, stages) == 0));
            }
        }
    }
}
