#include "timing/kernel_rules.hpp"

#include "base/nearest_names.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <regex>

namespace moesaic::timing {

namespace {

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

/// What a shape may refer to.
struct Known {
    TracedKernel const& traced;
    std::vector<std::string> const& groups;
};

/// "i0.1", without the letter. none where the profile has no such dimension
std::optional<double> dimension(std::vector<ArrayShape> const& arrays, std::string_view text) {
    auto const dot = text.find('.');
    auto const array = parse_integer(text.substr(0, dot));
    if (dot == std::string_view::npos || !array || *array < 0 ||
        static_cast<std::size_t>(*array) >= arrays.size()) {
        return std::nullopt;
    }
    auto const& shape = arrays[static_cast<std::size_t>(*array)];
    auto const which = text.substr(dot + 1);
    if (which == "*") {
        double product = shape.empty() ? 0 : 1;
        for (auto const size : shape) {
            product *= static_cast<double>(size);
        }
        return product;
    }
    auto const index = parse_integer(which);
    auto const at =
        index && *index < 0 ? *index + static_cast<std::int64_t>(shape.size()) : index.value_or(-1);
    return at >= 0 && at < static_cast<std::int64_t>(shape.size())
               ? std::optional{static_cast<double>(shape[static_cast<std::size_t>(at)])}
               : std::nullopt;
}

std::optional<double> term(std::string_view text, Known const& known) {
    if (text.starts_with('i')) {
        return dimension(known.traced.inputs, text.substr(1));
    }
    if (text.starts_with('o')) {
        return dimension(known.traced.outputs, text.substr(1));
    }
    if (text.starts_with('$')) {
        auto const group = parse_integer(text.substr(1));
        bool const there = group && *group >= 0 && static_cast<std::size_t>(*group) < known.groups.size();
        text = there ? std::string_view{known.groups[static_cast<std::size_t>(*group)]} : std::string_view{};
    }
    auto const number = parse_integer(text);
    return number ? std::optional{static_cast<double>(*number)} : std::nullopt;
}

/// none where a term is unknown or the result is no whole number of 0 or more
std::optional<std::int64_t> evaluate(std::string_view text, Known const& known) {
    constexpr double most = 1e15;
    double value = 1;
    for (char sign = '*'; !text.empty();) {
        // the "*" of "i0.*" stands behind a dot
        std::size_t end = 0;
        while (end < text.size() && text[end] != '/' &&
               (text[end] != '*' || (end > 0 && text[end - 1] == '.'))) {
            ++end;
        }
        auto const factor = term(text.substr(0, end), known);
        if (!factor || (sign == '/' && *factor == 0)) {
            return std::nullopt;
        }
        value = sign == '*' ? value * *factor : value / *factor;
        sign = end < text.size() ? text[end] : sign;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    bool const whole =
        value >= 0 && value < most && value == static_cast<double>(static_cast<std::int64_t>(value));
    return whole ? std::optional{static_cast<std::int64_t>(value)} : std::nullopt;
}

/// "h={i0.1};causal=1" with its braces filled in.
std::optional<std::string> fill_in(std::string_view text, Known const& known) {
    std::string out;
    for (auto brace = text.find('{'); brace != std::string_view::npos; brace = text.find('{')) {
        auto const end = std::min(text.find('}', brace), text.size());
        auto const value = evaluate(text.substr(brace + 1, end - brace - 1), known);
        if (!value) {
            return std::nullopt;
        }
        out += fmt::format("{}{}", text.substr(0, brace), *value);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out += text;
}

/// Names of element types in PyTorch, Chakra and CANN.
std::string dtype_of_type(std::string_view type) {
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"bfloat16", "bf16"}, {"bf16", "bf16"},        {"float8", "fp8"},   {"hifloat8", "fp8"},
        {"half", "fp16"},     {"float16", "fp16"},     {"float32", "fp32"}, {"double", "fp64"},
        {"float", "fp32"},    {"signed char", "int8"}, {"int8", "int8"}};
    std::string lower{type};
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (auto const& [part, dtype] : names) {
        if (lower.find(part) != std::string::npos) {
            return std::string{dtype};
        }
    }
    return {};
}

std::string shape_key(io::TomlTable const& table, std::string_view key, std::string_view otherwise) {
    if (!table.has(key)) {
        return std::string{otherwise};
    }
    return table.is_text(key) ? table.text(key) : fmt::format("{}", table.integer_from(key, 0));
}

} // namespace

struct KernelRules::Pattern {
    KernelRule rule;
    std::optional<std::regex> kernel, launched_by, phase;
};

KernelRules::KernelRules() = default;
KernelRules::~KernelRules() = default;
KernelRules::KernelRules(KernelRules&&) noexcept = default;
KernelRules& KernelRules::operator=(KernelRules&&) noexcept = default;

namespace {

std::optional<std::regex> read_pattern(io::TomlTable const& table, std::string_view key) {
    if (!table.has(key)) {
        return std::nullopt;
    }
    try {
        return std::regex{table.text(key), std::regex::ECMAScript | std::regex::optimize};
    } catch (std::regex_error const& error) {
        throw InputError{table.origin(key), fmt::format("is no regular expression: {}", error.what())};
    }
}

std::string read_op(io::TomlTable const& table) {
    auto const op = table.text("op");
    if (!find_table_op(op)) {
        std::vector<std::string> known;
        for (auto const& each : table_ops()) {
            known.emplace_back(each.name);
        }
        throw InputError{table.origin("op"), fmt::format("no operation \"{}\" in the tables", op),
                         suggestion(op, known)};
    }
    return op;
}

/// @param rule the table whose op and extra hold where the shape has none of its own
ShapeRule read_shape(io::TomlTable const& table, io::TomlTable const& rule) {
    return {.op = read_op(table.has("op") ? table : rule),
            .calls = table.integer_or("calls", 1, 1),
            .m = shape_key(table, "m", ""),
            .n = shape_key(table, "n", "0"),
            .k = shape_key(table, "k", "0"),
            .batch = shape_key(table, "batch", "1"),
            .extra = table.text_or("extra", rule.text_or("extra", ""))};
}

KernelRule read_rule(io::TomlTable const& table) {
    KernelRule rule;
    rule.name = table.text_or("name", "");
    rule.ignore = table.text_or("ignore", "");
    rule.adds_to = table.text_or("adds_to", "");
    if (!rule.ignore.empty() || !rule.adds_to.empty()) {
        return rule;
    }
    rule.dtype = table.text_or("dtype", "");
    rule.type_of = table.count_or("type_of", 0, 0);
    for (auto const& shape : table.tables("in_turn")) {
        rule.in_turn.push_back(read_shape(shape, table));
        shape.reject_unknown_keys();
    }
    if (rule.in_turn.empty()) {
        rule.in_turn.push_back(read_shape(table, table));
    }
    return rule;
}

} // namespace

bool KernelRule::is_ordered() const {
    return in_turn.size() > 1 || (in_turn.size() == 1 && in_turn.front().calls > 1);
}

void KernelRules::read(std::string const& path) { read(io::read_toml_file(path)); }

void KernelRules::read(io::TomlTable const& file) {
    for (auto const& table : file.tables("rule")) {
        auto pattern = std::make_unique<Pattern>();
        pattern->kernel = read_pattern(table, "kernel");
        pattern->launched_by = read_pattern(table, "launched_by");
        pattern->phase = read_pattern(table, "phase");
        if (!pattern->kernel && !pattern->launched_by) {
            throw InputError{table.origin(),
                             "has neither \"kernel\" nor \"launched_by\": it would fit everything"};
        }
        pattern->rule = read_rule(table);
        auto const& target = pattern->rule.adds_to;
        bool const named = target.empty() || std::ranges::any_of(patterns_, [&](auto const& p) {
                               return p->rule.name == target;
                           });
        if (!named) {
            throw InputError{table.origin("adds_to"), fmt::format("no rule above is named \"{}\"", target)};
        }
        table.reject_unknown_keys();
        patterns_.push_back(std::move(pattern));
    }
    file.reject_unknown_keys();
}

std::optional<RuleMatch> KernelRules::find(TracedKernel const& kernel) const {
    for (auto const& p : patterns_) {
        std::smatch groups;
        bool const fits = (!p->phase || std::regex_search(kernel.phase, *p->phase)) &&
                          (!p->launched_by || std::regex_search(kernel.launched_by, *p->launched_by)) &&
                          (!p->kernel || std::regex_search(kernel.name, groups, *p->kernel));
        if (fits) {
            RuleMatch match{&p->rule, {}};
            for (auto const& group : groups) {
                match.groups.push_back(group.str());
            }
            return match;
        }
    }
    return std::nullopt;
}

ShapedKernel apply(RuleMatch const& match, ShapeRule const& shape, TracedKernel const& traced) {
    Known const known{traced, match.groups};
    auto const m = evaluate(shape.m, known), n = evaluate(shape.n, known), k = evaluate(shape.k, known),
               batch = evaluate(shape.batch, known);
    auto const extra = fill_in(shape.extra, known);
    if (shape.m.empty() || !m || !n || !k || !batch || !extra) {
        return {{}, {}, "its shape is not in the profile"};
    }
    auto const type = static_cast<std::size_t>(match.rule->type_of);
    auto const dtype = !match.rule->dtype.empty()         ? match.rule->dtype
                       : type < traced.input_types.size() ? dtype_of_type(traced.input_types[type])
                                                          : std::string{};
    if (dtype.empty()) {
        return {{}, {}, "its number format is not in the profile"};
    }
    return {Kernel{.op = *find_table_op(shape.op),
                   .dtype = dtype,
                   .m = *m,
                   .n = *n,
                   .k = *k,
                   .batch = *batch,
                   .options = parse_options(*extra, Origin{"rules", 0, 0, "extra"})},
            *extra,
            {}};
}

} // namespace moesaic::timing
