#pragma once
#include "base/dtype.hpp"
#include "base/nearest_names.hpp"
#include "io/toml.hpp"
#include "parallel/choices.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <utility>
#include <vector>

namespace moesaic::parallel {

/// The value of this name. @throws InputError at the key for another name, with the nearest known one
template <class T>
[[nodiscard]] T chosen(io::TomlTable const& t, std::string_view key, std::string const& by,
                       Choices<T> const& choices) {
    std::vector<std::string> names;
    for (auto const& [name, value] : choices) {
        if (name == by) {
            return value;
        }
        names.push_back(name);
    }
    throw InputError{t.origin(key), fmt::format("\"{}\" is not known", by), suggestion(by, names)};
}

/// The value whose name stands there. @throws as chosen()
template <class T>
[[nodiscard]] T one_of(io::TomlTable const& t, std::string_view key, T otherwise, Choices<T> const& choices) {
    return t.has(key) ? chosen(t, key, t.text(key), choices) : otherwise;
}

/// The values whose names are listed there. @throws as chosen()
template <class T>
[[nodiscard]] std::vector<T> some_of(io::TomlTable const& t, std::string_view key,
                                     Choices<T> const& choices) {
    std::vector<T> out;
    for (auto const& name : t.texts(key)) {
        out.push_back(chosen(t, key, name, choices));
    }
    return out;
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
                     fmt::format("Known: {}", fmt::join(dtype_names(), ", "))};
}

} // namespace moesaic::parallel
