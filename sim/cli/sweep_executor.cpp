#include "cli/sweep_executor.hpp"

#include "cli/catalogue_draw.hpp"
#include "cli/command.hpp"
#include "cli/sweep_metrics.hpp"
#include "io/text_file.hpp"
#include "parallel/build_program.hpp"
#include "parallel/memory.hpp"
#include "scenario/run_scenario.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace moesaic::cli {

namespace {

constexpr int points_to_try = 8;

/// Some points, evenly spread over the sweep.
std::vector<std::int64_t> sample_of(std::int64_t size, int count) {
    std::vector<std::int64_t> out;
    for (int i = 0; i < count; ++i) {
        auto const index = size <= count ? i : i * (size - 1) / (count - 1);
        if (index < size) {
            out.push_back(index);
        }
    }
    return out;
}

/// Points at which the axis applies, the first of them where it does so at all.
std::vector<std::int64_t> points_with(sweep::Points const& points, std::size_t axis) {
    std::vector<std::int64_t> out;
    for (auto const index : sample_of(points.size(), points_to_try)) {
        if (points.applying(index)[axis]) {
            out.push_back(index);
        }
    }
    constexpr std::int64_t most = 10'000;
    for (std::int64_t index = 0; out.empty() && index < std::min(points.size(), most); ++index) {
        if (points.applying(index)[axis]) {
            out.push_back(index);
        }
    }
    return out;
}

bool is_about(Origin const& origin, std::vector<std::string> const& paths) {
    return std::ranges::any_of(paths, [&](std::string const& path) {
        return origin.field == path || origin.file.ends_with(" " + path) ||
               path.starts_with(origin.field + ".");
    });
}

} // namespace

SweepExecutor::SweepExecutor(sweep::Points const& points, std::vector<std::string> timings)
    : points_{points}, data_folder_{data_folder()},
      scenario_text_{io::read_text_file(points.sweep().scenario_file)}, further_{points.sweep().timings},
      data_hash_{data_folder_} {
    further_.insert(further_.end(), timings.begin(), timings.end());
    auto const& file = points.sweep().scenario_file;
    auto const table = io::parse_toml(scenario_text_, file, points.sweep().set);
    spending_ = table.has("economics");
    if (table.has("timings")) {
        for (auto const& own : table.texts("timings")) {
            own_timings_.push_back((std::filesystem::path{file}.parent_path() / own).string());
        }
    }
}

sweep::ResultOrigin SweepExecutor::origin() const {
    return {scenario_text_, MOESAIC_VERSION, further_, metric_columns()};
}

std::vector<sweep::Column> SweepExecutor::metric_columns() const {
    auto columns = run_metric_columns(spending_);
    if (points_.sweep().uncertain_catalogue) {
        columns.push_back({"catalogue_draw",
                           sweep::CellKind::text,
                           "text",
                           "Which of the values that sources give was drawn for each disputed figure",
                           {}});
    }
    return columns;
}

scenario::Scenario SweepExecutor::read(sweep::Point const& point) const {
    return scenario::read_scenario(points_.sweep().scenario_file, point.settings, data_folder_);
}

void SweepExecutor::check_axes() const {
    auto const& axes = points_.sweep().axes;
    for (std::size_t i = 0; i < axes.size(); ++i) {
        std::optional<InputError> wrong;
        bool good = false;
        for (auto const index : points_with(points_, i)) {
            try {
                (void)read(points_.at(index));
                good = true;
                break;
            } catch (InputError const& error) {
                wrong = is_about(error.origin(), axes[i].paths) ? error : wrong;
            }
        }
        if (!good && wrong) {
            throw InputError{axes[i].origin,
                             fmt::format("no value that was tried is allowed: {}", wrong->what())};
        }
    }
}

void SweepExecutor::warm_up() {
    scenario::Scenario base;
    base.timings = own_timings_;
    timings_ = scenario::load_timings(base, data_folder_, further_);
    for (auto const index : sample_of(points_.size(), 3)) {
        try {
            auto const s = read(points_.at(index));
            auto const topology = scenario::topology_of(s);
            auto const settled = parallel::settle_experts({s.model, s.plan, s.shape, topology, *timings_});
            auto const plan = parallel::split_batch({s.model, settled, s.shape, topology, *timings_});
            (void)parallel::build_program({s.model, plan, s.shape, topology, *timings_});
        } catch (InputError const&) {
            continue; // it will be told as a failed point
        }
    }
}

timing::Timings& SweepExecutor::timings_for(scenario::Scenario const& scenario) {
    expects(timings_.has_value(), "the timings are loaded before a point runs");
    if (scenario.timings != own_timings_) { // an axis goes over them
        timings_ = scenario::load_timings(scenario, data_folder_, further_);
        own_timings_ = scenario.timings;
    }
    return *timings_;
}

results::Run SweepExecutor::simulate(scenario::Scenario const& scenario) {
    return scenario::run_scenario(scenario, timings_for(scenario), data_folder_, {});
}

/// In a process of its own, which draws its own errors.
std::vector<sweep::Cell> SweepExecutor::run(sweep::Point const& point) {
    auto scenario = read(point);
    auto const& sweep = points_.sweep();
    std::string drawn;
    if (sweep.uncertain_catalogue) {
        drawn = draw_catalogue(scenario, sweep.seed, point.draw);
    }
    if (sweep.uncertain_timings) {
        timings_for(scenario).draw_errors(sweep.seed, point.draw);
    }
    auto cells = metrics_of_run(simulate(scenario), spending_);
    if (sweep.uncertain_catalogue) {
        cells.emplace_back(drawn);
    }
    return cells;
}

std::string SweepExecutor::hash(sweep::Point const& point) {
    auto const& file = points_.sweep().scenario_file;
    try {
        auto const table = io::parse_toml(scenario_text_, file, point.settings);
        auto const base = std::filesystem::path{file}.parent_path().string();
        auto const hash = data_hash_.of_scenario(table, base, further_);
        auto const& sweep = points_.sweep();
        return sweep.uncertain_catalogue || sweep.uncertain_timings
                   ? fmt::format("{}-{}-{}", hash, sweep.seed, point.draw)
                   : hash;
    } catch (InputError const& error) {
        return {}; // the point fails with this message when it runs
    }
}

sweep::HashOfPoint SweepExecutor::hash_of_point() {
    return [this](sweep::Point const& point) { return hash(point); };
}

sweep::Executor SweepExecutor::executor() {
    return {[this](sweep::Point const& point) { return run(point); }, hash_of_point()};
}

} // namespace moesaic::cli
