#pragma once
#include "base/errors.hpp"
#include "hardware/fact.hpp"
#include "io/toml.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::export_control {

/// A named set of countries (D5, china), as ISO 3166 codes.
struct CountryGroup {
    std::vector<std::string> members; ///< sorted
    std::string title;
    std::string source;
    hardware::Confidence confidence = hardware::Confidence::estimate;
    std::string note;
};

using CountryGroups = std::map<std::string, CountryGroup, std::less<>>;

[[nodiscard]] std::vector<std::string> names_of(CountryGroups const& groups);
/// Whether the country is one of the entries or a member of a group among them.
[[nodiscard]] bool contains(CountryGroups const& groups, std::vector<std::string> const& entries,
                            std::string const& country);

/// [D5] title, members = ["CN", "D1"], source, confidence: members may name groups above them.
[[nodiscard]] CountryGroups read_country_groups(io::TomlTable const& table);
/// A country as its ISO 3166 code. @throws InputError otherwise
[[nodiscard]] std::string read_country(io::TomlTable const& table, std::string_view key);

} // namespace moesaic::export_control
