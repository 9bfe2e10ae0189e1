#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::export_control {

/// What the rules say of a chip for a deal, from free to forbidden; the strictest rule decides.
enum class Outcome {
    allowed,
    warned,                ///< an authority advises against it; no binding text was read
    exception,             ///< a licence exception applies without notice
    notified,              ///< a licence exception applies after notice to the authority (NAC)
    licensed,              ///< licences are known to be granted, possibly at a price
    licence_required,      ///< no review policy is stated
    case_by_case,          ///< licence, reviewed case by case
    presumption_of_denial, ///< licence, presumably refused
    prohibited
};

[[nodiscard]] std::string_view name_of(Outcome outcome);
[[nodiscard]] std::optional<Outcome> find_outcome(std::string_view name);
[[nodiscard]] std::vector<std::string> outcome_names();
/// "allowed", "licence required, presumption of denial"
[[nodiscard]] std::string_view words_of(Outcome outcome);
/// At most 7 characters, for a timeline.
[[nodiscard]] std::string_view short_name_of(Outcome outcome);

} // namespace moesaic::export_control
