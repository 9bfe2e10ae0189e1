#pragma once
#include <string>

namespace moesaic::cli {

/// Shares of a whole as a bar of blocks: "████▓▓░░", of `width` characters.
[[nodiscard]] std::string bar_text(double full, double half, double light, int width);

/// Bars in colour, where stdout is a terminal and NO_COLOR is not set; else the text as it is.
[[nodiscard]] std::string for_terminal(std::string const& text);
/// The same, wherever it goes.
[[nodiscard]] std::string with_coloured_bars(std::string const& text);

} // namespace moesaic::cli
