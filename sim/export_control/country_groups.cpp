#include "export_control/country_groups.hpp"

#include "base/nearest_names.hpp"
#include "export_control/value.hpp"
#include "hardware/read_fact.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::export_control {

std::vector<std::string> names_of(CountryGroups const& groups) {
    std::vector<std::string> out;
    for (auto const& [name, group] : groups) {
        out.push_back(name);
    }
    return out;
}

bool contains(CountryGroups const& groups, std::vector<std::string> const& entries,
              std::string const& country) {
    return std::ranges::any_of(entries, [&](std::string const& entry) {
        auto const group = groups.find(entry);
        return entry == country ||
               (group != groups.end() && std::ranges::binary_search(group->second.members, country));
    });
}

namespace {

CountryGroup read_group(io::TomlTable const& table, CountryGroups const& known) {
    CountryGroup group{.members = {},
                       .title = table.text("title"),
                       .source = hardware::read_source(table),
                       .confidence = hardware::read_confidence(table),
                       .note = table.text_or("note", "")};
    for (auto const& entry : table.texts("members")) {
        if (auto const other = known.find(entry); other != known.end()) {
            std::ranges::copy(other->second.members, std::back_inserter(group.members));
        } else if (parse_value(ValueType::country, entry)) {
            group.members.push_back(entry);
        } else {
            throw InputError{table.origin("members"),
                             fmt::format("\"{}\" is neither a country nor a group above this one", entry),
                             suggestion(entry, names_of(known))};
        }
    }
    std::ranges::sort(group.members);
    group.members.erase(std::ranges::unique(group.members).begin(), group.members.end());
    table.reject_unknown_keys();
    return group;
}

} // namespace

CountryGroups read_country_groups(io::TomlTable const& table) {
    CountryGroups groups;
    for (auto const& name : table.keys()) {
        if (parse_value(ValueType::country, name)) {
            throw InputError{table.origin(name), "is the code of a country and cannot name a group"};
        }
        auto group = read_group(table.table(name), groups);
        groups.emplace(name, std::move(group));
    }
    return groups;
}

std::string read_country(io::TomlTable const& table, std::string_view key) {
    auto const written = table.text(key);
    if (!parse_value(ValueType::country, written)) {
        throw InputError{table.origin(key), fmt::format("\"{}\" is no country", written),
                         value_help(ValueType::country)};
    }
    return written;
}

} // namespace moesaic::export_control
