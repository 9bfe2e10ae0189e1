#pragma once
#include "export_control/verdict.hpp"
#include "hardware/catalogue.hpp"

#include <string>

namespace moesaic::export_control {

inline std::string source_folder() { return MOESAIC_SOURCE_DIR; }
inline RuleSet published_rules() {
    static auto const words = known_words(hardware::Catalogue{source_folder() + "/platforms"}.all_chips());
    return read_rules(source_folder() + "/scenarios/rules", words);
}
inline Regime regime_on(std::string_view date, std::string const& destination = "CN") {
    return make_regime(published_rules(), *parse_date(date), destination);
}
inline hardware::Chip chip_of(std::string const& id) {
    return hardware::Catalogue{source_folder() + "/platforms"}.chip(id, Origin{});
}
inline std::string outcome_on(std::string const& chip, std::string_view date, std::string const& to = "CN") {
    return std::string{outcome_name(evaluate(chip_of(chip), regime_on(date, to)).outcome)};
}

/// The message of the InputError that the action throws.
inline std::string error_of(auto const& action) {
    try {
        action();
    } catch (InputError const& error) {
        return error.what();
    }
    return "no error";
}

} // namespace moesaic::export_control
