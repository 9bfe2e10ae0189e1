#pragma once
#include "parallel/calibration.hpp"
#include "planner/search.hpp"
#include "scenario/study.hpp"
#include "timing/timings.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Studies whose candidates leave the plan to the planner.
namespace moesaic::cli {

/// Finds plans and mixes for candidates with plan = "search". Worlds with the same chips, counts and prices share a search.
class StudySearch {
  public:
    /// @param simulate steps of plans for a scenario, each in a process of its own
    using Simulate = std::function<std::vector<planner::Simulated>(scenario::Scenario const&,
                                                                   std::vector<parallel::Plan> const&)>;
    /// The timings that a scenario is simulated with, by which its plans are bounded too; they outlive the search.
    using TimingsOf = std::function<timing::Timings const&(scenario::Scenario const&)>;
    /// What each search has. References outlive it.
    struct Means {
        TimingsOf timings;
        parallel::Calibration const& calibration;
        std::string data_folder;
        int effort = 1;
        int workers = 1;
        std::optional<double> days; ///< that the study gives a training
        Simulate simulate;
    };
    explicit StudySearch(Means means) : means_{std::move(means)} {}

    /// The option with each plan that is among the cheapest or the fastest, or that none beats in both; the option
    /// itself, refused, where none fits.
    [[nodiscard]] std::vector<scenario::StudyOption> plans_for(scenario::StudyOption const& option);

  private:
    using Found = std::vector<scenario::FoundPlan>;
    [[nodiscard]] Found const& search(scenario::Scenario const& scenario, std::vector<double> const& rates,
                                      std::optional<planner::Outlay> const& outlay);
    Means means_;
    std::map<std::string, Found> found_; ///< by scenario, chips, prices and money
};

} // namespace moesaic::cli
