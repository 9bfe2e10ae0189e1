#include "sweep/sweep_file.hpp"

#include "base/nearest_names.hpp"
#include "io/text_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <set>

namespace moesaic::sweep {

namespace {

std::string beside(std::string const& file, std::string const& path) {
    return (std::filesystem::path{file}.parent_path() / path).lexically_normal().string();
}

void read_set(io::TomlTable const& t, Sweep& sweep) {
    if (auto const set = t.optional_table("set")) {
        sweep.set = set->overrides();
    }
}

/// A condition must be on a path that an axis before it or [set] gives a value.
void check_conditions(Axis const& axis, std::vector<std::string> const& given) {
    for (auto const& condition : axis.when) {
        if (std::ranges::find(given, condition.path) == given.end()) {
            throw InputError{axis.origin,
                             fmt::format("when: no axis before this one sets \"{}\"", condition.path),
                             suggestion(condition.path, given)};
        }
    }
}

/// What the axes so far have taken.
struct Taken {
    std::vector<std::string> paths;
    std::set<std::string> columns{"point"};
    std::set<std::string> names;
};

/// No path set twice, no column twice, no name twice: draws are named after their axis.
void check_axis(Axis const& axis, Taken& taken) {
    for (auto const& path : axis.paths) {
        if (std::ranges::find(taken.paths, path) != taken.paths.end()) {
            throw InputError{axis.origin, fmt::format("\"{}\" is set already", path)};
        }
        taken.paths.push_back(path);
    }
    auto all = axis.columns;
    if (!axis.labels.empty()) {
        all.push_back(axis.name);
    }
    for (auto const& column : all) {
        if (column.empty() || column.find('/') != std::string::npos || column == "." || column == "..") {
            throw InputError{axis.origin, fmt::format("\"{}\" cannot name a column", column)};
        }
        if (!taken.columns.insert(column).second) {
            throw InputError{axis.origin, fmt::format("a second column \"{}\"", column),
                             "Give the axis another name"};
        }
    }
    if (!taken.names.insert(axis.name).second) {
        throw InputError{axis.origin, fmt::format("a second axis \"{}\"", axis.name),
                         "Give the axis another name"};
    }
}

void read_axes(io::TomlTable const& t, Sweep& sweep) {
    Taken taken;
    for (auto const& set : sweep.set) {
        taken.paths.push_back(set.path);
    }
    for (auto const& table : t.tables("axes")) {
        auto axis = read_axis(table, is_drawn(sweep.design));
        check_conditions(axis, taken.paths);
        check_axis(axis, taken);
        bool const plain = !axis.crossed && axis.when.empty();
        if (std::holds_alternative<Saltelli>(sweep.design) && !plain) {
            throw InputError{axis.origin, "a saltelli design needs independent axes",
                             "Leave out when and crossed, or choose another design"};
        }
        sweep.axes.push_back(std::move(axis));
    }
}

void read_goal(io::TomlTable const& t, Sweep& sweep) {
    sweep.goal = {"step_time_s", true};
    sweep.goal_origin = t.origin("goal");
    if (auto const goal = t.optional_table("goal")) {
        if (goal->has("lowest") == goal->has("highest")) {
            throw InputError{t.origin("goal"), "needs lowest or highest", "goal = { highest = \"mfu\" }"};
        }
        auto const* const key = goal->has("lowest") ? "lowest" : "highest";
        sweep.goal = {goal->text(key), goal->has("lowest")};
        goal->reject_unknown_keys();
    }
}

/// What is drawn beside the axes: the catalogue is uncertain in its figures and in its timings.
void read_uncertain(io::TomlTable const& t, Sweep& sweep) {
    auto const uncertain = t.optional_text("uncertain");
    if (!uncertain) {
        return;
    }
    if (*uncertain != "catalogue" && *uncertain != "figures" && *uncertain != "timings") {
        throw InputError{t.origin("uncertain"), fmt::format("\"{}\" is not known", *uncertain),
                         "Known: catalogue (figures and timings), figures, timings"};
    }
    if (std::holds_alternative<Grid>(sweep.design) || std::holds_alternative<Saltelli>(sweep.design)) {
        throw InputError{t.origin("uncertain"), "needs a design that draws",
                         "design = { kind = \"random\", points = 200 }, latin_hypercube or sobol"};
    }
    sweep.uncertain_catalogue = *uncertain != "timings";
    sweep.uncertain_timings = *uncertain != "figures";
}

} // namespace

Sweep read_sweep(std::string const& path) { return parse_sweep(io::read_text_file(path), path); }

Sweep parse_sweep(std::string text, std::string const& path) {
    Sweep sweep;
    sweep.file = path;
    sweep.text = std::move(text);
    auto const t = io::parse_toml(sweep.text, path);
    sweep.name = t.text("name");
    sweep.description = t.text_or("description", "");
    sweep.scenario_file = beside(path, t.text("scenario"));
    sweep.seed = static_cast<std::uint64_t>(t.integer_or("seed", 1, 0));
    sweep.design = read_design(t, "design");
    if (t.has("timings")) {
        for (auto const& table : t.texts("timings")) {
            sweep.timings.push_back(beside(path, table));
        }
    }
    read_uncertain(t, sweep);
    read_goal(t, sweep);
    read_set(t, sweep);
    read_axes(t, sweep);
    t.reject_unknown_keys();
    return sweep;
}

} // namespace moesaic::sweep
