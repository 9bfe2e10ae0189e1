#pragma once
#include "cli/data_hash.hpp"
#include "results/run.hpp"
#include "scenario/scenario.hpp"
#include "sweep/runner.hpp"
#include "timing/timings.hpp"

#include <memory>
#include <string>
#include <vector>

/// What a sweep needs to know of scenarios: how a point is read, hashed, run, and which metrics it gives.
namespace moesaic::cli {

/// Columns of a point's metrics, in the order of metrics_of_run().
[[nodiscard]] std::vector<sweep::Column> metric_columns(sweep::Sweep const& sweep);

class SweepExecutor {
  public:
    /// Loads the timings, once for all points.
    /// @param timings further tables or folders of them, beside those of sweep file and scenario
    /// @throws InputError where a file cannot be read
    SweepExecutor(sweep::Points const& points, std::vector<std::string> timings);

    [[nodiscard]] std::string const& scenario_text() const { return scenario_text_; }
    [[nodiscard]] std::vector<std::string> const& timings() const { return further_; }
    /// Reads the scenario of a point. @throws InputError
    [[nodiscard]] scenario::Scenario read(sweep::Point const& point) const;
    /// Whether every axis leads to a field that a scenario has. @throws InputError naming the axis
    void check_axes() const;
    /// Prices a few points, so that workers inherit what this teaches about the timings.
    void warm_up() const;
    [[nodiscard]] sweep::Executor executor();

  private:
    [[nodiscard]] std::vector<sweep::Cell> run(sweep::Point const& point) const;
    [[nodiscard]] std::string hash(sweep::Point const& point);
    sweep::Points const& points_;
    std::string data_folder_;
    std::string scenario_text_;
    std::vector<std::string> further_;
    std::vector<std::string> own_timings_; ///< of the base scenario
    timing::Timings timings_;
    DataHash data_hash_;
};

} // namespace moesaic::cli
