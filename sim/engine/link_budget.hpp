#pragma once
#include <span>
#include <vector>

namespace moesaic::engine {

/// How often a flow counts on a resource: it takes times x its own rate of the resource's bandwidth.
struct ResourceUse {
    int resource = 0;
    int times = 1;
};

/// What the flows under way could take of each resource at most. As long as that is no more than there is, each of
/// them runs at its own full rate, and no sharing has to be computed.
class LinkBudget {
  public:
    int add_resource(double bandwidth);
    [[nodiscard]] double bandwidth(int resource) const { return resources_[resource].bandwidth; }
    void set_bandwidth(int resource, double bandwidth) { resources_[resource].bandwidth = bandwidth; }

    /// The rate of a flow that has its resources for itself.
    [[nodiscard]] double rate_alone(std::span<ResourceUse const> uses) const;

    void take(std::span<ResourceUse const> uses, double rate);
    void give_back(std::span<ResourceUse const> uses, double rate);
    /// Asked for more than it has.
    [[nodiscard]] bool overdrawn(int resource) const;

    /// Flows that run at their full rate, by resource: those that must share once it is overdrawn.
    void join(std::span<ResourceUse const> uses, int flow);
    void leave(std::span<ResourceUse const> uses, int flow);
    [[nodiscard]] std::vector<int> const& unshared(int resource) const {
        return resources_[resource].unshared;
    }

  private:
    struct Resource {
        double bandwidth = 0.0;
        double taken = 0.0;
        int flows = 0;
        std::vector<int> unshared;
    };
    std::vector<Resource> resources_;
};

} // namespace moesaic::engine
