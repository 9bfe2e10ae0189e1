#pragma once
#include "io/json.hpp"
#include "scenario/study.hpp"

#include <string>
#include <vector>

/// How a study's answers are told: on the screen, as JSON, as CSV, as a plot.
namespace moesaic::cli {

/// One figure with its 80 % interval.
struct StudyFigure {
    double value = 0.0;
    economics::Interval80 interval;
};

/// What there is to tell of an option that can be done.
struct StudyRow {
    scenario::StudyOption const* option = nullptr;
    std::optional<scenario::Objective> best; ///< none for one that is neither cheapest nor fastest
    StudyFigure cost;                        ///< in the bill's currency
    StudyFigure outlay;
    StudyFigure days; ///< from the regime's date to the end of the training
    StudyFigure energy_kwh;
    std::optional<StudyFigure> cost_change; ///< over the baseline's best of the same objective, as a share
    std::optional<StudyFigure> days_change;
    std::optional<StudyFigure> energy_change;
};

/// The cheapest and the fastest of every case; none for a case in which nothing can be done.
[[nodiscard]] std::vector<StudyRow> best_rows(scenario::Study const& study,
                                              std::vector<scenario::StudyOption> const& options);
/// Every option that can be done, compared with the baseline's cheapest.
[[nodiscard]] std::vector<StudyRow> all_rows(scenario::Study const& study,
                                             std::vector<scenario::StudyOption> const& options);

/// "1,920 nvidia_h800_sxm5 + 2,048 huawei_ascend_910b2"
[[nodiscard]] std::string chips_text(results::Spending const& spending);

[[nodiscard]] std::string study_text(scenario::Study const& study,
                                     std::vector<scenario::StudyOption> const& options, bool all);
[[nodiscard]] io::Json study_json(scenario::Study const& study,
                                  std::vector<scenario::StudyOption> const& options);
/// A row for every option, what cannot be done included.
[[nodiscard]] std::string study_csv(scenario::Study const& study,
                                    std::vector<scenario::StudyOption> const& options);
/// A Vega-Lite specification with its data: cost, days and energy of each case's best, with intervals.
[[nodiscard]] io::Json study_plot(scenario::Study const& study,
                                  std::vector<scenario::StudyOption> const& options);

} // namespace moesaic::cli
