#pragma once
#include "parallel/stage_setting.hpp"
#include "parallel/traffic.hpp"

#include <map>
#include <optional>
#include <tuple>
#include <variant>
#include <vector>

namespace moesaic::parallel {

/// What attention ranks do from tokens coming back to tokens going out, where experts lie on ranks of their own.
struct Segment {
    struct DenseLayer {
        int layer = 0;
    };
    struct Head {};
    struct MtpInput {};
    using Piece = std::variant<DenseLayer, Head, MtpInput>;

    bool embedding = false;
    std::optional<int> from_experts; ///< MoE layer whose tokens come back at its start
    std::vector<Piece> pieces;
    std::optional<int>
        to_experts; ///< MoE layer whose attention it computes and whose tokens go out at its end
};
/// One more than the chunk has MoE layers, those of MTP modules included.
[[nodiscard]] std::vector<Segment> segments_of(model::Model const& model, ChunkContent const& content);

/// The blocks of one class of a stage whose experts lie apart, each built once.
class ApartBlocks {
  public:
    ApartBlocks(StageSetting const& setting, std::vector<ChunkContent> const& chunks, Pricer& pricer);

    /// @param special a forward: its parameters are gathered, where the plan says so; a backward: it completes the
    /// gradients of the step
    [[nodiscard]] int segment(int chunk, int segment, Phase phase, bool special);
    /// While the tokens of the segment's layer are away: forward the shared experts; backward what is computed again of
    /// the layer, and the shared experts' backward. none where there is nothing to do
    [[nodiscard]] std::optional<int> meanwhile(int chunk, int segment, Phase phase);
    /// The routed experts of the layer that a segment sends to.
    [[nodiscard]] int experts(int chunk, int segment, Phase phase, bool special);

    [[nodiscard]] std::vector<Segment> const& segments(int chunk) const {
        return segments_[static_cast<std::size_t>(chunk)];
    }
    int add(Block block);
    [[nodiscard]] std::vector<Block> take() { return std::move(blocks_); }

  private:
    enum class Work { segment, meanwhile, experts };
    using Key = std::tuple<Work, int, int, Phase, bool>;

    [[nodiscard]] Block forward_segment(int chunk, int segment, bool special) const;
    [[nodiscard]] Block backward_segment(int chunk, int segment, bool special) const;
    [[nodiscard]] Block forward_experts(int chunk, int segment, bool special) const;
    [[nodiscard]] Block backward_experts(int chunk, int segment, bool special) const;
    [[nodiscard]] Block forward_meanwhile(int layer) const;
    [[nodiscard]] Block backward_meanwhile(int layer) const;

    void gather(int chunk, int segment, BlockBuilder& to) const;
    [[nodiscard]] LayerWeights weights_of(int chunk, int segment) const;
    [[nodiscard]] Segment const& at(int chunk, int segment) const {
        return segments_[static_cast<std::size_t>(chunk)][static_cast<std::size_t>(segment)];
    }
    [[nodiscard]] model::LayerOperations operations(int layer) const;

    StageSetting const& s_;
    std::vector<ChunkContent> const& chunks_;
    Pricer& pricer_;
    std::vector<std::vector<Segment>> segments_; ///< by chunk
    std::map<Key, int> known_;
    std::vector<Block> blocks_;
};

} // namespace moesaic::parallel
