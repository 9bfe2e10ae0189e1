#pragma once
#include "export_control/timeline.hpp"
#include "export_control/verdict.hpp"
#include "io/json.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesaic::cli {

/// What `moesaic rules` says of one chip.
struct ChipStatus {
    export_control::Verdict verdict;                    ///< by the exporting side's rules
    std::optional<export_control::Verdict> import_side; ///< by the destination's own, where it has any
    std::optional<export_control::Verdict> baseline;    ///< without the what-if file
};

struct RulesReport {
    export_control::Regime regime;
    std::vector<ChipStatus> chips;
};

[[nodiscard]] std::string text_of(RulesReport const& report);
[[nodiscard]] io::Json json_of(RulesReport const& report);

/// Every rule in force for every chip: whether it catches it, and why.
[[nodiscard]] std::string each_rule_text(export_control::Regime const& regime,
                                         std::vector<hardware::Chip> const& chips);
[[nodiscard]] std::string timeline_text(export_control::Timeline const& timeline,
                                        export_control::Regime const& regime);
[[nodiscard]] io::Json timeline_json(export_control::Timeline const& timeline,
                                     export_control::Regime const& regime);

/// The rules themselves, and the words that predicates may use.
[[nodiscard]] std::string rule_list_text(export_control::RuleSet const& rules);
[[nodiscard]] io::Json rule_list_json(export_control::RuleSet const& rules);
[[nodiscard]] std::string attribute_list_text();
/// TPP and performance density as computed from the catalogue, beside the figures that it carries.
[[nodiscard]] std::string performance_text(std::vector<hardware::Chip> const& chips);

} // namespace moesaic::cli
