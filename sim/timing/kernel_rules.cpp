#include "timing/kernel_rules.hpp"

#include "base/nearest_names.hpp"
#include "timing/shape_text.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <tuple>

namespace moesaic::timing {

namespace {

std::string shape_key(io::TomlTable const& table, std::string_view key, std::string_view otherwise) {
    if (!table.has(key)) {
        return std::string{otherwise};
    }
    return table.is_text(key) ? table.text(key) : fmt::format("{}", table.integer_from(key, 0));
}

/// What stands between, where the text begins and ends so.
std::string_view stripped(std::string_view text, std::string_view before, std::string_view after = "") {
    if (!text.starts_with(before) || !text.ends_with(after) || text.size() < before.size() + after.size()) {
        return text;
    }
    return text.substr(before.size(), text.size() - before.size() - after.size());
}

/// Names may be of any length, and std::regex goes as deep as they are long.
template <class... Groups>
bool fits(std::regex const& pattern, std::string_view text, Groups&... groups) {
    constexpr std::size_t most = 16'384;
    text = text.substr(0, most);
    return std::regex_search(text.data(), text.data() + text.size(), groups..., pattern);
}

std::string text_of(std::vector<ArrayShape> const& shapes) {
    std::string out;
    for (auto const& shape : shapes) {
        out += fmt::format("{};", fmt::join(shape, ","));
    }
    return out.substr(0, out.size() - (out.empty() ? 0 : 1));
}

} // namespace

std::string dtype_of_element(std::string_view type) {
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"bfloat16", "bf16"},       {"bf16", "bf16"},           {"half", "fp16"},
        {"float16", "fp16"},        {"float", "fp32"},          {"float32", "fp32"},
        {"double", "fp64"},         {"float64", "fp64"},        {"signed char", "int8"},
        {"int8", "int8"},           {"float8_e4m3fn", "fp8"},   {"float8_e5m2", "fp8"},
        {"float8_e4m3fnuz", "fp8"}, {"float8_e5m2fnuz", "fp8"}, {"hifloat8", "fp8"}};
    type = stripped(type, "Tensor(", ")"); // Chakra
    for (auto const* origin : {"c10::", "at::", "DT_"}) {
        type = stripped(type, origin);
    }
    std::string lower{type};
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    auto const at = std::ranges::find(names, lower, &std::pair<std::string_view, std::string_view>::first);
    return at == std::end(names) ? std::string{} : std::string{at->second};
}

struct KernelRules::Pattern {
    KernelRule rule;
    std::optional<std::regex> kernel, launched_by, phase;
};

KernelRules::KernelRules() = default;
KernelRules::~KernelRules() = default;
KernelRules::KernelRules(KernelRules&&) noexcept = default;
KernelRules& KernelRules::operator=(KernelRules&&) noexcept = default;

namespace {

/// "a{1,123456}" or "\\123456": libstdc++ counts these in an int without a look at its end.
bool repeats_without_end(std::string_view pattern) {
    constexpr std::size_t most_digits = 4;
    auto const is_digit = [&](std::size_t at) {
        return at < pattern.size() && pattern[at] >= '0' && pattern[at] <= '9';
    };
    bool in_braces = false, counts = false;
    std::size_t digits = 0;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '\\') {
            counts = is_digit(i + 1);
            i += counts ? 0 : 1; // what else is escaped stands for itself
            digits = 0;
            continue;
        }
        digits = is_digit(i) ? digits + 1 : 0;
        in_braces = pattern[i] == '{' || (in_braces && pattern[i] != '}');
        counts = counts && is_digit(i);
        if ((in_braces || counts) && digits > most_digits) {
            return true;
        }
    }
    return false;
}

