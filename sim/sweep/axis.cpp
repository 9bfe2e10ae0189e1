#include "sweep/axis.hpp"

#include "io/parse_number.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::sweep {

namespace {

constexpr std::int64_t most_steps = 100'000;

struct Amount {
    double value = 0.0;
    bool whole = false;
    std::string unit;
};

/// 8, 8.5 or "8.5 GB/s".
Amount read_amount(io::TomlTable const& t, std::string_view key) {
    if (!t.is_text(key)) {
        auto const text = t.has(key) ? t.value_text(key) : "";
        return {t.number(key), text.find_first_of(".eEn") == std::string::npos, ""};
    }
    auto const text = t.text(key);
    auto const number = io::parse_leading_number<double>(text);
    if (!number) {
        throw InputError{t.origin(key), fmt::format("\"{}\" does not begin with a number", text),
                         "Write it like 8, 0.5 or \"50 GB/s\""};
    }
    auto const unit = std::min(number->rest.size(), number->rest.find_first_not_of(' '));
    return {number->value, false, std::string{number->rest.substr(unit)}};
}

Range read_range(io::TomlTable const& t) {
    auto const from = read_amount(t, "from"), to = read_amount(t, "to");
    if (from.unit != to.unit) {
        throw InputError{t.origin("to"),
                         fmt::format("is in \"{}\", but from is in \"{}\"", to.unit, from.unit)};
    }
    Range range{from.value, to.value, false, from.whole && to.whole && from.unit.empty(), from.unit};
    if (!std::isfinite(range.from) || !std::isfinite(range.to) || range.from >= range.to) {
        throw InputError{t.origin("to"), "must be above from"};
    }
    auto const scale = t.text_or("scale", "linear");
    if (scale != "linear" && scale != "log") {
        throw InputError{t.origin("scale"), fmt::format("\"{}\" is not known", scale), "Known: linear, log"};
    }
    range.logarithmic = scale == "log";
    if (range.logarithmic && range.from <= 0) {
        throw InputError{t.origin("from"), "must be above zero on a logarithmic scale"};
    }
    return range;
}

double between(Range const& range, double share) {
    return range.logarithmic ? range.from * std::pow(range.to / range.from, share)
                             : range.from + (range.to - range.from) * share;
}

/// The steps of a range, both ends included; whole numbers are rounded and stand once each.
std::vector<std::vector<std::string>> steps_of(Range const& range, std::int64_t steps) {
    std::vector<std::vector<std::string>> out;
    for (std::int64_t i = 0; i < steps; ++i) {
        auto const value = between(range, static_cast<double>(i) / static_cast<double>(steps - 1));
        std::vector row{value_text(range, range.whole ? std::round(value) : value)};
        if (out.empty() || out.back() != row) {
            out.push_back(std::move(row));
        }
    }
    return out;
}

void read_range_axis(io::TomlTable const& t, bool drawn, Axis& axis) {
    auto const inner = t.table("range");
    auto const range = read_range(inner);
    if (drawn && !axis.crossed && !inner.has("steps")) {
        axis.range = range;
    } else {
        auto const steps = inner.integer_from("steps", 2);
        if (steps > most_steps) {
            throw InputError{inner.origin("steps"), fmt::format("more than {} steps", most_steps)};
        }
        axis.rows = steps_of(range, steps);
    }
    inner.reject_unknown_keys();
}

/// zip = { "pools[0].cluster" = ["a", "b"], "parallel.recompute" = ["full", "none"] }
void read_zip(io::TomlTable const& t, Axis& axis) {
    auto const zip = t.table("zip");
    axis.paths = zip.keys();
    if (axis.paths.empty()) {
        throw InputError{t.origin("zip"), "names no path"};
    }
    for (auto const& path : axis.paths) {
        auto const values = zip.value_texts(path);
        if (path == axis.paths.front()) {
            axis.rows.resize(values.size());
        }
        if (values.size() != axis.rows.size()) {
            throw InputError{zip.origin(path), fmt::format("has {} values, but {} has {}", values.size(),
                                                           axis.paths.front(), axis.rows.size())};
        }
        for (std::size_t i = 0; i < values.size(); ++i) {
            axis.rows[i].push_back(values[i]);
        }
    }
    axis.columns = axis.paths;
}

std::vector<Condition> read_conditions(io::TomlTable const& t) {
    std::vector<Condition> out;
    if (auto const when = t.optional_table("when")) {
        for (auto const& path : when->keys()) {
            out.push_back(
                {path, when->is_array(path) ? when->value_texts(path) : std::vector{when->value_text(path)}});
        }
    }
    return out;
}

void read_labels(io::TomlTable const& t, Axis& axis) {
    if (!t.has("labels")) {
        return;
    }
    axis.labels = t.texts("labels");
    if (axis.labels.size() != axis.rows.size()) {
        throw InputError{t.origin("labels"),
                         fmt::format("{} labels for {} values", axis.labels.size(), axis.rows.size())};
    }
    if (!t.has("name")) {
        throw InputError{t.origin("labels"), "need a name for their column", "Give the axis a name"};
    }
}

void read_values(io::TomlTable const& t, bool drawn, Axis& axis) {
    if (t.has("values") + t.has("range") + t.has("zip") != 1) {
        throw InputError{
            t.origin(), "needs exactly one of values, range and zip",
            "values = [1, 2, 4], range = { from = 1, to = 8, steps = 4 }, or zip = { \"path\" = [..], .. }"};
    }
    if (t.has("zip")) {
        read_zip(t, axis);
    } else {
        axis.paths = {t.text("path")};
        axis.columns = {t.has("labels") ? axis.paths.front() : t.text_or("name", axis.paths.front())};
        if (t.has("range")) {
            read_range_axis(t, drawn, axis);
        } else {
            for (auto const& value : t.value_texts("values")) {
                axis.rows.push_back({value});
            }
        }
    }
    if (!axis.range && axis.rows.empty()) {
        throw InputError{t.origin(), "has no values"};
    }
}

} // namespace

Axis read_axis(io::TomlTable const& t, bool drawn) {
    Axis axis;
    axis.origin = t.origin();
    axis.crossed = t.boolean_or("crossed", false);
    if (axis.crossed && !drawn) {
        throw InputError{t.origin("crossed"), "a grid crosses every axis", "Leave it out"};
    }
    read_values(t, drawn, axis);
    read_labels(t, axis);
    axis.name = t.text_or("name", axis.paths.front());
    axis.when = read_conditions(t);
    t.reject_unknown_keys();
    return axis;
}

std::vector<std::string> values_at(Axis const& axis, double place) {
    if (!axis.range) {
        auto const count = axis.rows.size();
        return axis.rows[std::min(count - 1, static_cast<std::size_t>(place * static_cast<double>(count)))];
    }
    auto const& range = *axis.range;
    if (!range.whole) {
        return {value_text(range, between(range, place))};
    }
    // every whole number has a stretch of its own: the upper end lies one further
    auto wider = range;
    wider.to += 1;
    return {value_text(range, std::min(range.to, std::floor(between(wider, place))))};
}

std::string value_text(Range const& range, double value) {
    auto const number = fmt::format("{:.12g}", value);
    return range.unit.empty() ? number : fmt::format("\"{} {}\"", number, range.unit);
}

} // namespace moesaic::sweep
