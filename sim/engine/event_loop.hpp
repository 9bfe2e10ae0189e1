#pragma once
#include "engine/link_budget.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moesaic::engine {

/// A transfer over several resources at once, as fast as the most contended of them allows.
struct FlowSpec {
    std::vector<ResourceUse> uses;
    double bytes = 0.0;
    double weight = 1.0;  ///< share on a contended resource, 1e-3 … 1e6
    double latency = 0.0; ///< seconds until the first byte moves
    double cap = 0.0;     ///< bytes per second that the flow attains alone, runs of the same flow together
};

enum class Sharing {
    simulated, ///< flows share their resources (weighted max-min, SimGrid); one loop per process
    checked,   ///< the same, every flow through SimGrid: slower, to check the above against
    none       ///< each flow has its resources for itself: no flow ends later than it would with sharing
};

/// Simulated time: timers and flows. A flow that has room on all its resources runs on our own calendar; SimGrid
/// gets it, with what is left of it, as soon as one of them is asked for more than it has.
class EventLoop {
  public:
    using Token = std::int64_t;

    /// @throws BugError for a second one that shares: SimGrid's clock never goes back to zero
    explicit EventLoop(Sharing sharing);
    ~EventLoop();

    /// @param bandwidth bytes per second
    int add_resource(std::string const& name, double bandwidth);
    int add_flow(FlowSpec spec);
    /// From the given second on; the flows under way feel it.
    void change_bandwidth(double at_second, int resource, double bandwidth);

    /// These may be called from `start` and `handler` only; `handler` gets the token back at the end.
    void start_timer(double seconds, Token token);
    void start_flow(int flow, Token token);
    [[nodiscard]] double now() const;

    /// Calls `start` at time 0 and `handler` at each end, until nothing is under way.
    void run(std::function<void()> const& start, std::function<void(Token)> handler);

    /// Seconds of a flow that has its resources for itself.
    [[nodiscard]] double time_alone(int flow) const;
    /// Flows started, and those of them that SimGrid had to share out.
    [[nodiscard]] std::int64_t flows_started() const;
    [[nodiscard]] std::int64_t flows_shared() const;

  private:
    struct Machine;
    std::unique_ptr<Machine> machine_;
};

} // namespace moesaic::engine
