#include "engine/step_bound.hpp"

#include "base/errors.hpp"
#include "engine/compiled.hpp"

#include <algorithm>
#include <array>

namespace moesaic::engine {

namespace {

using parallel::streams;

/// The times of one block on an idle cluster.
struct BlockTimes {
    double length = 0.0;                ///< from its messages to its last blocking unit
    std::array<double, streams> busy{}; ///< of each stream
    bool starts_early = false;
};

class Bound {
  public:
    Bound(parallel::Program const& program, hardware::Topology const& topology,
          timing::Timings const& timings)
        : program_{program}, traffic_{program, topology},
          folding_{fold({program, topology, traffic_}, Fold::automatic, {})},
          transfers_{{program, folding_, topology, timings, traffic_}},
          compiled_{compile(program, folding_, topology, transfers_)}, loop_{Sharing::none} {
        transfers_.install(loop_);
        for (auto const route : compiled_.route_of) {
            auto const& expected = compiled_.routes[route].expected;
            missing_.push_back(expected);
            arrival_.emplace_back(expected.size(), 0.0);
        }
        for (std::size_t cell = 0; cell < folding_.cells.size(); ++cell) {
            states_.push_back({blocks_of(static_cast<int>(cell)), 0, 0.0, 0.0, {}});
        }
    }

    /// Of each block, the least of its cells.
    [[nodiscard]] std::vector<BlockBound> of_blocks() const {
        std::vector<BlockBound> out;
        for (auto const& state : states_) {
            for (std::size_t block = 0; block < state.blocks.size(); ++block) {
                auto const& times = state.blocks[block];
                BlockBound bound{Seconds{times.length}, {}};
                std::ranges::transform(times.busy, bound.busy.begin(), [](double t) { return Seconds{t}; });
                if (block == out.size()) {
                    out.push_back(bound);
                    continue;
                }
                out[block].length = std::min(out[block].length, bound.length);
                std::ranges::transform(out[block].busy, bound.busy, out[block].busy.begin(),
                                       [](Seconds a, Seconds b) { return std::min(a, b); });
            }
        }
        return out;
    }

    double run() {
        auto progress = true;
        while (progress) {
            progress = false;
            for (std::size_t cell = 0; cell < states_.size(); ++cell) {
                while (next_item(static_cast<int>(cell))) {
                    progress = true;
                }
            }
        }
        auto bound = 0.0;
        for (std::size_t cell = 0; cell < states_.size(); ++cell) {
            auto const& state = states_[cell];
            expects(state.item == class_of(static_cast<int>(cell)).schedule.size(),
                    "class " + class_of(static_cast<int>(cell)).name + " gets through its schedule");
            bound = std::max({bound, state.now, state.first_start + *std::ranges::max_element(state.busy)});
        }
        return bound;
    }

  private:
    struct State {
        std::vector<BlockTimes> blocks;
        std::size_t item = 0;
        double now = 0.0;
        double first_start = 0.0;
        std::array<double, streams> busy{};
    };

    [[nodiscard]] parallel::RankClass const& class_of(int cell) const {
        return program_.classes[folding_.cells[cell].rank_class];
    }
    [[nodiscard]] double time_alone(int transfer) const {
        auto longest = 0.0;
        for (auto const flow : transfers_.at(transfer).flows) {
            longest = std::max(longest, loop_.time_alone(flow));
        }
        return longest;
    }

    [[nodiscard]] std::vector<BlockTimes> blocks_of(int cell) const {
        std::vector<BlockTimes> out;
        auto const& units = compiled_.cell_units[cell];
        auto const& blocks = compiled_.blocks[folding_.cells[cell].rank_class];
        for (std::size_t block = 0; block < blocks.size(); ++block) {
            out.push_back(times_of(blocks[block], units[block]));
        }
        return out;
    }

    /// Units in order: each starts when its stream is free and those it waits for have ended. Early ones may be done
    /// before the block starts, so they take no time of its length.
    [[nodiscard]] BlockTimes times_of(CompiledBlock const& block, std::vector<CellUnit> const& own) const {
        BlockTimes out{.starts_early = block.starts_early};
        std::vector<double> ready(block.units.size(), 0.0);
        std::array<double, streams> free{};
        for (std::size_t u = 0; u < block.units.size(); ++u) {
            auto const& unit = block.units[u];
            auto const time = own[u].transfer >= 0 ? time_alone(own[u].transfer) : unit.time.value();
            auto const stream = static_cast<int>(unit.stream);
            out.busy[stream] += time;
            auto const end = unit.early ? 0.0 : std::max(free[stream], ready[u]) + time;
            free[stream] = std::max(free[stream], end);
            for (auto const next : unit.next) {
                ready[next] = std::max(ready[next], end);
            }
            out.length = std::max(out.length, unit.detached ? 0.0 : end);
        }
        return out;
    }

    /// False where the cell's next item waits for a message, or there is none.
    bool next_item(int cell) {
        auto& state = states_[cell];
        auto const& schedule = class_of(cell).schedule;
        if (state.item == schedule.size()) {
            return false;
        }
        auto const& item = schedule[state.item];
        auto const number = cell - folding_.first_of(folding_.cells[cell].rank_class);
        auto start = state.now;
        for (auto const message : item.receives) {
            if (missing_[message][number] > 0) {
                return false;
            }
            start = std::max(start, arrival_[message][number]);
        }
        auto const& block = state.blocks[item.block];
        if (state.item == 0 && !block.starts_early) {
            state.first_start = start;
        }
        state.now = start + block.length;
        std::ranges::transform(state.busy, block.busy, state.busy.begin(), std::plus{});
        ++state.item;
        send(item, number, state);
        return true;
    }

    /// What the item sends arrives after its time alone; of blocking messages the sender waits for the last.
    void send(parallel::WorkItem const& item, int number, State& state) {
        auto through = state.now;
        for (auto const message : item.sends) {
            bool const blocking = program_.messages[message].blocking;
            for (auto const& delivery : compiled_.routes[compiled_.route_of[message]].from[number]) {
                --missing_[message][delivery.receiver];
                auto const end = state.now + time_alone(delivery.transfer);
                auto& arrival = arrival_[message][delivery.receiver];
                arrival = std::max(arrival, end);
                through = std::max(through, blocking ? end : through);
            }
        }
        state.now = through;
    }

    parallel::Program const& program_;
    TrafficCache traffic_;
    Folding folding_;
    Transfers transfers_;
    CompiledProgram compiled_;
    EventLoop loop_;
    std::vector<State> states_;
    std::vector<std::vector<int>> missing_;    ///< deliveries per message and cell of the receiver
    std::vector<std::vector<double>> arrival_; ///< of the last of them
};

} // namespace

Seconds step_bound(parallel::Program const& program, hardware::Topology const& topology,
                   timing::Timings const& timings) {
    return Seconds{Bound{program, topology, timings}.run()};
}

std::vector<BlockBound> block_bounds(parallel::RankClass rank_class, hardware::Topology const& topology,
                                     timing::Timings const& timings) {
    rank_class.schedule.clear();
    for (std::size_t block = 0; block < rank_class.blocks.size(); ++block) {
        rank_class.schedule.push_back({static_cast<int>(block), 0, {}, {}});
    }
    parallel::Program program;
    program.chips = rank_class.members.count;
    program.classes.push_back(std::move(rank_class));
    return Bound{program, topology, timings}.of_blocks();
}

} // namespace moesaic::engine
