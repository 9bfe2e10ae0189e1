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
    /// Before they are gathered, workers may meet over them (LocalSgd).
    enum class Meets { no, yes };
    /// Before the block's messages have come.
    [[nodiscard]] Arrival gather_from_start(LayerWeights const& weights, Meets meets = Meets::no) const;
    /// From where the chain is now, which goes on beside it.
    [[nodiscard]] Arrival gather_beside(LayerWeights const& weights, Meets meets = Meets::no) const;
    void wait_for(Arrival const& arrival) const;
    /// For a later block: nothing here waits for it.
    void gather_ahead(LayerWeights const& weights) const;
    /// The chain waits for what earlier blocks gathered ahead: their stream is first in, first out, so for an empty
    /// gather behind theirs.
    void wait_for_gathered() const;
    /// The chain waits for it. @param tensors outside the experts that hold the weights, see model::weight_tensors()
    void gather(LayerWeights const& weights, int tensors) const;

    void sum_behind(LayerWeights const& weights) const;
    void sum(LayerWeights const& weights) const;

    /// The chain waits until all workers have the mean of their parameters, of which each rank brings what it owns.
    void meet(LayerWeights const& weights) const;
    /// What it then does with what it owns.
    void update_outer(LayerWeights const& weights) const;

  private:
    template <class Start>
    [[nodiscard]] Arrival start_gathers(LayerWeights const& weights, Meets meets, Start start) const;
    [[nodiscard]] std::vector<Collective> meetings_of(LayerWeights const& weights, int rendezvous) const;
    [[nodiscard]] Collective meeting_of(double parameters, RankSet const& group, int rendezvous) const;
    /// Of the parameters, by how many of the own worker share them.
    [[nodiscard]] LayerWeights own_part(LayerWeights const& weights) const;
    /// One owner after the other, of which there are no more than tensors.
    void broadcast(double parameters, RankSet const& group, std::int64_t tensors) const;
    [[nodiscard]] Collective gather_of(double parameters, RankSet const& group, std::string role) const;
    /// Reduce-scatter over those that share, then all-reduce of the share over its copies; without sharing, or
    /// where the plan says so, an all-reduce over all.
    [[nodiscard]] std::vector<Collective> sums_of(double parameters, RankSet const& group,
                                                  std::string const& role) const;
    /// Over the ranks with the same experts, then over those with copies of an expert (ReplicaKind::redundant_experts).
    [[nodiscard]] std::vector<Collective> expert_sums(double parameters) const;

    StageSetting const& s_;
    BlockBuilder& to_;
};

} // namespace moesaic::parallel
