#include "base/nearest_names.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <numeric>

namespace moesaic {

namespace {

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// Optimal string alignment distance: insert, delete, replace, swap of neighbours cost 1 each.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        d[i][0] = i;
    }
    std::iota(d[0].begin(), d[0].end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            auto const replace = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replace});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

} // namespace

std::vector<std::string> nearest_names(std::string_view name, std::vector<std::string> const& known,
                                       std::size_t at_most) {
    auto const wanted = lower(name);
    std::vector<std::pair<std::size_t, std::string>> ranked;
    for (auto const& candidate : known) {
        auto const have = lower(candidate);
        auto const distance = edit_distance(wanted, have);
        bool const contains = wanted.size() >= 3 && have.find(wanted) != std::string::npos;
        if (contains || distance <= std::max<std::size_t>(2, wanted.size() / 3)) {
            ranked.emplace_back(contains ? std::min<std::size_t>(distance, 1) : distance, candidate);
        }
    }
    std::ranges::sort(ranked);
    std::vector<std::string> out;
    for (auto const& [distance, candidate] : ranked) {
        if (out.size() < at_most) {
            out.push_back(candidate);
        }
    }
    return out;
}

std::string suggestion(std::string_view name, std::vector<std::string> const& known) {
    if (known.empty()) {
        return {};
    }
    if (auto const near = nearest_names(name, known); !near.empty()) {
        return fmt::format("Did you mean {}?", fmt::join(near, " or "));
    }
    constexpr std::size_t shown = 100;
    std::vector<std::string> const first(
        known.begin(), known.begin() + static_cast<std::ptrdiff_t>(std::min(shown, known.size())));
    return fmt::format("Known: {}{}", fmt::join(first, ", "), known.size() > shown ? ", …" : "");
}

} // namespace moesaic
