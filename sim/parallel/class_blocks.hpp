#pragma once
#include "parallel/layer_blocks.hpp"
#include "parallel/merge_blocks.hpp"
#include "parallel/schedule.hpp"

#include <map>
#include <set>
#include <utility>
#include <vector>

namespace moesaic::parallel {

/// The blocks of one rank class, each built when a turn first needs it. The first forward of a chunk may gather
/// parameters, the turn that completes its last gradients may sum them: these are blocks of their own.
class ClassBlocks {
  public:
    /// @param chunks that the stage holds @param slots its turns; all must outlive the object
    ClassBlocks(StageSetting const& setting, std::vector<ChunkContent> const& chunks,
                std::vector<Slot> const& slots, Pricer& pricer, TimeAlone time);

    /// Index of the block of a turn, and of the next where they run as one.
    int of(std::size_t slot);
    int add(Block block);
    [[nodiscard]] std::vector<Block> take() { return std::move(blocks_); }

  private:
    /// Chunk, phase, first or last of the step.
    using Turn = std::tuple<int, Phase, bool>;

    [[nodiscard]] Turn turn_of(std::size_t slot) const;
    [[nodiscard]] Block const& built(Turn const& turn);
    int of(Turn const& turn);

    StageSetting const& setting_;
    std::vector<ChunkContent> const& chunks_;
    std::vector<Slot> const& slots_;
    Pricer& pricer_;
    TimeAlone time_;
    std::set<std::size_t> special_; ///< slots that gather parameters or sum gradients
    std::map<Turn, Block> built_;
    std::map<Turn, int> single_;
    std::map<std::pair<Turn, Turn>, int> paired_;
    std::vector<Block> blocks_;
};

} // namespace moesaic::parallel
