#include "cli/sweep_executor.hpp"

#include "cli/catalogue_draw.hpp"
#include "cli/command.hpp"
#include "cli/sweep_metrics.hpp"
#include "engine/split_batch.hpp"
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

/// Basis of a failure that is no property of its point: it is run again.
constexpr std::string_view never_stands = "-";

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
    : points_{points}, facts_{data_folder()}, further_{points.sweep().timings}, data_hash_{facts_.folder()} {
    further_.insert(further_.end(), timings.begin(), timings.end());
    auto const& sweep = points.sweep();
    (void)data_hash_.of_file(sweep.scenario_file); // from now on it may not change
    scenario_text_ = io::read_text_file(sweep.scenario_file);
    auto const table = io::parse_toml(scenario_text_, sweep.scenario_file, sweep.set);
    spending_ = table.has("economics");
    own_timings_ = own_timings(table);
    for (auto const& axis : sweep.axes) {
        timings_vary_ = timings_vary_ || std::ranges::any_of(axis.paths, [](std::string const& path) {
                            return path.starts_with("timings");
                        });
    }
}

std::vector<std::string> SweepExecutor::own_timings(io::TomlTable const& scenario) const {
    std::vector<std::string> out;
    if (scenario.has("timings")) {
        auto const folder = std::filesystem::path{points_.sweep().scenario_file}.parent_path();
        for (auto const& table : scenario.texts("timings")) {
            out.push_back((folder / table).string());
        }
    }
    return out;
}

PointTables& SweepExecutor::tables(std::vector<std::string> const& own) {
    auto at = tables_.find(own);
    if (at == tables_.end()) {
        auto all = own;
        all.insert(all.end(), further_.begin(), further_.end());
        auto const hash = data_hash_.of_timings(all) + data_hash_.of_chips();
        auto const load = [this, own, all, hash] {
            scenario::Scenario with;
            with.timings = own;
            auto out = scenario::load_timings(with, facts_.folder(), further_);
            DataHash now{facts_.folder()};
            if (now.of_timings(all) + now.of_chips() != hash) {
                throw InputError{Origin::whole_file(facts_.platforms()),
                                 "a table of timings or a chip has changed since the sweep began",
                                 "Run the sweep again: it keeps the points that do not depend on it"};
            }
            return out;
        };
        at = tables_.try_emplace(own, hash, load).first;
    }
    return at->second;
}

PointTables& SweepExecutor::tables_of(sweep::Point const& point) {
    if (!timings_vary_) {
        return tables(own_timings_);
    }
    return tables(own_timings(io::parse_toml(scenario_text_, points_.sweep().scenario_file, point.settings)));
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
    return scenario::read_scenario(points_.sweep().scenario_file, point.settings, facts_);
}

void SweepExecutor::check_axes() {
    auto const& axes = points_.sweep().axes;
    for (std::size_t i = 0; i < axes.size(); ++i) {
        std::optional<InputError> wrong;
        bool good = false;
        for (auto const index : points_with(points_, i)) {
            try {
                (void)hash(points_.at(index)); // first: whatever is read after it has to be what was hashed
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
    auto const& timings = base_timings();
    for (auto const index : sample_of(points_.size(), 3)) {
        try {
            (void)hash(points_.at(index));
            auto const s = read(points_.at(index));
            auto const topology = scenario::topology_of(s);
            auto const settled = parallel::settle_experts({s.model, s.plan, s.shape, topology, timings});
            auto const plan = engine::split_batch({s.model, settled, s.shape, topology, timings});
            (void)parallel::build_program({s.model, plan, s.shape, topology, timings});
        } catch (InputError const&) {
            continue; // it will be told as a failed point
        }
    }
}

results::Run SweepExecutor::simulate(scenario::Scenario const& scenario) {
    return scenario::run_scenario(scenario, tables(scenario.timings).timings(), facts_, {});
}

/// In a process of its own, which draws its own errors.
sweep::PointAnswer SweepExecutor::run(sweep::Point const& point) {
    auto scenario = read(point);
    auto& timings = tables(scenario.timings).timings();
    timings.note_consulted();
    auto const& sweep = points_.sweep();
    std::string drawn;
    if (sweep.uncertain_catalogue) {
        drawn = draw_catalogue(scenario, sweep.seed, point.draw);
    }
    if (sweep.uncertain_timings) {
        timings.draw_errors(sweep.seed, point.draw);
    }
    auto cells = metrics_of_run(simulate(scenario), spending_);
    if (sweep.uncertain_catalogue) {
        cells.emplace_back(drawn);
    }
    data_hash_.check_unchanged();
    return {std::move(cells), text_of(timings.consulted())};
}

std::string SweepExecutor::hash(sweep::Point const& point) {
    auto const& file = points_.sweep().scenario_file;
    try {
        auto const table = io::parse_toml(scenario_text_, file, point.settings);
        auto const base = std::filesystem::path{file}.parent_path().string();
        auto const hash = data_hash_.of_scenario(table, base);
        auto const& sweep = points_.sweep();
        return sweep.uncertain_catalogue || sweep.uncertain_timings
                   ? fmt::format("{}-{}-{}", hash, sweep.seed, point.draw)
                   : hash;
    } catch (InputError const& error) {
        return {}; // the point fails with this message when it runs
    }
}

sweep::Content SweepExecutor::content() {
    auto const stands = [this](sweep::Point const& point, std::string const& basis) {
        try {
            return tables_of(point).is_current(basis);
        } catch (InputError const&) {
            return false; // a table cannot be read; the point tells when it runs
        }
    };
    return {[this](sweep::Point const& point) { return hash(point); }, stands};
}

sweep::Executor SweepExecutor::executor() {
    auto [hash_of_point, stands] = content();
    auto const basis = [this](sweep::Point const& point, std::optional<std::string> const& consulted) {
        try {
            auto& tables = tables_of(point);
            if (consulted) {
                return tables.basis_of(*consulted);
            }
            data_hash_.check_unchanged(); // or the change may be why it failed
            return tables.basis_of_failure();
        } catch (InputError const&) {
            return std::string{never_stands};
        }
    };
    auto const prepare = [this](sweep::Point const& point) {
        try {
            (void)tables_of(point).timings();
            scenario::load_facts(read(point), facts_);
        } catch (InputError const&) {
            return; // the point fails with this message
        }
    };
    return {[this](sweep::Point const& point) { return run(point); }, std::move(hash_of_point),
            std::move(stands), basis, prepare};
}

} // namespace moesaic::cli
