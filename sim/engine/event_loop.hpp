#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moesaic::engine {

/// How often a flow counts on a resource: it takes times x its own rate of the resource's bandwidth.
struct ResourceUse {
    int resource = 0;
    int times = 1;
};

/// A transfer over several resources at once, as fast as the most contended of them allows.
struct FlowSpec {
    std::vector<ResourceUse> uses;
    double bytes = 0.0;   ///< rounded down to whole bytes, at least one
    double weight = 1.0;  ///< share on a contended resource, 1e-3 … 1e6
    double latency = 0.0; ///< seconds until the first byte moves
    double cap = 0.0;     ///< bytes per second that the flow attains alone, runs of the same flow together
};

/// Simulated time: SimGrid's flows (max-min sharing, weighted) beside a calendar of timers. The only place
/// that includes SimGrid. One per process.
class EventLoop {
  public:
    using Token = std::int64_t;

    /// @throws BugError if this process has had one already: SimGrid's clock never goes back to zero
    EventLoop();
    ~EventLoop();

    /// @param bandwidth bytes per second
    int add_resource(std::string const& name, double bandwidth);
    int add_flow(FlowSpec spec);

    /// Both may be called from `start` and `handler` only; `handler` gets the token back at the end.
    void start_timer(double seconds, Token token);
    void start_flow(int flow, Token token);
    [[nodiscard]] double now() const;

    /// Calls `start` at time 0 and `handler` at each end, until nothing is under way.
    void run(std::function<void()> const& start, std::function<void(Token)> handler);

  private:
    struct Machine;
    std::unique_ptr<Machine> machine_;
};

} // namespace moesaic::engine
