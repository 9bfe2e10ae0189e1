#include "io/toml.hpp"

#include "base/nearest_names.hpp"
#include "io/toml_node.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <sstream>

namespace moesaic::io {

namespace {

std::string_view kind_of(toml::node const& node) {
    switch (node.type()) {
    case toml::node_type::table:
        return "a table";
    case toml::node_type::array:
        return "an array";
    case toml::node_type::string:
        return "a text";
    case toml::node_type::integer:
        return "a whole number";
    case toml::node_type::floating_point:
        return "a number";
    case toml::node_type::boolean:
        return "true or false";
    default:
        return "a date or time";
    }
}

} // namespace

TomlTable::TomlTable(std::shared_ptr<Node const> node) : node_{std::move(node)} {}

Origin TomlTable::origin() const { return place_of(*node_, node_->path, *node_->table); }

Origin TomlTable::origin(std::string_view key) const {
    auto const* found = node_->table->get(key);
    return place_of(*node_, joined(node_->path, key),
                    found ? *found : static_cast<toml::node const&>(*node_->table));
}

Origin TomlTable::origin_in_text(std::string_view key, std::size_t offset) const {
    auto out = origin(key);
    auto const content = text(key);
    auto const& source = node_->table->get(key)->source();
    auto const breaks = std::ranges::count(content, '\n');
    auto const before = std::string_view{content}.substr(0, offset);
    auto const line_start = before.rfind('\n');
    auto const in_line =
        static_cast<int>(line_start == std::string_view::npos ? offset : offset - line_start - 1);
    auto const line = static_cast<int>(std::ranges::count(before, '\n'));
    auto const lines =
        static_cast<std::ptrdiff_t>(source.end.line) - static_cast<std::ptrdiff_t>(source.begin.line);
    if (out.line == 0) {
        return out;
    }
    if (lines == 0 && breaks == 0) {
        auto const quotes = static_cast<std::ptrdiff_t>(source.end.column) -
                            static_cast<std::ptrdiff_t>(source.begin.column) -
                            static_cast<std::ptrdiff_t>(content.size());
        out.column += quotes == 2 || quotes == 6 ? static_cast<int>(quotes / 2) + in_line : 0;
    } else if (lines == breaks || lines == breaks + 1) {
        auto const first_line_dropped = lines == breaks + 1; // TOML trims the break after the opening quotes
        auto const on_first = line == 0 && !first_line_dropped;
        out.column = on_first ? out.column + 3 + in_line : 1 + in_line;
        out.line += line + (first_line_dropped ? 1 : 0);
    }
    return out;
}

namespace {

/// The node under the key, or the error that it is missing.
toml::node const& required(TomlTable const& table, TomlTable::Node const& node, std::string_view key) {
    node.asked.emplace(key);
    auto const* found = node.table->get(key);
    if (!found) {
        throw InputError{table.origin(key), "is missing"};
    }
    return *found;
}

[[noreturn]] void wrong_kind(TomlTable const& table, std::string_view key, toml::node const& found,
                             std::string_view wanted) {
    throw InputError{table.origin(key), fmt::format("must be {}, but is {}", wanted, kind_of(found))};
}

template <class T>
T scalar(TomlTable const& table, TomlTable::Node const& node, std::string_view key, std::string_view wanted) {
    auto const& found = required(table, node, key);
    if (auto const value = found.value_exact<T>()) {
        return *value;
    }
    wrong_kind(table, key, found, wanted);
}

template <class T>
std::vector<T> scalars(TomlTable const& table, TomlTable::Node const& node, std::string_view key,
                       std::string_view wanted) {
    auto const& found = required(table, node, key);
    auto const* array = found.as_array();
    if (!array) {
        wrong_kind(table, key, found, fmt::format("an array of {}", wanted));
    }
    std::vector<T> out;
    for (auto const& element : *array) {
        auto value = element.value_exact<T>();
        if constexpr (std::is_same_v<T, double>) {
            if (!value && element.is_integer()) {
                value = static_cast<double>(**element.as_integer());
            }
        }
        if (!value) {
            throw InputError{place_of(node, joined(node.path, key), element),
                             fmt::format("must hold {} only, but one entry is {}", wanted, kind_of(element))};
        }
        out.push_back(*value);
    }
    return out;
}

} // namespace

bool TomlTable::has(std::string_view key) const {
    node_->asked.emplace(key);
    return node_->table->contains(key);
}

std::vector<std::string> TomlTable::keys() const {
    std::vector<std::pair<toml::source_position, std::string>> found;
    for (auto const& [key, value] : *node_->table) {
        found.emplace_back(key.source().begin, std::string{key.str()});
    }
    std::ranges::stable_sort(found, [](auto const& a, auto const& b) { return a.first < b.first; });
    std::vector<std::string> out;
    for (auto const& [position, key] : found) {
        out.push_back(key);
    }
    return out;
}

std::string TomlTable::text(std::string_view key) const {
    return scalar<std::string>(*this, *node_, key, "a text");
}
std::int64_t TomlTable::integer(std::string_view key) const {
    return scalar<std::int64_t>(*this, *node_, key, "a whole number");
}
bool TomlTable::boolean(std::string_view key) const {
    return scalar<bool>(*this, *node_, key, "true or false");
}

Date TomlTable::date(std::string_view key) const {
    auto const written = text(key);
    if (auto const found = parse_date(written)) {
        return *found;
    }
    throw InputError{origin(key), fmt::format("\"{}\" is no date", written), "Write it like \"2025-04-15\""};
}

namespace {

double finite(double value, Origin const& at) {
    if (!std::isfinite(value)) {
        throw InputError{at, fmt::format("{} is not allowed (must be finite)", value)};
    }
    return value;
}

} // namespace

double TomlTable::number(std::string_view key) const {
    auto const& found = required(*this, *node_, key);
    if (auto const* whole = found.as_integer()) {
        return static_cast<double>(**whole);
    }
    return finite(scalar<double>(*this, *node_, key, "a number"), origin(key));
}

std::int64_t TomlTable::integer_from(std::string_view key, std::int64_t least) const {
    auto const value = integer(key);
    if (value < least) {
        throw InputError{origin(key), fmt::format("{} is not allowed (must be {} or more)", value, least)};
    }
    return value;
}

namespace {

int checked_count(std::int64_t value, std::int64_t least, Origin const& at) {
    if (value < least) {
        throw InputError{at, fmt::format("{} is not allowed (must be {} or more)", value, least)};
    }
    if (value > most_things) {
        throw InputError{at, fmt::format("{} is too large (must be {} or less)", value, most_things)};
    }
    return static_cast<int>(value);
}

} // namespace

int TomlTable::count(std::string_view key, int least) const {
    return checked_count(integer(key), least, origin(key));
}

int TomlTable::count_or(std::string_view key, int otherwise, int least) const {
    return has(key) ? count(key, least) : otherwise;
}

std::vector<int> TomlTable::counts(std::string_view key, int least) const {
    std::vector<int> out;
    for (auto const value : integers(key)) {
        out.push_back(checked_count(value, least, origin(key)));
    }
    return out;
}

TomlTable TomlTable::table(std::string_view key) const {
    auto const& found = required(*this, *node_, key);
    auto const* inner = found.as_table();
    if (!inner) {
        wrong_kind(*this, key, found, "a table");
    }
    return TomlTable{std::make_shared<Node const>(
        Node{node_->root, node_->overridden, inner, node_->file, joined(node_->path, key), {}})};
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) const {
    std::vector<TomlTable> out;
    if (!has(key)) {
        return out;
    }
    auto const& found = required(*this, *node_, key);
    auto const* array = found.as_array();
    if (!array) {
        wrong_kind(*this, key, found, fmt::format("an array of tables ([[{}]])", key));
    }
    for (auto const& element : *array) {
        auto const path = fmt::format("{}[{}]", joined(node_->path, key), out.size());
        auto const* inner = element.as_table();
        if (!inner) {
            throw InputError{place_of(*node_, path, element),
                             fmt::format("must be a table, but is {}", kind_of(element))};
        }
        out.emplace_back(
            std::make_shared<Node const>(Node{node_->root, node_->overridden, inner, node_->file, path, {}}));
    }
    return out;
}

std::vector<std::string> TomlTable::texts(std::string_view key) const {
    return scalars<std::string>(*this, *node_, key, "texts");
}
std::vector<std::int64_t> TomlTable::integers(std::string_view key) const {
    return scalars<std::int64_t>(*this, *node_, key, "whole numbers");
}
std::vector<double> TomlTable::numbers(std::string_view key) const {
    auto out = scalars<double>(*this, *node_, key, "numbers");
    for (auto const value : out) {
        finite(value, origin(key));
    }
    return out;
}

bool TomlTable::is_table(std::string_view key) const {
    return has(key) && node_->table->get(key)->is_table();
}
bool TomlTable::is_text(std::string_view key) const {
    return has(key) && node_->table->get(key)->is_string();
}
bool TomlTable::is_array(std::string_view key) const {
    return has(key) && node_->table->get(key)->is_array();
}

namespace {

/// toml++ writes a table inside an array on one line, alone on many.
std::string one_line(toml::node const& node) {
    toml::array holder;
    node.visit([&](auto const& value) { holder.push_back(value); });
    std::ostringstream out;
    out << toml::toml_formatter{holder, toml::format_flags::none};
    auto text = out.str();
    std::ranges::replace(text, '\n', ' ');
    auto const begin = text.find_first_not_of(' ', text.find('[') + 1);
    auto const end = text.find_last_not_of(" ,", text.rfind(']') - 1);
    return text.substr(begin, end - begin + 1);
}

} // namespace

std::string TomlTable::value_text(std::string_view key) const {
    return one_line(required(*this, *node_, key));
}

std::vector<std::string> TomlTable::value_texts(std::string_view key) const {
    auto const& found = required(*this, *node_, key);
    auto const* array = found.as_array();
    if (!array) {
        wrong_kind(*this, key, found, "an array");
    }
    std::vector<std::string> out;
    for (auto const& element : *array) {
        out.push_back(one_line(element));
    }
    return out;
}

std::string TomlTable::file_text(std::vector<std::string> const& without) const {
    auto rest = *node_->table;
    for (auto const& key : without) {
        rest.erase(key);
    }
    std::ostringstream out;
    out << toml::toml_formatter{rest, toml::format_flags::allow_unicode_strings} << "\n";
    return out.str();
}

std::string TomlTable::canonical_text(std::vector<std::string> const& without) const {
    auto copy = *node_->table;
    for (auto const& key : without) {
        copy.erase(key);
    }
    return one_line(copy);
}

std::optional<std::string> TomlTable::optional_text(std::string_view key) const {
    return has(key) ? std::optional{text(key)} : std::nullopt;
}
std::optional<TomlTable> TomlTable::optional_table(std::string_view key) const {
    return has(key) ? std::optional{table(key)} : std::nullopt;
}
std::string TomlTable::text_or(std::string_view key, std::string_view otherwise) const {
    return has(key) ? text(key) : std::string{otherwise};
}
std::int64_t TomlTable::integer_or(std::string_view key, std::int64_t otherwise, std::int64_t least) const {
    return has(key) ? integer_from(key, least) : otherwise;
}
double TomlTable::number_or(std::string_view key, double otherwise) const {
    return has(key) ? number(key) : otherwise;
}
bool TomlTable::boolean_or(std::string_view key, bool otherwise) const {
    return has(key) ? boolean(key) : otherwise;
}

void TomlTable::reject_unknown_keys() const {
    std::vector<std::string> const known(node_->asked.begin(), node_->asked.end());
    for (auto const& key : keys()) {
        if (!node_->asked.contains(key)) {
            throw InputError{origin(key), "is not a known key", suggestion(key, known)};
        }
    }
}

std::string TomlTable::text_for_quantity(std::string_view key, std::string const& help) const {
    auto const& found = required(*this, *node_, key);
    if (!found.is_string()) {
        throw InputError{origin(key), fmt::format("needs a unit, but is {}", kind_of(found)), help};
    }
    return text(key);
}

void TomlTable::throw_bad_quantity(std::string_view key, std::string const& help) const {
    throw InputError{origin(key), fmt::format("\"{}\" is not understood", text(key)), help};
}

} // namespace moesaic::io
