#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace moesaic {

/// The known names that are most like the given one, nearest first (Damerau-Levenshtein distance, and
/// names that contain it); empty when none is near enough to be meant.
[[nodiscard]] std::vector<std::string>
nearest_names(std::string_view name, std::vector<std::string> const& known, std::size_t at_most = 3);

/// "Did you mean a or b?", or "Known: a, b, c" when nothing is near; empty without known names.
[[nodiscard]] std::string suggestion(std::string_view name, std::vector<std::string> const& known);

} // namespace moesaic
