#include "parallel/schedule.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <tuple>

using namespace moesaic;
using namespace moesaic::parallel;

namespace {

/// Plays the schedule with unit times (forward 1, backward 2, both over `chunks` for a chunk) and says when
/// all is done.
double makespan(Schedule const& schedule, int stages, int micro_batches) {
    int const chunks = chunks_of(schedule);
    std::map<std::tuple<Phase, int, int>, double> done; // phase, virtual stage, micro-batch
    std::vector<std::vector<Slot>> slots;
    std::vector<std::size_t> next(static_cast<std::size_t>(stages), 0);
    std::vector<double> free_at(static_cast<std::size_t>(stages), 0.0);
    for (int s = 0; s < stages; ++s) {
        slots.push_back(slots_of(schedule, s, stages, micro_batches));
    }
    for (bool moved = true; moved;) {
        moved = false;
        for (int s = 0; s < stages; ++s) {
            auto const at = static_cast<std::size_t>(s);
            while (next[at] < slots[at].size()) {
                auto const slot = slots[at][next[at]];
                int const v = slot.chunk * stages + s;
                bool const forward = slot.phase == Phase::forward;
                double ready = 0.0;
                if (forward ? v > 0 : true) {
                    int const last = stages * chunks - 1;
                    auto const key = forward     ? std::tuple{Phase::forward, v - 1, slot.micro_batch}
                                     : v == last ? std::tuple{Phase::forward, v, slot.micro_batch}
                                                 : std::tuple{Phase::backward, v + 1, slot.micro_batch};
                    auto const found = done.find(key);
                    if (found == done.end()) {
                        break;
                    }
                    ready = found->second;
                }
                free_at[at] = std::max(free_at[at], ready) + (forward ? 1.0 : 2.0) / chunks;
                done[{slot.phase, v, slot.micro_batch}] = free_at[at];
                ++next[at];
                moved = true;
            }
        }
    }
    for (int s = 0; s < stages; ++s) {
        REQUIRE(next[static_cast<std::size_t>(s)] == slots[static_cast<std::size_t>(s)].size());
    }
    return *std::ranges::max_element(free_at);
}

} // namespace

TEST_CASE("1F1B wastes (p-1)/m on uniform stages", "[parallel]") {
    for (auto const& [p, m] : {std::pair{4, 8}, {8, 8}, {2, 3}, {16, 64}}) {
        // busy time of a stage: m x (1 + 2)
        CHECK(makespan(OneFOneB{}, p, m) / (3.0 * m) - 1.0 == Approx(bubble_share(OneFOneB{}, p, m)));
    }
}

TEST_CASE("GPipe wastes as much as 1F1B but keeps all micro-batches", "[parallel]") {
    CHECK(makespan(GPipe{}, 4, 8) / 24.0 - 1.0 == Approx(3.0 / 8.0));
    CHECK(peak_in_flight(slots_of(GPipe{}, 0, 4, 8)) == 8);
    CHECK(peak_in_flight(slots_of(OneFOneB{}, 0, 4, 8)) == 4);
    CHECK(peak_in_flight(slots_of(OneFOneB{}, 3, 4, 8)) == 1);
}

TEST_CASE("interleaving with v chunks wastes (p-1)/(m v)", "[parallel]") {
    for (auto const& [p, m, v] : {std::tuple{4, 8, 2}, {4, 16, 3}, {2, 4, 2}}) {
        CHECK(makespan(Interleaved{v}, p, m) / (3.0 * m) - 1.0 == Approx(bubble_share(Interleaved{v}, p, m)));
    }
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
    for (auto const& schedule : {Schedule{GPipe{}}, Schedule{OneFOneB{}}, Schedule{Interleaved{3}}}) {
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
