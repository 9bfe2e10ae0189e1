#include "timing/consulted.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace moesaic::timing {

namespace {

constexpr std::string_view all = "*", series_of_all = "?";

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '+' || c == '(' || c == ')';
}

/// Names come from tables of users: what could part the text is written as %XX.
std::string escaped(std::string_view name) {
    std::string out;
    for (char const c : name) {
        if (is_plain(c)) {
            out += c;
        } else {
            out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_plain(text[i])) {
            out += text[i];
            continue;
        }
        int code = 0;
        auto const* const digits = text.data() + i + 1;
        if (text[i] != '%' || i + 2 >= text.size() ||
            std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2) {
            return std::nullopt;
        }
        out += static_cast<char>(code);
        i += 2;
    }
    return out;
}

std::vector<std::string_view> parts_of(std::string_view text, char between) {
    std::vector<std::string_view> out;
    for (;;) {
        auto const end = text.find(between);
        out.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return out;
        }
        text.remove_prefix(end + 1);
    }
}

/// Whether another group holds all of this one's rows.
bool is_part_of_another(RowGroup const& group, Consulted const& groups) {
    auto const begin = groups.lower_bound(RowGroup{group.op, {}, false});
    auto const end =
        std::find_if(begin, groups.end(), [&](auto const& other) { return other.op != group.op; });
    return !group.chips.empty() && std::any_of(begin, end, [&](RowGroup const& other) {
        return other.chips.size() > group.chips.size() && std::ranges::includes(other.chips, group.chips);
    });
}

/// "gemm:" once for all of an operation's, which follow each other.
std::string text_of_group(RowGroup const& group) {
    std::string out;
    if (group.chips.empty()) {
        return out.append(group.series_alone ? series_of_all : all);
    }
    expects(!group.series_alone, "series are those of all chips");
    for (auto const& chip : group.chips) {
        out += (&chip == group.chips.data() ? "" : ",") + escaped(chip);
    }
    return out;
}

std::optional<TableOpId> find_op(std::string_view name) {
    return name == all ? std::optional{RowGroup::every_op} : find_table_op(name);
}

std::optional<RowGroup> find_group(TableOpId op, std::string_view text) {
    RowGroup out;
    out.op = op;
    out.series_alone = text == series_of_all;
    if (text == all || out.series_alone) {
        return out;
    }
    for (auto const part : parts_of(text, ',')) {
        auto name = unescaped(part);
        if (!name) {
            return std::nullopt;
        }
        out.chips.push_back(std::move(*name));
    }
    return out;
}

} // namespace

std::string text_of(Consulted const& consulted) {
    std::string out;
    auto op = RowGroup::every_op - 1;
    for (auto const& group : consulted) {
        if (is_part_of_another(group, consulted)) {
            continue;
        }
        if (group.op != op) {
            op = group.op;
            out += fmt::format("{}{}:", out.empty() ? "" : ";",
                               op == RowGroup::every_op ? all : table_op(op).name);
        } else {
            out += '/';
        }
        out += text_of_group(group);
    }
    return out;
}

std::optional<Consulted> find_consulted(std::string_view text) {
    Consulted out;
    if (text.empty()) {
        return out;
    }
    for (auto const of_op : parts_of(text, ';')) {
        auto const sides = parts_of(of_op, ':');
        auto const op = sides.size() == 2 ? find_op(sides[0]) : std::nullopt;
        if (!op) {
            return std::nullopt;
        }
        for (auto const part : parts_of(sides[1], '/')) {
            auto group = find_group(*op, part);
            if (!group) {
                return std::nullopt;
            }
            out.insert(std::move(*group));
        }
    }
    return out;
}

} // namespace moesaic::timing
