#include "parallel/apart_blocks.hpp"

#include "base/overloaded.hpp"
#include "parallel/gradient_sums.hpp"
#include "parallel/layer_pass.hpp"

#include <algorithm>
#include <ranges>

namespace moesaic::parallel {

namespace {

/// Attention ranks launch what a layer without experts has, ranks with experts what a layer with experts has beyond it.
Seconds host_of_experts(StageSetting const& s, BlockBuilder const& to) {
    return std::max(Seconds{}, to.here().host_moe_layer - s.plan.practice.host_layer);
}

/// A dense layer's backward with what it computes again.
void backward_dense(StageSetting const& s, int layer, BlockBuilder& to) {
    backward_layer(s, layer, to, BackwardPart::both);
}

void forward_piece(StageSetting const& s, Segment::Piece const& piece, BlockBuilder& to) {
    std::visit(overloaded{[&](Segment::DenseLayer dense) { forward_layer(s, dense.layer, to); },
                          [&](Segment::Head) { forward_one_head(s, to); },
                          [&](Segment::MtpInput) { to.compute(model::mtp_operations(s.model, s.shape)); }},
               piece);
}

void backward_piece(StageSetting const& s, Segment::Piece const& piece, BlockBuilder& to) {
    std::visit(overloaded{[&](Segment::DenseLayer dense) { backward_dense(s, dense.layer, to); },
                          [&](Segment::Head) { backward_one_head(s, to, BackwardPart::both); },
                          [&](Segment::MtpInput) {
                              Traffic{s, to}.backward(model::mtp_operations(s.model, s.shape));
                          }},
               piece);
}

} // namespace

std::vector<Segment> segments_of(model::Model const& model, ChunkContent const& content) {
    std::vector<Segment> out{
        {.embedding = content.embedding, .from_experts = {}, .pieces = {}, .to_experts = {}}};
    auto const add_layer = [&](int layer) {
        if (model::is_moe_layer(model, layer)) {
            out.back().to_experts = layer;
            out.push_back({.embedding = false, .from_experts = layer, .pieces = {}, .to_experts = {}});
        } else {
            out.back().pieces.emplace_back(Segment::DenseLayer{layer});
        }
    };
    for (int layer = content.layers.begin; layer < content.layers.end; ++layer) {
        add_layer(layer);
    }
    for (int module = 0; content.head && module <= model.mtp_depth; ++module) {
        if (module > 0) {
            out.back().pieces.emplace_back(Segment::MtpInput{});
            add_layer(model.layers - 1 + module);
        }
        out.back().pieces.emplace_back(Segment::Head{});
    }
    return out;
}

ApartBlocks::ApartBlocks(StageSetting const& setting, std::vector<ChunkContent> const& chunks, Pricer& pricer)
    : s_{setting}, chunks_{chunks}, pricer_{pricer} {
    for (auto const& chunk : chunks) {
        segments_.push_back(segments_of(setting.model, chunk));
    }
}

model::LayerOperations ApartBlocks::operations(int layer) const {
    return model::layer_operations(s_.model, layer, shape_of(s_, layer));
}

int ApartBlocks::add(Block block) {
    blocks_.push_back(std::move(block));
    return static_cast<int>(blocks_.size()) - 1;
}

/// What the rank must have before the segment: the weights of its layers, and of the chunk's ends with the first one.
/// Of ranks with experts alone, those of the layer that the segment sends to.
LayerWeights ApartBlocks::weights_of(int chunk, int segment) const {
    auto const& here = at(chunk, segment);
    LayerWeights sum;
    if (segment == 0) {
        sum += trained_weights_of_ends(s_, chunks_[static_cast<std::size_t>(chunk)]);
    }
    for (auto const& piece : here.pieces) {
        auto const* dense = std::get_if<Segment::DenseLayer>(&piece);
        if (dense != nullptr && s_.part == Part::attention) {
            sum += trained_weights_of_layer(s_, dense->layer);
        }
    }
    bool const of_mtp = here.to_experts.value_or(0) >= s_.model.layers; // counted with the ends
    if (here.to_experts && !of_mtp) {
        sum += trained_weights_of_layer(s_, *here.to_experts);
    }
    return sum;
}

/// Each segment's parameters come while the one before it runs.
void ApartBlocks::gather(int chunk, int segment, BlockBuilder& to) const {
    if (s_.plan.zero == 0 || !s_.plan.overlap_parameters) {
        return;
    }
    ParameterTraffic const traffic{s_, to};
    if (segment == 0) {
        traffic.wait_for(traffic.gather_from_start(weights_of(chunk, 0)));
    } else {
        traffic.wait_for_gathered();
    }
    if (segment + 1 < static_cast<int>(segments(chunk).size())) {
        traffic.gather_ahead(weights_of(chunk, segment + 1));
    }
}

Block ApartBlocks::forward_segment(int chunk, int segment, bool special) const {
    BlockBuilder to{pricer_};
    auto const& here = at(chunk, segment);
    if (special) {
        gather(chunk, segment, to);
    }
    if (here.embedding) {
        to.compute(model::embedding_operations(s_.model, s_.shape));
    } else if (segment == 0) {
        Traffic{s_, to}.gather_message();
    }
    if (here.from_experts) {
        to.compute(operations(*here.from_experts).post_combine);
    }
    for (auto const& piece : here.pieces) {
        forward_piece(s_, piece, to);
    }
    if (here.to_experts) {
        auto const ops = operations(*here.to_experts);
        forward_attention(s_, ops, to);
        to.compute(ops.pre_dispatch);
        to.host(s_.plan.practice.host_layer * host_forward_share);
    }
    return {special ? "forward, first" : "forward", Phase::forward, to.take()};
}

Block ApartBlocks::backward_segment(int chunk, int segment, bool special) const {
    BlockBuilder to{pricer_};
    Traffic const traffic{s_, to};
    GradientSums const sums{s_, to, special, BackwardPart::both};
    auto const& here = at(chunk, segment);
    bool const starts = segment + 1 == static_cast<int>(segments(chunk).size());
    if (starts && !chunks_[static_cast<std::size_t>(chunk)].head) {
        traffic.gather_message();
    }
    if (here.to_experts) {
        auto const ops = operations(*here.to_experts);
        traffic.backward(ops.pre_dispatch);
        backward_attention(s_, ops, to, BackwardPart::both);
        to.host(s_.plan.practice.host_layer * host_backward_share);
    }
    for (auto const& piece : std::views::reverse(here.pieces)) {
        backward_piece(s_, piece, to);
    }
    if (here.from_experts) {
        traffic.backward(operations(*here.from_experts).post_combine);
    }
    if (here.embedding) {
        traffic.backward(model::embedding_operations(s_.model, s_.shape));
    }
    sums.add(weights_of(chunk, segment));
    return {special ? "backward, last" : "backward", Phase::backward, to.take()};
}

Block ApartBlocks::forward_experts(int chunk, int segment, bool special) const {
    BlockBuilder to{pricer_};
    if (special && s_.part == Part::experts) {
        gather(chunk, segment, to);
    }
    to.compute(operations(*at(chunk, segment).to_experts).experts);
    to.host(host_of_experts(s_, to) * host_forward_share);
    return {special ? "experts forward, first" : "experts forward", Phase::forward, to.take()};
}

Block ApartBlocks::backward_experts(int chunk, int segment, bool special) const {
    BlockBuilder to{pricer_};
    GradientSums const sums{s_, to, special, BackwardPart::both};
    int const layer = *at(chunk, segment).to_experts;
    auto const ops = operations(layer);
    auto const again = recompute_of(s_.group, s_.model, layer);
    if (again == Recompute::full) {
        to.compute(ops.experts, recompute_prefix);
    } else {
        recompute_selected(s_, again, ops, to, Part::experts);
    }
    Traffic{s_, to}.backward(ops.experts);
    to.host(host_of_experts(s_, to) * host_backward_share);
    if (s_.part == Part::experts) { // attention ranks sum those of their experts with the layer's others
        sums.add(weights_of(chunk, segment));
    }
    return {special ? "experts backward, last" : "experts backward", Phase::backward, to.take()};
}

Block ApartBlocks::forward_meanwhile(int layer) const {
    BlockBuilder to{pricer_};
    auto const ops = operations(layer);
    if (!ops.shared.empty()) {
        Traffic{s_, to}.block(s_.model.hidden, ops.shared, "shared expert");
    }
    return {"shared experts forward", Phase::forward, to.take()};
}

Block ApartBlocks::backward_meanwhile(int layer) const {
    BlockBuilder to{pricer_};
    Traffic const traffic{s_, to};
    auto const ops = operations(layer);
    auto const again = recompute_of(s_.group, s_.model, layer);
    if (again == Recompute::full) {
        forward_attention(s_, ops, to, recompute_prefix);
        to.compute(ops.pre_dispatch, recompute_prefix);
        if (!ops.shared.empty()) {
            traffic.block(s_.model.hidden, ops.shared, "shared expert", recompute_prefix);
        }
    } else {
        recompute_selected(s_, again, ops, to, Part::attention);
    }
    if (!ops.shared.empty()) {
        traffic.block_backward(s_.model.hidden, ops.shared, "shared expert");
    }
    // without a forward of its own it frees nothing
    return ops.shared.empty() ? Block{"recompute", Phase::input_gradient, to.take()}
                              : Block{"recompute, shared experts backward", Phase::backward, to.take()};
}

int ApartBlocks::segment(int chunk, int segment, Phase phase, bool special) {
    auto const [entry, is_new] = known_.try_emplace({Work::segment, chunk, segment, phase, special}, 0);
    if (is_new) {
        entry->second = add(phase == Phase::forward ? forward_segment(chunk, segment, special)
                                                    : backward_segment(chunk, segment, special));
    }
    return entry->second;
}

std::optional<int> ApartBlocks::meanwhile(int chunk, int segment, Phase phase) {
    auto const& here = at(chunk, segment);
    auto const layer = phase == Phase::forward ? here.to_experts : here.from_experts;
    if (!layer) {
        return std::nullopt;
    }
    auto const [entry, is_new] = known_.try_emplace({Work::meanwhile, chunk, *layer, phase, false}, -1);
    if (is_new) {
        auto block = phase == Phase::forward ? forward_meanwhile(*layer) : backward_meanwhile(*layer);
        if (!block.ops.empty()) {
            entry->second = add(std::move(block));
        }
    }
    return entry->second < 0 ? std::nullopt : std::optional{entry->second};
}

int ApartBlocks::experts(int chunk, int segment, Phase phase, bool special) {
    auto const [entry, is_new] = known_.try_emplace({Work::experts, chunk, segment, phase, special}, 0);
    if (is_new) {
        entry->second = add(phase == Phase::forward ? forward_experts(chunk, segment, special)
                                                    : backward_experts(chunk, segment, special));
    }
    return entry->second;
}

} // namespace moesaic::parallel
