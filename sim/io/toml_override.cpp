#include "io/text_file.hpp"
#include "io/toml_node.hpp"

#include <fmt/format.h>
#include <sstream>

namespace moesaic::io {

std::string joined(std::string const& path, std::string_view key) {
    return path.empty() ? std::string{key} : fmt::format("{}.{}", path, key);
}

Origin origin_of(std::string const& file, std::string path, toml::node const& node) {
    auto const begin = node.source().begin;
    return {file, static_cast<int>(begin.line), static_cast<int>(begin.column), std::move(path)};
}

namespace {

/// "pools[0].chips" -> "pools[0]" -> "pools" -> ""
std::string parent_of(std::string const& path) {
    auto const cut = path.find_last_of(".[");
    return cut == std::string::npos ? "" : path.substr(0, cut);
}

} // namespace

Origin place_of(TomlTable::Node const& in, std::string const& path, toml::node const& node) {
    for (auto holder = path; !holder.empty(); holder = parent_of(holder)) {
        if (auto const set = in.overridden->find(holder); set != in.overridden->end()) {
            auto out = set->second;
            out.field = path;
            return out;
        }
    }
    return origin_of(in.file, path, node);
}

namespace {

/// Where the node and all that it holds stand.
void add_places(TomlTable::Node const& in, std::string const& path, toml::node const& node,
                std::map<std::string, Origin>& places) {
    places.emplace(path, origin_of(in.file, path, node));
    if (auto const* table = node.as_table()) {
        for (auto const& [key, value] : *table) {
            add_places(in, joined(path, key.str()), value, places);
        }
    } else if (auto const* array = node.as_array()) {
        for (std::size_t i = 0; i < array->size(); ++i) {
            add_places(in, fmt::format("{}[{}]", path, i), (*array)[i], places);
        }
    }
}

} // namespace

std::vector<TomlOverride> TomlTable::overrides() const {
    std::vector<TomlOverride> out;
    for (auto const& key : keys()) {
        TomlOverride one{key, value_text(key)};
        add_places(*node_, key, *node_->table->get(key), one.written);
        out.push_back(std::move(one));
    }
    return out;
}

namespace {

struct Step {
    std::string key;
    std::optional<std::size_t> index;
};

/// Where the override is written.
Origin set_at(TomlOverride const& set) {
    auto const found = set.written.find(set.path);
    return found == set.written.end() ? Origin::whole_file("--set") : found->second;
}

InputError refused(TomlOverride const& set, std::string_view problem, std::string_view hint = {}) {
    return {set.written.empty() ? Origin::whole_file("--set " + set.path) : set_at(set), problem, hint};
}

/// "pools[0].chips" -> {pools, 0}, {chips}
std::vector<Step> steps_of(TomlOverride const& set) {
    std::vector<Step> out;
    std::istringstream parts{set.path};
    for (std::string part; std::getline(parts, part, '.');) {
        Step step{part, std::nullopt};
        if (auto const open = part.find('['); open != std::string::npos && part.ends_with(']')) {
            auto const digits = part.substr(open + 1, part.size() - open - 2);
            if (digits.empty() || digits.size() > 6 ||
                digits.find_first_not_of("0123456789") != std::string::npos) {
                throw refused(set, fmt::format("\"{}\" is no index", digits));
            }
            step = {part.substr(0, open), std::stoul(digits)};
        }
        if (step.key.empty()) {
            throw refused(set, "has an empty part", "Write it like parallel.tensor");
        }
        out.push_back(step);
    }
    return out;
}

/// Why the step leads into no table.
std::string no_table_text(toml::node const* node, Step const& step) {
    auto const* array = node ? node->as_array() : nullptr;
    if (array && step.index) {
        return array->size() == 1
                   ? fmt::format("\"{}\" has 1 entry, {}[0]", step.key, step.key)
                   : fmt::format("\"{}\" has {} entries, from {}[0]", step.key, array->size(), step.key);
    }
    return array ? fmt::format("\"{}\" is an array: say which, as in {}[0]", step.key, step.key)
                 : fmt::format("\"{}\" is no {} of the file", step.key, step.index ? "array" : "table");
}

/// The table one step further, made where it is absent.
toml::table& enter(toml::table& from, Step const& step, TomlOverride const& set) {
    auto* node = from.get(step.key);
    if (!node && !step.index) {
        node = &from.insert(step.key, toml::table{}).first->second;
    }
    if (node && step.index) {
        auto* array = node->as_array();
        node = array && *step.index < array->size() ? array->get(*step.index) : nullptr;
    }
    auto* inner = node ? node->as_table() : nullptr;
    if (!inner) {
        throw refused(set, no_table_text(from.get(step.key), step));
    }
    return *inner;
}

bool lies_in(std::string_view path, std::string_view holder) {
    return path.size() > holder.size() && path.starts_with(holder) &&
           (path[holder.size()] == '.' || path[holder.size()] == '[');
}

/// @param overridden gets the places of what was put in
void apply(toml::table& root, TomlOverride const& set, std::map<std::string, Origin>& overridden) {
    auto const steps = steps_of(set);
    auto* table = &root;
    std::string path;
    for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
        path = joined(path, steps[i].key);
        if (!table->contains(steps[i].key)) {
            overridden.insert_or_assign(path, set_at(set));
        }
        table = &enter(*table, steps[i], set);
    }
    std::erase_if(overridden, [&](auto const& one) { return lies_in(one.first, set.path); });
    overridden.insert_or_assign(set.path, set_at(set));
    for (auto const& [inner, place] : set.written) {
        overridden.insert_or_assign(inner, place);
    }
    if (steps.empty() || steps.back().index) {
        throw refused(set, "must end in a key");
    }
    try {
        auto parsed = toml::parse("value = " + set.value, std::string_view{"--set"});
        parsed.get("value")->visit([&](auto& value) { table->insert_or_assign(steps.back().key, value); });
    } catch (toml::parse_error const&) {
        table->insert_or_assign(steps.back().key, set.value);
    }
}

} // namespace

TomlOverride parse_override(std::string_view text) {
    auto const equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        throw InputError{Origin::whole_file(fmt::format("--set {}", text)), "has no \"=\"",
                         "Write it like parallel.tensor=2"};
    }
    return {std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)}};
}

TomlTable parse_toml(std::string_view content, std::string const& name,
                     std::vector<TomlOverride> const& overrides) {
    try {
        auto root = std::make_shared<toml::table>(toml::parse(content, name));
        auto overridden = std::make_shared<std::map<std::string, Origin>>();
        for (auto const& set : overrides) {
            apply(*root, set, *overridden);
        }
        auto const* top = root.get();
        return TomlTable{std::make_shared<TomlTable::Node const>(
            TomlTable::Node{std::move(root), std::move(overridden), top, name, {}, {}})};
    } catch (toml::parse_error const& error) {
        auto const begin = error.source().begin;
        throw InputError{Origin{name, static_cast<int>(begin.line), static_cast<int>(begin.column), {}},
                         fmt::format("is not valid TOML: {}", error.description())};
    }
}

TomlTable read_toml_file(std::string const& path, std::vector<TomlOverride> const& overrides) {
    return parse_toml(read_text_file(path), path, overrides);
}

} // namespace moesaic::io
