#pragma once
#include "engine/class_clock.hpp"
#include "engine/compiled.hpp"
#include "engine/run_log.hpp"

#include <array>
#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace moesaic::engine {

/// Runs a compiled program on the event loop: decides what starts when.
///  - A class works off its schedule in order; an item starts when the item before has ended (but for
///  detached
///    operations) and its messages are there. All its operations then queue on their streams.
///  - The head of a stream starts when the stream is free and what it waits for on other streams has ended.
///  - Classes that share a rendezvous start that collective when the last of them is ready and end together.
class Runner {
  public:
    Runner(parallel::Program const& program, CompiledProgram const& compiled, Transfers const& transfers,
           EventLoop& loop);

    void start();
    void ended(EventLoop::Token token);
    /// @throws BugError naming the class that did not get through its schedule
    [[nodiscard]] RunLog finish();

  private:
    struct Instance { ///< an item of a class under way
        CompiledBlock const* block = nullptr;
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
    struct ClassState {
        std::vector<Instance> instances;
        std::vector<int> free;
        std::array<StreamState, parallel::streams> streams;
        std::size_t next_item = 0;
        bool between_items = true; ///< nothing blocking is under way
        int gated = -1;            ///< instance whose early units may run while its messages are awaited
        std::map<int, int> rendezvous_met;
    };
    struct Job { ///< something on the event loop
        int rank_class = -1;
        Place place;
        int message = -1;
        int record = -1;
        int parts_left = 0;
        int meeting = -1;
    };
    struct Meeting {
        std::vector<std::pair<int, Place>> arrived;
        std::vector<int> records;
        int parts_left = 0;
    };
    struct Done {
        int rank_class;
        Place place;
        int cause;
    };

    void count_rendezvous();
    int new_job(Job const& job);
    int new_record(int rank_class, int item, int unit, int cause);
    void close(int record);
    void start_flows(Transfer const& transfer, int job);
    void try_item(int rank_class, int cause);
    [[nodiscard]] bool has_received(int rank_class, std::size_t item) const;
    int begin_item(ClassState& state, int rank_class);
    void open_gate(int rank_class, int cause);
    void item_done(int rank_class, int item, int cause);
    void try_streams(int rank_class, int cause);
    void start_unit(int rank_class, Place place, int cause);
    void start_transfer(int rank_class, Place place, int cause);
    void meet(int rank_class, Place place, int cause);
    void start_meeting(int meeting, int cause);
    void end_meeting(int meeting, int cause);
    void send(int message, int cause);
    void arrive(int message, int cause);
    void unit_done(Done const& done);
    void drain();

    parallel::Program const& program_;
    CompiledProgram const& compiled_;
    Transfers const& transfers_;
    EventLoop& loop_;
    std::vector<ClassState> states_;
    std::vector<ClassClock> clocks_;
    std::vector<bool> arrived_; ///< per message
    std::vector<Job> jobs_;
    std::vector<int> free_jobs_;
    std::map<int, int> parties_; ///< per rendezvous, how many classes
    std::map<std::pair<int, int>, int> open_meetings_;
    std::vector<Meeting> meetings_;
    std::vector<Done> done_; ///< ended, not yet acted upon
    RunLog log_;
};

} // namespace moesaic::engine
