#include "sweep/points.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>

namespace moesaic::sweep {

/// What an axis sets at a point.
struct Points::Choice {
    bool applies = true;
    std::size_t row = 0; ///< of axes with rows
    std::vector<std::string> values;
};

namespace {

constexpr std::int64_t most_points = 10'000'000;

bool is_conditional(Axis const& axis) { return !axis.when.empty(); }

/// The row at this place; where the axis has no rows, 0.
std::size_t row_at(Axis const& axis, double place) {
    auto const count = axis.rows.size();
    return count == 0 ? 0 : std::min(count - 1, static_cast<std::size_t>(place * static_cast<double>(count)));
}

} // namespace

Points::Points(Sweep sweep) : sweep_{std::move(sweep)} {
    sort_axes();
    count_points();
    make_columns();
}

void Points::sort_axes() {
    bool const drawn = is_drawn(sweep_.design);
    std::vector<std::string> drawn_paths;
    for (std::size_t i = 0; i < sweep_.axes.size(); ++i) {
        auto const& axis = sweep_.axes[i];
        if (drawn && !axis.crossed) {
            drawn_.push_back(i);
            streams_.push_back(axis.name);
            drawn_paths.insert(drawn_paths.end(), axis.paths.begin(), axis.paths.end());
            continue;
        }
        for (auto const& condition : axis.when) {
            if (std::ranges::find(drawn_paths, condition.path) != drawn_paths.end()) {
                throw InputError{
                    axis.origin,
                    fmt::format("when: \"{}\" is drawn; a crossed axis cannot depend on it", condition.path)};
            }
        }
        stepped_.push_back(i);
    }
}

namespace {

/// Whether the conditions hold, given [set] and what the axes before this one chose.
template <class Choices>
bool holds(Sweep const& sweep, Axis const& axis, Choices const& chosen) {
    auto const value_of = [&](std::string const& path) -> std::string {
        for (std::size_t i = 0; i < chosen.size(); ++i) {
            auto const& paths = sweep.axes[i].paths;
            auto const at = std::ranges::find(paths, path);
            if (at != paths.end() && chosen[i].applies && !chosen[i].values.empty()) {
                return chosen[i].values[static_cast<std::size_t>(at - paths.begin())];
            }
        }
        auto const set = std::ranges::find(sweep.set, path, &io::TomlOverride::path);
        return set == sweep.set.end() ? "" : set->value;
    };
    return std::ranges::all_of(axis.when, [&](Condition const& condition) {
        return std::ranges::find(condition.allowed, value_of(condition.path)) != condition.allowed.end();
    });
}

} // namespace

void Points::count_points() {
    draws_ = draws_of(sweep_.design, static_cast<int>(drawn_.size()));
    auto const too_many = [&](std::int64_t combinations) { return combinations > most_points / draws_; };
    auto const refuse = [&] {
        throw InputError{Origin::whole_file(sweep_.file),
                         fmt::format("has more than {} points", most_points)};
    };
    bool const conditional =
        std::ranges::any_of(stepped_, [&](auto i) { return is_conditional(sweep_.axes[i]); });
    std::int64_t combinations = 1;
    if (too_many(combinations)) { // draws alone
        refuse();
    }
    for (auto const i : stepped_) {
        combinations *= static_cast<std::int64_t>(sweep_.axes[i].rows.size());
        if (too_many(combinations)) {
            refuse();
        }
    }
    if (conditional) {
        std::vector<Choice> chosen;
        list_codes(0, 0, chosen);
        combinations = static_cast<std::int64_t>(codes_.size());
    }
    size_ = combinations * draws_;
}

/// Combinations in which an axis that does not apply stands at its first row.
void Points::list_codes(std::size_t position, std::int64_t code, std::vector<Choice>& chosen) {
    if (position == stepped_.size()) {
        codes_.push_back(code);
        return;
    }
    auto const number = stepped_[position];
    auto const& axis = sweep_.axes[number];
    auto const before = chosen.size();
    while (chosen.size() < number) {
        chosen.push_back(
            {.applies = false, .row = 0, .values = {}}); // drawn axes, on which no condition stands
    }
    bool const applies = holds(sweep_, axis, chosen);
    auto const rows = static_cast<std::int64_t>(axis.rows.size());
    for (std::int64_t row = 0; row < (applies ? rows : 1); ++row) {
        chosen.push_back({applies, static_cast<std::size_t>(row), axis.rows[static_cast<std::size_t>(row)]});
        list_codes(position + 1, code * rows + row, chosen);
        chosen.pop_back();
    }
    chosen.resize(before);
}

std::vector<Points::Choice> Points::choices_at(std::int64_t index) const {
    expects(index >= 0 && index < size_, "a point of the sweep");
    auto const places = places_of(sweep_.design, sweep_.seed, streams_, index % draws_);
    auto code = index / draws_;
    if (!codes_.empty()) {
        code = codes_[static_cast<std::size_t>(code)];
    }
    std::vector<Choice> choices(sweep_.axes.size());
    for (auto at = stepped_.rbegin(); at != stepped_.rend(); ++at) {
        auto const rows = static_cast<std::int64_t>(sweep_.axes[*at].rows.size());
        choices[*at].row = static_cast<std::size_t>(code % rows);
        choices[*at].values = sweep_.axes[*at].rows[choices[*at].row];
        code /= rows;
    }
    for (std::size_t k = 0; k < drawn_.size(); ++k) {
        auto const& axis = sweep_.axes[drawn_[k]];
        choices[drawn_[k]].row = row_at(axis, places[k]);
        choices[drawn_[k]].values = values_at(axis, places[k]);
    }
    for (std::size_t i = 0; i < choices.size(); ++i) {
        choices[i].applies = holds(sweep_, sweep_.axes[i], std::span{choices}.first(i));
    }
    return choices;
}

void Points::make_columns() {
    for (auto const& axis : sweep_.axes) {
        if (!axis.labels.empty()) {
            columns_.push_back({axis.name, CellKind::text, "text", fmt::format("Axis {}", axis.name), {}});
        }
        for (std::size_t p = 0; p < axis.paths.size(); ++p) {
            std::vector<std::string> values;
            if (axis.range) {
                // a value between the ends is no whole number unless all are
                values = {value_text(*axis.range, axis.range->whole ? axis.range->from : 0.5)};
            }
            for (auto const& row : axis.rows) {
                values.push_back(row[p]);
            }
            auto column = column_for(values, is_conditional(axis));
            column.name = axis.columns[p];
            column.description = fmt::format("Axis over {}", axis.paths[p]);
            columns_.push_back(std::move(column));
        }
    }
}

Point Points::at(std::int64_t index) const {
    auto const choices = choices_at(index);
    Point point{index, index % draws_, sweep_.set, {}};
    for (std::size_t i = 0; i < choices.size(); ++i) {
        auto const& axis = sweep_.axes[i];
        auto const& choice = choices[i];
        if (!axis.labels.empty()) {
            point.cells.emplace_back(choice.applies ? Cell{axis.labels[choice.row]} : Cell{});
        }
        for (std::size_t p = 0; p < axis.paths.size(); ++p) {
            auto const& column = columns_[point.cells.size()];
            point.cells.push_back(choice.applies ? cell_in(column, choice.values[p]) : Cell{});
            if (choice.applies) {
                point.settings.push_back({axis.paths[p], choice.values[p]});
            }
        }
    }
    return point;
}

std::vector<bool> Points::applying(std::int64_t index) const {
    std::vector<bool> out;
    for (auto const& choice : choices_at(index)) {
        out.push_back(choice.applies);
    }
    return out;
}

} // namespace moesaic::sweep
