#pragma once
#include "cli/data_hash.hpp"
#include "cli/point_tables.hpp"
#include "results/run.hpp"
#include "scenario/scenario.hpp"
#include "sweep/result_file.hpp"
#include "sweep/runner.hpp"
#include "timing/timings.hpp"

#include <map>
#include <string>
#include <vector>

/// What a sweep needs to know of scenarios: how a point is read, hashed, run, and which metrics it gives.
namespace moesaic::cli {

class SweepExecutor {
  public:
    /// @param timings further tables or folders of them, beside those of sweep file and scenario
    /// @throws InputError where a file cannot be read
    SweepExecutor(sweep::Points const& points, std::vector<std::string> timings);

    /// What the result file tells beside its points.
    [[nodiscard]] sweep::ResultOrigin origin() const;
    /// Of a point's metrics.
    [[nodiscard]] std::vector<sweep::Column> metric_columns() const;
    /// Reads the scenario of a point. @throws InputError
    [[nodiscard]] scenario::Scenario read(sweep::Point const& point) const;
    /// Runs it with the timings that are loaded; at most once per process. @throws InputError where it cannot be priced
    [[nodiscard]] results::Run simulate(scenario::Scenario const& scenario);
    /// Whether every axis leads to a field that a scenario has. @throws InputError naming the axis
    void check_axes();
    /// Loads the timings, once for all points, and prices a few of them, so that workers inherit what this teaches about
    /// the timings. Before any point runs. @throws InputError where a table cannot be read
    void warm_up();
    /// The base scenario's, with those of sweep file and command line.
    [[nodiscard]] timing::Timings const& base_timings() { return tables(own_timings_).timings(); }
    [[nodiscard]] sweep::Content content();
    [[nodiscard]] sweep::Executor executor();

  private:
    [[nodiscard]] sweep::PointAnswer run(sweep::Point const& point);
    [[nodiscard]] std::string hash(sweep::Point const& point);
    /// Of the scenario, relative to the working directory.
    [[nodiscard]] std::vector<std::string> own_timings(io::TomlTable const& scenario) const;
    /// @param own tables of the scenario
    [[nodiscard]] PointTables& tables(std::vector<std::string> const& own);
    [[nodiscard]] PointTables& tables_of(sweep::Point const& point);
    sweep::Points const& points_;
    scenario::Facts facts_;
    std::string scenario_text_;
    std::vector<std::string> further_;
    bool spending_ = false;                ///< whether the base scenario has [economics]
    bool timings_vary_ = false;            ///< an axis goes over them
    std::vector<std::string> own_timings_; ///< of the base scenario
    DataHash data_hash_;
    std::map<std::vector<std::string>, PointTables> tables_; ///< by those of the scenario
};

} // namespace moesaic::cli
