#pragma once
#include "timing/profile.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::timing {

/// What a shape in a rule may refer to.
struct ShapeContext {
    TracedKernel const& traced;
    std::vector<std::string> const& groups; ///< of the kernel's pattern, the whole match first
};

/// A shape as rules write it: products and quotients of numbers, dimensions ("i0.1", "o0.-1", "i0.*") and groups ("$1");
/// "//" divides and rounds to the nearest whole number of 1 or more.
/// none where a term is unknown, a dimension below 1, or the result no whole number of 0 or more
[[nodiscard]] std::optional<std::int64_t> evaluate(std::string_view text, ShapeContext const& context);
/// Why evaluate() gives none.
[[nodiscard]] std::string why_none(std::string_view text, ShapeContext const& context);
/// "h={i0.1};causal=1" with its braces filled in.
[[nodiscard]] std::optional<std::string> fill_in(std::string_view text, ShapeContext const& context);

/// What is wrong with such a text whatever the profile holds; empty where nothing is.
/// @param groups how many the kernel's pattern has; none where the rule has no such pattern
[[nodiscard]] std::string problem_of_shape(std::string_view text, std::optional<int> groups,
                                           std::int64_t least);
/// The same of a text with such shapes in braces.
[[nodiscard]] std::string problem_of_extra(std::string_view text, std::optional<int> groups);

} // namespace moesaic::timing
