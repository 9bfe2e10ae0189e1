#include "cli/terminal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace moesaic::cli {

namespace {

/// Blocks of a bar with their colours: blue, yellow and grey, which colour-blind readers can tell apart.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> blocks{
    {{"█", "\x1b[34m"}, {"▓", "\x1b[33m"}, {"░", "\x1b[90m"}}};
constexpr std::string_view plain = "\x1b[0m";

} // namespace

std::string bar_text(double full, double half, double light, int width) {
    std::string out;
    double sum = 0.0;
    int drawn = 0;
    for (auto const& [share, block] : {std::pair{full, 0U}, {half, 1U}, {light, 2U}}) {
        sum += share;
        auto const end = std::min(width, static_cast<int>(std::lround(sum * width)));
        for (; drawn < end; ++drawn) {
            out += blocks[block].first;
        }
    }
    return out;
}

std::string with_coloured_bars(std::string const& text) {
    std::string out;
    std::string_view colour;
    for (std::size_t at = 0; at < text.size();) {
        auto const rest = std::string_view{text}.substr(at);
        auto const* const found =
            std::ranges::find_if(blocks, [&](auto const& block) { return rest.starts_with(block.first); });
        auto const next = found == blocks.end() ? std::string_view{} : found->second;
        if (next != colour) {
            out += next.empty() ? plain : next;
            colour = next;
        }
        auto const length = found == blocks.end() ? 1 : found->first.size();
        out += rest.substr(0, length);
        at += length;
    }
    return out;
}

std::string for_terminal(std::string const& text) {
    return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr ? with_coloured_bars(text) : text;
}

} // namespace moesaic::cli
