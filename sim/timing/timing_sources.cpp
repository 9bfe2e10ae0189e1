#include "timing/timing_sources.hpp"

#include <fmt/format.h>

namespace moesaic::timing {

namespace {

template <class Entry>
Entry const& entry_of(std::map<std::string, Entry, std::less<>> const& entries, std::string_view name) {
    static Entry const unlisted{};
    auto const at = entries.find(name);
    return at == entries.end() ? unlisted : at->second;
}

Grade read_grade(io::TomlTable const& table) {
    auto const written = table.text_or("grade", "c");
    if (written != "a" && written != "b" && written != "c") {
        throw InputError{table.origin("grade"), fmt::format("there is no grade \"{}\"", written),
                         "Known: a, b, c"};
    }
    return written == "a" ? Grade::a : written == "b" ? Grade::b : Grade::c;
}

std::set<model::OpKind> read_kinds(io::TomlTable const& table) {
    std::set<model::OpKind> out;
    if (table.has("not_training")) {
        for (auto const& name : table.texts("not_training")) {
            auto const kind = model::find_op_kind(name);
            if (!kind) {
                throw InputError{table.origin("not_training"),
                                 fmt::format("there is no operation \"{}\"", name)};
            }
            out.insert(*kind);
        }
    }
    return out;
}

UnlikeFabric read_fabric(io::TomlTable const& table) {
    auto const written = table.text_or("unlike_fabric", "");
    if (!written.empty() && written != "always" && written != "between_nodes") {
        throw InputError{table.origin("unlike_fabric"), fmt::format("\"{}\" is not known", written),
                         "Known: always, between_nodes"};
    }
    return written == "always"          ? UnlikeFabric::always
           : written == "between_nodes" ? UnlikeFabric::between_nodes
                                        : UnlikeFabric::nowhere;
}

SourceTraits read_source(io::TomlTable const& table) {
    return {.grade = read_grade(table),
            .library_is_a_winner = table.boolean_or("library_is_a_winner", false),
            .collectives_hold_host_time = table.boolean_or("collectives_hold_host_time", false),
            .not_training = read_kinds(table)};
}

LibraryTraits read_library(io::TomlTable const& table) {
    return {.not_training = read_kinds(table), .unlike_fabric = read_fabric(table)};
}

/// The tables [key.NAME], each read as a whole.
template <class Entry>
std::map<std::string, Entry, std::less<>> read_each(io::TomlTable const& file, std::string_view key,
                                                    Entry (*read)(io::TomlTable const&)) {
    std::map<std::string, Entry, std::less<>> out;
    if (auto const named = file.optional_table(key)) {
        for (auto const& name : named->keys()) {
            auto const table = named->table(name);
            out.emplace(name, read(table));
            table.reject_unknown_keys();
        }
    }
    return out;
}

} // namespace

SourceTraits const& TimingSources::source(std::string_view name) const { return entry_of(sources_, name); }

LibraryTraits const& TimingSources::library(std::string_view name) const {
    return entry_of(libraries_, name);
}

UnlikeFabric TimingSources::machine(std::string_view chip) const { return entry_of(machines_, chip); }

TimingSources read_timing_sources(io::TomlTable const& file) {
    TimingSources out;
    out.sources_ = read_each<SourceTraits>(file, "source", read_source);
    out.libraries_ = read_each<LibraryTraits>(file, "library", read_library);
    out.machines_ = read_each<UnlikeFabric>(file, "machine", read_fabric);
    file.reject_unknown_keys();
    return out;
}

} // namespace moesaic::timing
