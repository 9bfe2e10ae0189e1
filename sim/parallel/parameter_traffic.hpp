#pragma once
#include "parallel/block_builder.hpp"
#include "parallel/stage_setting.hpp"

namespace moesaic::parallel {

/// Sums of gradients and gathers of parameters, as the plan shares them out (Plan::zero, Plan::shard_group).
class ParameterTraffic {
  public:
    ParameterTraffic(StageSetting const& setting, BlockBuilder& to) : s_{setting}, to_{to} {}

    /// What a layer's kernels wait for.
    struct Arrival {
        std::optional<int> dense, expert;
    };
    /// Before the block's messages have come.
    [[nodiscard]] Arrival gather_from_start(LayerWeights const& weights) const;
    /// From where the chain is now, which goes on beside it.
    [[nodiscard]] Arrival gather_beside(LayerWeights const& weights) const;
    void wait_for(Arrival const& arrival) const;
    /// The chain waits for it.
    void gather(LayerWeights const& weights) const;

    void sum_behind(LayerWeights const& weights) const;
    void sum(LayerWeights const& weights) const;

    /// Of the gradients of these weights, after what the shard group's ranks share.
    [[nodiscard]] double owned(LayerWeights const& weights) const;

  private:
    template <class Start>
    [[nodiscard]] Arrival start_gathers(LayerWeights const& weights, Start start) const;
    /// One owner after the other.
    void broadcast(double parameters, RankSet const& group) const;
    [[nodiscard]] Collective gather_of(double parameters, RankSet const& group, std::string role) const;
    /// Reduce-scatter over those that share, then all-reduce of the share over its copies; without sharing an
    /// all-reduce over all.
    [[nodiscard]] std::vector<Collective> sums_of(double parameters, RankSet const& group,
                                                  std::string const& role) const;

    StageSetting const& s_;
    BlockBuilder& to_;
};

} // namespace moesaic::parallel
