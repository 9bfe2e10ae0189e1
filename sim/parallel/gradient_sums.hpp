#pragma once
#include "parallel/parameter_traffic.hpp"
#include "parallel/traffic.hpp"

namespace moesaic::parallel {

/// Gradients that a block copies and sums, layer by layer: those of its micro-batch with those before, and over the ranks that
/// hold the same weights where the plan says that they go behind the backward.
class GradientSums {
  public:
    /// @param last_of_step the last micro-batch whose gradients the block completes
    GradientSums(StageSetting const& setting, BlockBuilder& to, bool last_of_step, BackwardPart part);
    void add(LayerWeights const& weights) const;

  private:
    [[nodiscard]] double traffic_share() const;
    [[nodiscard]] model::Operation sum_operation(LayerWeights const& weights) const;

    StageSetting const& s_;
    BlockBuilder& to_;
    ParameterTraffic traffic_;
    bool behind_;
    bool made_; ///< the block makes gradients of weights
    bool here_ = false;
    bool adds_up_ = false;
};

} // namespace moesaic::parallel