std::optional<std::regex> read_pattern(io::TomlTable const& table, std::string_view key) {
    if (!table.has(key)) {
        return std::nullopt;
    }
    auto const text = table.text(key);
    if (repeats_without_end(text)) {
        throw InputError{table.origin(key), "repeats something 10,000 times or more"};
    }
    try {
        return std::regex{text, std::regex::ECMAScript | std::regex::optimize};
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

/// @param least the shape of an operation has 0 where it has no such dimension
std::string read_size(io::TomlTable const& table, std::string_view key, std::string_view otherwise,
                      std::optional<int> groups, std::int64_t least) {
    auto text = shape_key(table, key, otherwise);
    if (auto const problem = problem_of_shape(text, groups, least); !problem.empty()) {
        throw InputError{table.origin(key), problem};
    }
    return text;
}

std::string read_extra(io::TomlTable const& table, std::optional<int> groups) {
    auto text = table.text_or("extra", "");
    if (auto const problem = problem_of_extra(text, groups); !problem.empty()) {
        throw InputError{table.origin("extra"), problem};
    }
    if (text.find('{') == std::string::npos) {
        std::ignore = parse_options(text, table.origin("extra"));
    }
    return text;
}

/// @param rule the table whose op and extra hold where the shape has none of its own
ShapeRule read_shape(io::TomlTable const& table, io::TomlTable const& rule, std::optional<int> groups) {
    if (!table.has("m")) {
        throw InputError{table.origin(), "has no \"m\""};
    }
    return {.op = read_op(table.has("op") ? table : rule),
            .calls = table.integer_or("calls", 1, 1),
            .m = read_size(table, "m", "", groups, 1),
            .n = read_size(table, "n", "0", groups, 0),
            .k = read_size(table, "k", "0", groups, 0),
            .batch = read_size(table, "batch", "1", groups, 1),
            .extra = read_extra(table.has("extra") ? table : rule, groups)};
}

/// @param groups of the pattern "kernel"; none where the rule has no such pattern
KernelRule read_rule(io::TomlTable const& table, std::optional<int> groups) {
    KernelRule rule;
    rule.of_operation = table.has("launched_by");
    rule.name = table.text_or("name", "");
    rule.arrays = {.input_types = read_pattern(table, "input_types"),
                   .input_shapes = read_pattern(table, "input_shapes"),
                   .output_shapes = read_pattern(table, "output_shapes")};
    rule.ignore = table.text_or("ignore", "");
    rule.unmapped = table.text_or("unmapped", "");
    rule.adds_to = table.text_or("adds_to", "");
    if (!rule.ignore.empty() || !rule.adds_to.empty() || !rule.unmapped.empty()) {
        return rule;
    }
    rule.dtype = table.text_or("dtype", "");
    rule.type_of = table.count_or("type_of", 0, 0);
    for (auto const& shape : table.tables("in_turn")) {
        rule.in_turn.push_back(read_shape(shape, table, groups));
        shape.reject_unknown_keys();
    }
    if (rule.in_turn.empty()) {
        rule.in_turn.push_back(read_shape(table, table, groups));
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
        pattern->rule =
            read_rule(table, pattern->kernel ? std::optional{static_cast<int>(pattern->kernel->mark_count())}
                                             : std::nullopt);
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

std::vector<RuleMatch> KernelRules::find_by_names(TracedKernel const& kernel) const {
    std::vector<RuleMatch> found;
    for (std::size_t outwards = 0; outwards <= kernel.within.size(); ++outwards) {
        if (add_by_names(kernel, outwards, found)) {
            break;
        }
    }
    return found;
}

/// True where the last one found asks nothing of the arrays: no other will be asked.
bool KernelRules::add_by_names(TracedKernel const& kernel, std::size_t outwards,
                               std::vector<RuleMatch>& found) const {
    auto const& operation = outwards == 0 ? kernel.launched_by : kernel.within[outwards - 1].call->name;
    for (auto const& p : patterns_) {
        if (outwards > 0 && !p->launched_by) {
            continue; // did not fit the kernel itself
        }
        std::cmatch groups;
        bool const all_fit = (!p->phase || fits(*p->phase, kernel.phase)) &&
                             (!p->launched_by || fits(*p->launched_by, operation)) &&
                             (!p->kernel || fits(*p->kernel, kernel.name, groups));
        if (!all_fit) {
            continue;
        }
        RuleMatch match{&p->rule, {}, outwards};
        for (auto const& group : groups) {
            match.groups.push_back(group.str());
        }
        found.push_back(std::move(match));
        if (!p->rule.arrays.any()) {
            return true;
        }
    }
    return false;
}

RuleMatch const* first_fitting(std::vector<RuleMatch> const& by_names, TracedKernel const& kernel) {
    for (auto const& match : by_names) {
        auto const& arrays = match.rule->arrays;
        auto const* outer = match.outwards > 0 ? kernel.within[match.outwards - 1].call : nullptr;
        auto const& types = outer ? outer->types : kernel.input_types;
        auto const& inputs = outer ? outer->inputs : kernel.inputs;
        if ((!arrays.input_types || fits(*arrays.input_types, fmt::format("{}", fmt::join(types, ";")))) &&
            (!arrays.input_shapes || fits(*arrays.input_shapes, text_of(inputs))) &&
            (!arrays.output_shapes || fits(*arrays.output_shapes, outer ? "" : text_of(kernel.outputs)))) {
            return &match;
        }
    }
    return nullptr;
}

namespace {

/// Of the first size that cannot be had.
std::string why_no_shape(ShapeRule const& shape, ShapeContext const& known) {
    for (auto const* text : {&shape.m, &shape.n, &shape.k, &shape.batch}) {
        if (!evaluate(*text, known)) {
            return why_none(*text, known);
        }
    }
    return "what its \"extra\" asks for is not in the profile";
}

struct Format {
    std::string name; ///< empty = none
    std::string problem;
};

Format format_of(KernelRule const& rule, TracedKernel const& traced) {
    if (!rule.dtype.empty()) {
        return {rule.dtype, {}};
    }
    auto const at = static_cast<std::size_t>(rule.type_of);
    if (at >= traced.input_types.size() || traced.input_types[at].empty()) {
        return {{}, "its number format is not in the profile"};
    }
    auto const& type = traced.input_types[at];
    auto name = dtype_of_element(type);
    auto problem = name.empty() ? fmt::format("the tables have no number format for elements \"{}\"", type)
                                : std::string{};
    return {std::move(name), std::move(problem)};
}

/// none where a number of the profile fits into no option
std::optional<Options> options_of(std::string const& extra) {
    try {
        return parse_options(extra, Origin{"rules", 0, 0, "extra"});
    } catch (InputError const&) {
        return std::nullopt;
    }
}

} // namespace

ShapedKernel apply(RuleMatch const& match, ShapeRule const& shape, TracedKernel const& traced) {
    ShapeContext const known{traced, match.groups};
    auto const m = evaluate(shape.m, known), n = evaluate(shape.n, known), k = evaluate(shape.k, known),
               batch = evaluate(shape.batch, known);
    auto const extra = fill_in(shape.extra, known);
    if (!m || !n || !k || !batch || !extra) {
        return {{}, {}, why_no_shape(shape, known)};
    }
    auto const options = options_of(*extra);
    bool const absent_only = (*n > 0 || shape.n == "0") && (*k > 0 || shape.k == "0");
    if (*m < 1 || *batch < 1 || !absent_only || !options) {
        return {{}, {}, "its shape cannot be"};
    }
    auto const format = format_of(*match.rule, traced);
    if (format.name.empty()) {
        return {{}, {}, format.problem};
    }
    return {Kernel{.op = *find_table_op(shape.op),
                   .dtype = format.name,
                   .m = *m,
                   .n = *n,
                   .k = *k,
                   .batch = *batch,
                   .options = *options},
            *extra,
            {}};
}

} // namespace moesaic::timing
