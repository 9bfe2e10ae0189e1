#pragma once
#include "parallel/build_program.hpp"
#include "parallel/schedule.hpp"
#include "parallel/traffic.hpp"

#include <map>
#include <tuple>
#include <vector>

namespace moesaic::parallel {

/// A stage with what it holds; one rank class.
struct Stage {
    StagePlace place;
    std::vector<ChunkContent> chunks;
    int stages = 1; ///< of its kind
    int micro_batches = 1;
};

/// In the order of place_stages().
[[nodiscard]] std::vector<Stage> stages_of_job(Job const& job);

/// The messages of one replica kind: between neighbours of the chain of virtual stages, forwards and back. References
/// outlive it; class ids count like the stages.
class Messages {
  public:
    Messages(Job const& job, Program& program, std::vector<Stage> const& stages)
        : job_{job}, program_{program}, stages_{stages} {}

    /// What the slot waits for and what it sends.
    void connect(WorkItem& item, Slot const& slot, std::size_t at);

  private:
    int message(int ahead, ChunkPlace from, ChunkPlace to, int micro_batch, std::size_t at);
    [[nodiscard]] Bytes bytes(Stage const& source, Stage const& target) const;
    [[nodiscard]] bool blocks(Stage const& source, Stage const& target) const;

    Job const& job_;
    Program& program_;
    std::vector<Stage> const& stages_;
    std::map<std::tuple<std::size_t, int, int, int, int>, int> known_;
};

/// Tokens of one micro-batch and MoE layer, between the attention ranks of a stage and the ranks of their experts, or
/// back. A place holds as many of the copies as of the experts; the busiest rank decides (ReplicaKind::expert_imbalance).
class TokenMessages {
  public:
    TokenMessages(Job const& job, Program& program, std::vector<Stage> const& stages)
        : job_{job}, program_{program}, stages_{stages} {}

    struct Key {
        int stage = 0;
        int layer = 0;
        Phase phase = Phase::forward;
        int micro_batch = 0;
        auto operator<=>(Key const&) const = default;
    };
    /// To or from each place that holds experts of the layer, attention ranks last. @returns indices of messages
    [[nodiscard]] std::vector<int> of_all(Key const& key, Way way);
    /// Of one place; none = the attention ranks themselves.
    [[nodiscard]] int of(Key const& key, Way way, std::optional<int> place);

  private:
    [[nodiscard]] std::size_t class_of(int stage, std::optional<int> place) const;
    [[nodiscard]] Message message(Key const& key, Way way, std::optional<int> place) const;

    Job const& job_;
    Program& program_;
    std::vector<Stage> const& stages_;
    std::map<std::tuple<Key, Way, int>, int> known_;
};

} // namespace moesaic::parallel
