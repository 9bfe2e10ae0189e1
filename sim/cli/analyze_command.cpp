#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "cli/command.hpp"
#include "cli/sweep_analysis.hpp"
#include "cli/sweep_progress.hpp"
#include "cli/text_table.hpp"
#include "io/json.hpp"
#include "sweep/pareto.hpp"
#include "sweep/result_table.hpp"
#include "sweep/sensitivity.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <utility>

namespace moesaic::cli {

namespace {

using sweep::NoSensitivity;
using sweep::ResultFile;
using sweep::Sensitivity;

struct AnalyzeArguments {
    std::string result;
    std::vector<std::string> metrics;
    std::vector<std::string> lowest, highest; ///< of the Pareto front
    bool json = false;
};

/// One metric over all points that have it.
struct Spread {
    std::string metric, unit;
    std::vector<std::int64_t> points; ///< from the lowest value to the highest
    std::vector<double> values;       ///< by the number of the point
    std::variant<Sensitivity, NoSensitivity> sensitivity;
};

Spread spread_of(ResultFile const& file, std::string const& metric) {
    auto [unit, values] = file.read_metric(metric);
    Spread out{metric, std::move(unit), {}, std::move(values), {}};
    for (std::size_t i = 0; i < out.values.size(); ++i) {
        if (!std::isnan(out.values[i])) {
            out.points.push_back(static_cast<std::int64_t>(i));
        }
    }
    std::ranges::sort(out.points, {},
                      [&](std::int64_t i) { return std::pair{out.values[static_cast<std::size_t>(i)], i}; });
    out.sensitivity = sweep::find_sensitivity(file.points().sweep(), out.values);
    return out;
}

std::vector<Spread> spreads_of(ResultFile const& file, std::vector<std::string> const& metrics) {
    std::vector<Spread> out;
    std::ranges::transform(metrics, std::back_inserter(out),
                           [&](std::string const& metric) { return spread_of(file, metric); });
    return out;
}

/// A point of the front with its figures, in the order of the objectives.
struct FrontPoint {
    std::int64_t point = 0;
    std::vector<double> figures;
};

std::vector<FrontPoint> front_of(ResultFile const& file, AnalyzeArguments const& arguments) {
    std::vector<std::vector<double>> candidates(static_cast<std::size_t>(file.points().size()));
    auto const take = [&](std::vector<std::string> const& metrics, double sign) {
        for (auto const& metric : metrics) {
            auto const values = file.read_metric(metric).values;
            for (std::size_t i = 0; i < values.size(); ++i) {
                candidates[i].push_back(sign * values[i]);
            }
        }
    };
    take(arguments.lowest, 1.0);
    take(arguments.highest, -1.0);
    std::vector<FrontPoint> out;
    for (auto const i : sweep::find_pareto_front(candidates)) {
        FrontPoint point{static_cast<std::int64_t>(i), candidates[i]};
        for (auto k = arguments.lowest.size(); k < point.figures.size(); ++k) {
            point.figures[k] = -point.figures[k];
        }
        out.push_back(std::move(point));
    }
    return out;
}

std::vector<std::string> objectives(AnalyzeArguments const& arguments) {
    auto out = arguments.lowest;
    out.insert(out.end(), arguments.highest.begin(), arguments.highest.end());
    return out;
}

io::Json axes_json(sweep::Points const& points, std::int64_t index) {
    auto const point = points.at(index);
    auto out = io::Json::object();
    for (std::size_t i = 0; i < point.cells.size(); ++i) {
        out.set(points.columns()[i].name,
                std::visit(overloaded{[](std::monostate) { return io::Json{}; },
                                      [](auto const& value) { return io::Json{value}; }},
                           point.cells[i]));
    }
    return out;
}

io::Json place_json(sweep::Points const& points, Spread const& spread, std::int64_t index) {
    return io::Json::object()
        .set("value", spread.values[static_cast<std::size_t>(index)])
        .set("point", index)
        .set("axes", axes_json(points, index));
}

io::Json sensitivity_json(Spread const& spread) {
    auto const* sensitivity = std::get_if<Sensitivity>(&spread.sensitivity);
    if (!sensitivity) {
        return io::Json::object().set("reason", std::get<NoSensitivity>(spread.sensitivity).reason);
    }
    auto axes = io::Json::array();
    for (auto const& index : sensitivity->axes) {
        axes.add(io::Json::object()
                     .set("axis", index.axis)
                     .set("first", index.first)
                     .set("total", index.total)
                     .set("first_error", index.first_error)
                     .set("total_error", index.total_error));
    }
    return io::Json::object()
        .set("mean", sensitivity->mean)
        .set("variance", sensitivity->variance)
        .set("points", sensitivity->points)
        .set("left_out", sensitivity->left_out)
        .set("axes", std::move(axes));
}

io::Json metrics_json(sweep::Points const& points, std::vector<Spread> const& spreads) {
    auto out = io::Json::array();
    for (auto const& spread : spreads) {
        auto metric = io::Json::object();
        metric.set("metric", spread.metric).set("unit", spread.unit).set("points", spread.points.size());
        if (!spread.points.empty()) {
            metric.set("lowest", place_json(points, spread, spread.points.front()))
                .set("median", place_json(points, spread, spread.points[spread.points.size() / 2]))
                .set("highest", place_json(points, spread, spread.points.back()));
        }
        out.add(std::move(metric.set("sensitivity", sensitivity_json(spread))));
    }
    return out;
}

io::Json front_json(sweep::Points const& points, AnalyzeArguments const& arguments,
                    std::vector<FrontPoint> const& front) {
    auto out = io::Json::array();
    auto const names = objectives(arguments);
    for (auto const& at : front) {
        auto point = io::Json::object();
        point.set("point", at.point).set("axes", axes_json(points, at.point));
        for (std::size_t k = 0; k < names.size(); ++k) {
            point.set(names[k], at.figures[k]);
        }
        out.add(std::move(point));
    }
    return out;
}

std::string share_text(double share, double error) {
    return error > 0 ? fmt::format("{:.3f} ± {:.3f}", share, error) : fmt::format("{:.3f}", share);
}

void print_spread(sweep::Points const& points, Spread const& spread) {
    auto const unit = spread.unit == "1" ? "" : " " + spread.unit;
    fmt::print("{}, {} of {} points\n", spread.metric, spread.points.size(), points.size());
    auto const print_place = [&](std::string_view what, std::int64_t index) {
        fmt::print("  {:<8} {:.6g}{} at {} (point {})\n", what,
                   spread.values[static_cast<std::size_t>(index)], unit, axes_text(points, index), index);
    };
    if (!spread.points.empty()) {
        print_place("lowest", spread.points.front());
        print_place("median", spread.points[spread.points.size() / 2]);
        print_place("highest", spread.points.back());
    }
    auto const* sensitivity = std::get_if<Sensitivity>(&spread.sensitivity);
    if (!sensitivity) {
        fmt::print("  no Sobol indices: {}\n\n", std::get<NoSensitivity>(spread.sensitivity).reason);
        return;
    }
    TextTable table{{{"Sobol indices of", TextTable::Align::left},
                     {"first", TextTable::Align::right},
                     {"total", TextTable::Align::right}}};
    for (auto const& index : sensitivity->axes) {
        table.add_row({index.axis, share_text(index.first, index.first_error),
                       share_text(index.total, index.total_error)});
    }
    fmt::print("{}", table.text());
    if (sensitivity->left_out > 0) {
        fmt::print("  without {} points that have no value or whose base point lacks one\n",
                   sensitivity->left_out);
    }
    fmt::print("\n");
}

void print_front(sweep::Points const& points, AnalyzeArguments const& arguments,
                 std::vector<FrontPoint> const& front) {
    std::vector<TextTable::Column> columns{{"Pareto front", TextTable::Align::left}};
    for (auto const& name : objectives(arguments)) {
        columns.push_back({name, TextTable::Align::right});
    }
    TextTable table{columns};
    for (auto const& at : front) {
        std::vector<std::string> row{fmt::format("{} (point {})", axes_text(points, at.point), at.point)};
        std::ranges::transform(at.figures, std::back_inserter(row),
                               [](double value) { return fmt::format("{:.6g}", value); });
        table.add_row(std::move(row));
    }
    fmt::print("{}", table.text());
}

io::Json analysis_json(sweep::Points const& points, std::vector<Spread> const& spreads) {
    return io::Json::object().set("sweep", points.sweep().name).set("metrics", metrics_json(points, spreads));
}

void run(AnalyzeArguments const& arguments) {
    ResultFile const file{arguments.result};
    auto const& points = file.points();
    auto const metrics =
        arguments.metrics.empty() ? std::vector{points.sweep().goal.metric} : arguments.metrics;
    auto const spreads = spreads_of(file, metrics);
    bool const wants_front = !arguments.lowest.empty() || !arguments.highest.empty();
    auto const front = wants_front ? front_of(file, arguments) : std::vector<FrontPoint>{};
    if (arguments.json) {
        auto out = analysis_json(points, spreads);
        if (wants_front) {
            out.set("pareto_front", front_json(points, arguments, front));
        }
        fmt::print("{}\n", out.text());
        return;
    }
    fmt::print("{}\n\n", points.sweep().name);
    for (auto const& spread : spreads) {
        print_spread(points, spread);
    }
    if (wants_front) {
        print_front(points, arguments, front);
    }
}

} // namespace

io::Json sweep_analysis_json(std::string const& result) {
    ResultFile const file{result};
    auto const& goal = file.points().sweep().goal;
    std::vector<std::string> metrics{goal.metric};
    for (auto const* each : {"step_time_s", "cost_per_trillion_tokens", "mfu"}) {
        if (each != goal.metric) {
            metrics.emplace_back(each);
        }
    }
    return analysis_json(file.points(), spreads_of(file, metrics))
        .set("goal", io::Json::object().set("metric", goal.metric).set("lowest", goal.lowest));
}

void add_analyze_command(CLI::App& app, Outcome&) {
    auto* command = app.add_subcommand(
        "analyze", "Say which axes of a sweep matter (Sobol indices) and which points no other beats");
    auto arguments = std::make_shared<AnalyzeArguments>();
    command->add_option("result", arguments->result, "Result file of a sweep")->required();
    command
        ->add_option("--metric", arguments->metrics,
                     "Lowest, median, highest and Sobol indices of this column (default: the sweep's goal)")
        ->allow_extra_args(false);
    command->add_option("--lowest", arguments->lowest, "Pareto front: this column is to be low")
        ->allow_extra_args(false);
    command->add_option("--highest", arguments->highest, "Pareto front: this column is to be high")
        ->allow_extra_args(false);
    command->add_flag("--json", arguments->json, "One JSON object on stdout instead");
    command->footer(
        "Example: moesaic analyze mix.h5 --metric mfu --lowest cost_per_trillion_tokens --highest "
        "tokens_per_s\n"
        "First: the share of the metric's variance that an axis explains alone; total: with all that it "
        "does\n"
        "together with others. A grid without gaps gives them exactly, a saltelli design estimates them.");
    command->callback([arguments] { run(*arguments); });
}

} // namespace moesaic::cli
