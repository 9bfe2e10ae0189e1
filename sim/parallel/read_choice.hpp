#pragma once
#include "base/dtype.hpp"
#include "base/nearest_names.hpp"
#include "io/toml.hpp"

#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

namespace moesaic::parallel {

/// The value whose name stands there. @throws InputError for another name, with the nearest known one
template <class T>
[[nodiscard]] T one_of(io::TomlTable const& t, std::string_view key, T otherwise,
                       std::vector<std::pair<std::string, T>> const& choices) {
    if (!t.has(key)) {
        return otherwise;
    }
    auto const chosen = t.text(key);
    std::vector<std::string> names;
    for (auto const& [name, value] : choices) {
        if (name == chosen) {
            return value;
        }
        names.push_back(name);
    }
    throw InputError{t.origin(key), fmt::format("\"{}\" is not known", chosen), suggestion(chosen, names)};
}

[[nodiscard]] inline Dtype read_dtype(io::TomlTable const& t, std::string_view key, Dtype otherwise) {
    if (!t.has(key)) {
        return otherwise;
    }
    auto const name = t.text(key);
    if (auto const found = find_dtype(name)) {
        return *found;
    }
    throw InputError{t.origin(key), fmt::format("number format \"{}\" is not known", name),
                     suggestion(name, dtype_names())};
}

} // namespace moesaic::parallel
