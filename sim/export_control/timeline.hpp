#pragma once
#include "export_control/verdict.hpp"

#include <string>
#include <vector>

namespace moesaic::export_control {

/// From this day the rules for the deal are others than before.
struct RegimeChange {
    Date from;
    std::vector<std::string> begins; ///< ids of rules
    std::vector<std::string> ends;
};

/// The days on which a rule with a predicate that can reach the regime's deal begins, ends or changes its reach.
[[nodiscard]] std::vector<RegimeChange> regime_changes(Regime const& regime);

/// What the rules said of each chip between the changes.
struct Timeline {
    std::vector<RegimeChange> changes;
    struct Row {
        std::string chip;
        std::vector<Verdict> verdicts; ///< before the first change, then one from each change on
    };
    std::vector<Row> rows;
};

/// The regime's own date plays no part.
[[nodiscard]] Timeline make_timeline(std::vector<hardware::Chip> const& chips, Regime const& regime);

/// The last day on which a rule with a predicate certainly begins or ends, whatever deal it reaches.
[[nodiscard]] Date last_change(RuleSet const& rules);

/// One bar per chip over a true time axis, coloured and lettered by outcome; a self-contained SVG.
/// @param assumptions that make this another world than the published one, told below
[[nodiscard]] std::string timeline_svg(Timeline const& timeline, std::string const& title,
                                       std::vector<std::string> const& assumptions = {});

} // namespace moesaic::export_control
