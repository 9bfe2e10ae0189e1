#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moesaic::engine {

/// SimGrid's clock and its flows: weighted max-min sharing of resources. One per process. Its source alone includes SimGrid.
class SimGridNetwork {
  public:
    /// @throws BugError if this process has had one already: SimGrid's clock never goes back to zero
    SimGridNetwork();
    ~SimGridNetwork();

    int add_resource(std::string const& name, double bandwidth);
    /// @param resources one entry for each time that the flow counts. The first must be the flow's own: where flows
    ///   start or end in the same instant, SimGrid 3.32 looks again at the resources of a flow only if its first
    ///   one has not been touched yet in that instant, and would otherwise ignore the capacity of the others
    ///   (lmm, selective update).
    int add_route(std::vector<int> const& resources, double weight);
    void set_bandwidth(int resource, double bandwidth);

    struct Handlers {
        std::function<void()> start;                ///< at time 0
        std::function<void(std::int64_t)> flow_end; ///< with the token
        std::function<void()> alarm;                ///< at the date set last
    };
    void run(Handlers handlers);

    void start_flow(int route, double bytes, double latency, std::int64_t token);
    void set_alarm(double date); ///< replaces the one set before
    [[nodiscard]] double now() const;

  private:
    struct Machine;
    std::unique_ptr<Machine> machine_;
};

} // namespace moesaic::engine
