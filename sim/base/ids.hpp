#pragma once
#include <compare>
#include <cstdint>
#include <functional>

namespace moesaic {

/// An index with a type, so that a chip is never used where a link is meant.
template <class Tag>
class Id {
  public:
    constexpr Id() = default;
    constexpr explicit Id(std::int64_t index) : index_{index} {}
    [[nodiscard]] constexpr std::int64_t index() const { return index_; }
    friend constexpr auto operator<=>(Id, Id) = default;

  private:
    std::int64_t index_ = 0;
};

/// A chip of the whole scenario, counted over all pools in their order.
using ChipIndex = Id<struct ChipTag>;
using PoolId = Id<struct PoolTag>;
using LinkId = Id<struct LinkTag>;
/// Ranks that cannot be told apart: one entry of a program.
using ClassId = Id<struct RankClassTag>;

} // namespace moesaic

template <class Tag>
struct std::hash<moesaic::Id<Tag>> {
    std::size_t operator()(moesaic::Id<Tag> id) const noexcept {
        return std::hash<std::int64_t>{}(id.index());
    }
};
