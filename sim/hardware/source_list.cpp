#include "hardware/source_list.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::hardware {

std::vector<Source> read_sources(io::TomlTable const& table) {
    std::vector<Source> out;
    for (auto const& entry : table.tables("source")) {
        Source source{
            .name = entry.text("name"), .url = entry.text_or("url", ""), .note = entry.text_or("note", "")};
        entry.reject_unknown_keys();
        if (find_source(out, source.name)) {
            throw InputError{entry.origin("name"), fmt::format("\"{}\" stands twice", source.name)};
        }
        out.push_back(std::move(source));
    }
    table.reject_unknown_keys();
    return out;
}

Source const* find_source(std::vector<Source> const& sources, std::string_view name) {
    auto const found = std::ranges::find(sources, name, &Source::name);
    return found == sources.end() ? nullptr : &*found;
}

} // namespace moesaic::hardware
