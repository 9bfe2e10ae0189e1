#pragma once
#include "cli/data_hash.hpp"
#include "results/run.hpp"
#include "scenario/scenario.hpp"
#include "sweep/result_file.hpp"
#include "sweep/runner.hpp"
#include "timing/timings.hpp"

#include <optional>
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
    void check_axes() const;
    /// Loads the timings, once for all points, and prices a few of them, so that workers inherit what this teaches about
    /// the timings. Before any point runs. @throws InputError where a table cannot be read
    void warm_up();
    [[nodiscard]] sweep::HashOfPoint hash_of_point();
    [[nodiscard]] sweep::Executor executor();

  private:
    [[nodiscard]] std::vector<sweep::Cell> run(sweep::Point const& point);
    [[nodiscard]] timing::Timings& timings_for(scenario::Scenario const& scenario);
    [[nodiscard]] std::string hash(sweep::Point const& point);
    sweep::Points const& points_;
    std::string data_folder_;
    std::string scenario_text_;
    std::vector<std::string> further_;
    bool spending_ = false;                  ///< whether the base scenario has [economics]
    std::vector<std::string> own_timings_;   ///< of the base scenario
    std::optional<timing::Timings> timings_; ///< none until they are needed
    DataHash data_hash_;
};

} // namespace moesaic::cli
