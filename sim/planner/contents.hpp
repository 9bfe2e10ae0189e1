#pragma once
#include "model/model.hpp"
#include "model/precision.hpp"

#include <array>
#include <compare>
#include <vector>

namespace moesaic::planner {

/// What a stage may hold of a model, by its place in arrays: the two ends, then each kind of layer that the model has, in the order in
/// which they first appear (model::kind_of_layer(), model::formats_of_layer()).
constexpr std::size_t embedding_part = 0, head_part = 1, first_kind = 2;
/// Attention with or without a window or linear attention, each with experts or a dense FFN, are six kinds; a pattern has four. Each
/// may have layers of wider formats (model::Precision).
constexpr std::size_t most_kinds = 12;
constexpr std::size_t parts = first_kind + most_kinds;

/// How many of each.
struct Content {
    std::array<int, parts> count{};
    friend auto operator<=>(Content const&, Content const&) = default;
};

/// What each range of a model's layers holds. Ranges that hold the same have the same number.
class Contents {
  public:
    /// @param precisions those of the pools
    Contents(model::Model const& model, std::vector<model::Precision> const& precisions);

    [[nodiscard]] int layers() const { return layers_; }
    /// The first layer of each kind.
    [[nodiscard]] std::vector<int> const& examples() const { return examples_; }
    [[nodiscard]] std::size_t number(int begin, int end) const {
        return numbers_[static_cast<std::size_t>(begin) * static_cast<std::size_t>(layers_ + 1) +
                        static_cast<std::size_t>(end)];
    }
    /// By number, without ends.
    [[nodiscard]] std::vector<Content> const& known() const { return known_; }
    /// Layers [begin, end) without ends.
    [[nodiscard]] Content const& of(int begin, int end) const { return known_[number(begin, end)]; }
    /// The whole model.
    [[nodiscard]] Content whole() const;

  private:
    int layers_;
    std::vector<int> examples_;
    std::vector<Content> known_;
    std::vector<std::size_t> numbers_; ///< by begin, then end
};

/// With the ends that a stage has beside its layers.
[[nodiscard]] Content with_ends(Content content, bool embedding, bool head);

} // namespace moesaic::planner
