#include "timing/shape_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::timing {

namespace {

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

struct Factor {
    char sign; ///< '*', '/', or ':' for the "//" of rules
    std::string_view text;
};

std::vector<Factor> factors_of(std::string_view text) {
    std::vector<Factor> out;
    for (char sign = '*';;) {
        // the "*" of "i0.*" stands behind a dot
        std::size_t end = 0;
        while (end < text.size() && text[end] != '/' &&
               (text[end] != '*' || (end > 0 && text[end - 1] == '.'))) {
            ++end;
        }
        out.push_back({sign, text.substr(0, end)});
        if (end == text.size()) {
            return out;
        }
        bool const rounds = text.substr(end).starts_with("//");
        sign = rounds ? ':' : text[end];
        text.remove_prefix(end + (rounds ? 2 : 1));
    }
}

/// "i0.1" taken apart, without the letter; the dimension is none for "*".
struct Place {
    std::size_t array = 0;
    std::optional<std::int64_t> dimension;
};
std::optional<Place> parse_place(std::string_view text) {
    auto const dot = text.find('.');
    auto const array = parse_integer(text.substr(0, dot));
    if (dot == std::string_view::npos || !array || *array < 0) {
        return std::nullopt;
    }
    auto const which = text.substr(dot + 1);
    auto const dimension = parse_integer(which);
    return which == "*" || dimension ? std::optional{Place{static_cast<std::size_t>(*array), dimension}}
                                     : std::nullopt;
}

/// none where the profile has no such dimension or an impossible one
std::optional<double> dimension(std::vector<ArrayShape> const& arrays, std::string_view text) {
    auto const place = parse_place(text);
    if (!place || place->array >= arrays.size() || arrays[place->array].empty()) {
        return std::nullopt;
    }
    auto const& shape = arrays[place->array];
    if (std::ranges::any_of(shape, [](std::int64_t size) { return size < 1; })) {
        return std::nullopt;
    }
    if (!place->dimension) {
        double product = 1;
        for (auto const size : shape) {
            product *= static_cast<double>(size);
        }
        return product;
    }
    auto const count = static_cast<std::int64_t>(shape.size());
    auto const at = *place->dimension < 0 ? *place->dimension + count : *place->dimension;
    return at >= 0 && at < count ? std::optional{static_cast<double>(shape[static_cast<std::size_t>(at)])}
                                 : std::nullopt;
}

std::optional<double> term(std::string_view text, ShapeContext const& context) {
    if (text.starts_with('i')) {
        return dimension(context.traced.inputs, text.substr(1));
    }
    if (text.starts_with('o')) {
        return dimension(context.traced.outputs, text.substr(1));
    }
    if (text.starts_with('$')) {
        auto const group = parse_integer(text.substr(1));
        bool const there = group && *group >= 0 && static_cast<std::size_t>(*group) < context.groups.size();
        text =
            there ? std::string_view{context.groups[static_cast<std::size_t>(*group)]} : std::string_view{};
    }
    auto const number = parse_integer(text);
    return number ? std::optional{static_cast<double>(*number)} : std::nullopt;
}

bool is_reference(std::string_view text) {
    return text.starts_with('i') || text.starts_with('o') || text.starts_with('$');
}

std::string problem_of_term(std::string_view text, std::optional<int> groups) {
    if (text.starts_with('$')) {
        auto const group = parse_integer(text.substr(1));
        if (group && !groups) {
            return fmt::format("\"{}\" is a group, but the rule has no pattern \"kernel\"", text);
        }
        if (group && (*group < 0 || *group > *groups)) {
            return fmt::format("\"{}\" is none of the {} groups of the pattern \"kernel\"", text, *groups);
        }
        if (group) {
            return {};
        }
    } else if (is_reference(text) ? parse_place(text.substr(1)).has_value()
                                  : parse_integer(text).has_value()) {
        return {};
    }
    return fmt::format("\"{}\" is no number, dimension (i0.1, o0.-1, i0.*) or group ($1)", text);
}

} // namespace

std::optional<std::int64_t> evaluate(std::string_view text, ShapeContext const& context) {
    constexpr double most = 1e15;
    double value = 1;
    for (auto const& [sign, name] : factors_of(text)) {
        auto const factor = term(name, context);
        if (!factor || (sign != '*' && *factor == 0)) {
            return std::nullopt;
        }
        value = sign == '*' ? value * *factor : value / *factor;
        value = sign == ':' ? std::max(1.0, std::round(value)) : value;
    }
    bool const whole =
        value >= 0 && value < most && value == static_cast<double>(static_cast<std::int64_t>(value));
    return whole ? std::optional{static_cast<std::int64_t>(value)} : std::nullopt;
}

std::string why_none(std::string_view text, ShapeContext const& context) {
    auto const impossible = [](ArrayShape const& shape) {
        return std::ranges::any_of(shape, [](std::int64_t size) { return size < 1; });
    };
    if (std::ranges::any_of(context.traced.inputs, impossible) ||
        std::ranges::any_of(context.traced.outputs, impossible)) {
        return "a dimension in the profile is below 1 or no whole number";
    }
    auto const factors = factors_of(text);
    bool const known = std::ranges::all_of(
        factors, [&](Factor const& factor) { return term(factor.text, context).has_value(); });
    return known ? fmt::format("its size {} is no whole number below 1e15", text)
                 : "its shape is not in the profile";
}

std::optional<std::string> fill_in(std::string_view text, ShapeContext const& context) {
    std::string out;
    for (auto brace = text.find('{'); brace != std::string_view::npos; brace = text.find('{')) {
        auto const end = std::min(text.find('}', brace), text.size());
        auto const value = evaluate(text.substr(brace + 1, end - brace - 1), context);
        if (!value) {
            return std::nullopt;
        }
        out += fmt::format("{}{}", text.substr(0, brace), *value);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out += text;
}

std::string problem_of_shape(std::string_view text, std::optional<int> groups, std::int64_t least) {
    bool known = true; // without a profile
    for (auto const& [sign, name] : factors_of(text)) {
        if (auto problem = problem_of_term(name, groups); !problem.empty()) {
            return problem;
        }
        if (sign != '*' && parse_integer(name) == 0) {
            return fmt::format("\"{}\" divides by 0", text);
        }
        known = known && !is_reference(name);
    }
    if (!known) {
        return {};
    }
    auto const value = evaluate(text, {TracedKernel{}, {}});
    return value && *value >= least ? std::string{}
                                    : fmt::format("\"{}\" is no whole number of {} or more", text, least);
}

std::string problem_of_extra(std::string_view text, std::optional<int> groups) {
    for (auto brace = text.find('{'); brace != std::string_view::npos; brace = text.find('{')) {
        auto const end = text.find('}', brace);
        if (end == std::string_view::npos) {
            return "a brace is not closed";
        }
        auto problem = problem_of_shape(text.substr(brace + 1, end - brace - 1), groups, 0);
        if (!problem.empty()) {
            return problem;
        }
        text.remove_prefix(end + 1);
    }
    return {};
}

} // namespace moesaic::timing
