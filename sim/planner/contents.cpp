#include "planner/contents.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace moesaic::planner {

namespace {

/// Of layers that are alike on all pools.
using Kind = std::pair<int, int>;

Kind kind_of(model::Model const& model, std::vector<model::Precision> const& precisions, int layer) {
    int formats = 0;
    for (auto const& precision : precisions) { // which layers are wide is the same on all, if any is there
        formats = std::max(formats, model::formats_of_layer(precision, model, layer));
    }
    return {model::kind_of_layer(model, layer), formats};
}

} // namespace

Contents::Contents(model::Model const& model, std::vector<model::Precision> const& precisions)
    : layers_{model.layers} {
    std::vector<Kind> kinds; // of the layers found so far
    std::vector<std::size_t> of_layer;
    for (int layer = 0; layer < layers_; ++layer) {
        auto const kind = kind_of(model, precisions, layer);
        auto const at = std::ranges::find(kinds, kind);
        of_layer.push_back(static_cast<std::size_t>(at - kinds.begin()));
        if (at == kinds.end()) {
            kinds.push_back(kind);
            examples_.push_back(layer);
        }
    }
    expects(kinds.size() <= most_kinds, "a model has few kinds of layers");
    auto const side = static_cast<std::size_t>(layers_) + 1;
    numbers_.resize(side * side);
    std::map<Content, std::size_t> seen;
    for (std::size_t begin = 0; begin < side; ++begin) {
        Content content;
        for (std::size_t end = begin; end < side; ++end) {
            if (end > begin) {
                ++content.count[first_kind + of_layer[end - 1]];
            }
            auto const [at, is_new] = seen.try_emplace(content, known_.size());
            if (is_new) {
                known_.push_back(content);
            }
            numbers_[begin * side + end] = at->second;
        }
    }
}

Content Contents::whole() const { return with_ends(of(0, layers_), true, true); }

Content with_ends(Content content, bool embedding, bool head) {
    content.count[embedding_part] = embedding ? 1 : 0;
    content.count[head_part] = head ? 1 : 0;
    return content;
}

} // namespace moesaic::planner
