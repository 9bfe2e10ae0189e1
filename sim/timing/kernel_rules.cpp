#include "timing/kernel_rules.hpp"

#include "base/nearest_names.hpp"
#include "timing/shape_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <regex>
#include <tuple>

namespace moesaic::timing {

namespace {

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
    rule.ignore = table.text_or("ignore", "");
    rule.adds_to = table.text_or("adds_to", "");
    if (!rule.ignore.empty() || !rule.adds_to.empty()) {
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

std::optional<RuleMatch> KernelRules::find(TracedKernel const& kernel) const {
    for (std::size_t outwards = 0; outwards <= kernel.within.size(); ++outwards) {
        if (auto match = find_for(kernel, outwards)) {
            return match;
        }
    }
    return std::nullopt;
}

std::optional<RuleMatch> KernelRules::find_for(TracedKernel const& kernel, std::size_t outwards) const {
    auto const& operation = outwards == 0 ? kernel.launched_by : kernel.within[outwards - 1].call->name;
    for (auto const& p : patterns_) {
        if (outwards > 0 && !p->launched_by) {
            continue; // did not fit the kernel itself
        }
        std::smatch groups;
        bool const fits = (!p->phase || std::regex_search(kernel.phase, *p->phase)) &&
                          (!p->launched_by || std::regex_search(operation, *p->launched_by)) &&
                          (!p->kernel || std::regex_search(kernel.name, groups, *p->kernel));
        if (fits) {
            RuleMatch match{&p->rule, {}, outwards};
            for (auto const& group : groups) {
                match.groups.push_back(group.str());
            }
            return match;
        }
    }
    return std::nullopt;
}

namespace {

std::string why_no_shape(TracedKernel const& traced) {
    auto const impossible = [](ArrayShape const& shape) {
        return std::ranges::any_of(shape, [](std::int64_t size) { return size < 1; });
    };
    bool const any =
        std::ranges::any_of(traced.inputs, impossible) || std::ranges::any_of(traced.outputs, impossible);
    return any ? "a dimension in the profile is below 1 or no whole number"
               : "its shape is not in the profile";
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
        return {{}, {}, why_no_shape(traced)};
    }
    auto const options = options_of(*extra);
    bool const absent_only = (*n > 0 || shape.n == "0") && (*k > 0 || shape.k == "0");
    if (*m < 1 || *batch < 1 || !absent_only || !options) {
        return {{}, {}, "its shape cannot be"};
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
                   .options = *options},
            *extra,
            {}};
}

} // namespace moesaic::timing
