#pragma once
#include "engine/cell_clock.hpp"
#include "engine/compiled.hpp"
#include "engine/run_log.hpp"

#include <array>
#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace moesaic::engine {

/// What the runner works on. References outlive it.
struct RunContext {
    parallel::Program const& program;
    Folding const& folding;
    CompiledProgram const& compiled;
    Transfers const& transfers;
    Perturbations const& perturbations;
};

/// Runs a compiled program on the event loop: decides what starts when.
///  - A cell works off its class's schedule in order; an item starts when the item before has ended (but for
///    detached operations), its blocking messages too, and the own messages are there. All its operations then queue on
///    their streams.
///  - The head of a stream starts when the stream is free and what it waits for on other streams has ended.
///  - Cells that take part in one collective start it when the last of them is ready and end together.
///  - A kernel slows down by the share of the chip that communication takes meanwhile; of several collectives at a time each
///    takes its share of what the others leave.
class Runner {
  public:
    Runner(RunContext const& context, EventLoop& loop);

    void start();
    void ended(EventLoop::Token token);
    /// @throws BugError naming the class that did not get through its schedule
    [[nodiscard]] RunLog finish();

  private:
    struct Instance { ///< an item of a cell under way
        int block = 0;
        int item = 0;
        int left = 0;
        int blocking_left = 0;
        std::vector<int> waits; ///< per unit
    };
    struct Place { ///< a unit of an instance
        int instance = 0;
        int unit = 0;
    };
    struct StreamState {
        std::deque<Place> queue;
        bool busy = false;
    };
    struct Kernel { ///< the one on the compute stream
        int job = -1;
        double left = 0.0; ///< seconds of the whole chip
        double since = 0.0;
    };
    struct CellState {
        std::vector<Instance> instances;
        std::vector<int> free;
        std::array<StreamState, parallel::streams> streams;
        std::size_t next_item = 0;
        bool between_items = true; ///< nothing that the next item waits for is under way
        int sending = 0;           ///< blocking messages to single cells that are not through
        int gated = -1;            ///< instance whose early units may run while its messages are awaited
        std::array<double, parallel::streams> taken{}; ///< of the chip, by each stream's communication
        double speed = 1.0;                            ///< of kernels beside it
        Kernel kernel;
    };
    struct Job { ///< something on the event loop
        int cell = -1;
        Place place;
        int message = -1;  ///< `cell` sends it
        int receiver = -1; ///< of the message: number of the cell in its class
        int record = -1;
        int parts_left = 0;
        int meeting = -1;
    };
    struct Meeting { ///< of one collective at a time: its cells come round together
        std::vector<std::pair<int, Place>> arrived;
        std::vector<int> records;
        int parts_left = 0;
    };
    struct Sending { ///< of a message to one cell
        int message = -1;
        int cell = -1; ///< that sends
        Delivery delivery;
    };
    struct Line { ///< between two cells, for messages that take turns
        bool busy = false;
        std::deque<Sending> queue;
    };
    struct Done {
        int cell;
        Place place;
        int cause;
    };

    [[nodiscard]] parallel::RankClass const& class_of(int cell) const;
    [[nodiscard]] CompiledBlock const& block_of(Instance const& instance, int cell) const;
    [[nodiscard]] double share_of(int cell, Place place) const;
    /// Of a kernel with the slowdown of its chip and its jitter, or of the host without them.
    [[nodiscard]] double kernel_time(int cell, Place place) const;

    int new_job(Job const& job);
    [[nodiscard]] EventLoop::Token token_of(int job) const;
    int new_record(Record const& record);
    void close(int record);
    void start_flows(int transfer, int job);

    void try_item(int cell, int cause);
    [[nodiscard]] bool has_received(int cell, int item) const;
    int begin_item(int cell, int item);
    static void gate(Instance& instance, CompiledBlock const& block, int wait);
    void open_gate(int cell, int cause);
    void item_done(int cell, int item, int cause);
    void try_streams(int cell, int cause);
    void start_unit(int cell, Place place, int cause);
    void start_kernel(int cell, Place place, int cause);
    void take_chip(int cell, parallel::Stream stream, double share);
    void start_transfer(int cell, Place place, int cause);
    void meet(int cell, Place place, int cause);
    void start_meeting(int meeting, int cause);
    void end_meeting(int meeting, int cause);
    void send_all(int cell, int item, int cause);
    void start_sending(Sending const& sending, int cause);
    [[nodiscard]] Line& line_of(int cell, int message, int receiver);
    void arrive(int message, int receiver, int cause);
    void message_done(Job const& job);
    void act_on(Job const& job);
    void unit_done(Done const& done);
    void drain();

    RunContext context_;
    EventLoop& loop_;
    std::vector<CellState> states_;
    std::vector<CellClock> clocks_;
    std::vector<std::int64_t> message_offset_; ///< into missing_
    std::vector<int> missing_;                 ///< deliveries per message and cell of the receiver
    std::vector<Job> jobs_;
    std::vector<std::uint32_t> job_turn_; ///< per job: which of its timers counts
    std::vector<int> free_jobs_;
    std::vector<Meeting> meetings_;
    std::map<std::pair<int, int>, Line> lines_; ///< by their cells, the lower one first
    std::vector<Done> done_;                    ///< ended, not yet acted upon
    RunLog log_;
};

} // namespace moesaic::engine
