#include "hardware/fact.hpp"

#include <array>

namespace moesaic::hardware {

namespace {

constexpr std::array<std::string_view, 4> names{"official", "published", "press", "estimate"};

} // namespace

std::string_view name_of(Confidence confidence) { return names[static_cast<std::size_t>(confidence)]; }

std::optional<Confidence> find_confidence(std::string_view name) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) {
            return static_cast<Confidence>(i);
        }
    }
    return std::nullopt;
}

std::vector<std::string> confidence_names() { return {names.begin(), names.end()}; }

} // namespace moesaic::hardware
