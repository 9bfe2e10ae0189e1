#include "export_control/regime.hpp"
#include "export_control/rule_set.hpp"
#include "fuzz_target.hpp"
#include "io/toml.hpp"

/// A what-if study's changes to the published rules: edited and added rules with predicates, limits, periods, figures.
void moesaic::fuzz::take(std::string_view input) {
    using namespace export_control;
    static RuleSet const published = read_rules(MOESAIC_SOURCE_DIR "/scenarios/rules");
    auto regime = make_regime(published, *parse_date("2025-06-01"), "CN");
    apply_what_if(regime, io::parse_toml(input, "what_if.toml"));
    check_references(regime.rules);
}
