#pragma once
#include "base/errors.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace moesaic::parallel {

/// Values with the names by which files choose them: what reads and what writes has them from one list.
template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

template <class T>
[[nodiscard]] std::string const& name_in(Choices<T> const& choices, T const& value) {
    auto const at = std::ranges::find(choices, value, [](auto const& choice) { return choice.second; });
    expects(at != choices.end(), "every value can be chosen");
    return at->first;
}

} // namespace moesaic::parallel
