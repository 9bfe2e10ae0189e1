#include "engine/link_budget.hpp"

#include <algorithm>
#include <limits>

namespace moesaic::engine {

namespace {
/// Rounding of sums of rates, relative to the bandwidth.
constexpr double rounding = 1e-9;
} // namespace

int LinkBudget::add_resource(double bandwidth) {
    resources_.push_back({bandwidth, 0.0, 0, {}});
    return static_cast<int>(resources_.size()) - 1;
}

double LinkBudget::rate_alone(std::span<ResourceUse const> uses) const {
    auto rate = std::numeric_limits<double>::infinity();
    for (auto const& use : uses) {
        rate = std::min(rate, resources_[use.resource].bandwidth / use.times);
    }
    return rate;
}

void LinkBudget::take(std::span<ResourceUse const> uses, double rate) {
    for (auto const& use : uses) {
        auto& resource = resources_[use.resource];
        resource.taken += rate * use.times;
        ++resource.flows;
    }
}

void LinkBudget::give_back(std::span<ResourceUse const> uses, double rate) {
    for (auto const& use : uses) {
        auto& resource = resources_[use.resource];
        // exactly nothing is left when all have ended: rounding does not add up over a run
        resource.taken = --resource.flows == 0 ? 0.0 : resource.taken - rate * use.times;
    }
}

bool LinkBudget::overdrawn(int resource) const {
    return resources_[resource].taken > resources_[resource].bandwidth * (1.0 + rounding);
}

void LinkBudget::join(std::span<ResourceUse const> uses, int flow) {
    for (auto const& use : uses) {
        resources_[use.resource].unshared.push_back(flow);
    }
}

void LinkBudget::leave(std::span<ResourceUse const> uses, int flow) {
    for (auto const& use : uses) {
        auto& flows = resources_[use.resource].unshared;
        *std::ranges::find(flows, flow) = flows.back();
        flows.pop_back();
    }
}

} // namespace moesaic::engine
