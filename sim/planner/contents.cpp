#include "planner/contents.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <map>

namespace moesaic::planner {

Contents::Contents(model::Model const& model) : layers_{model.layers} {
    std::vector<int> kinds; // of the layers found so far
    std::vector<std::size_t> of_layer;
    for (int layer = 0; layer < layers_; ++layer) {
        int const kind = model::kind_of_layer(model, layer);
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
