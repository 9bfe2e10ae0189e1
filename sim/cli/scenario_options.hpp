#pragma once
#include "io/toml.hpp"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace moesaic::cli {

/// What commands that simulate scenarios let one change beside the scenario file.
struct ScenarioOptions {
    std::vector<std::string> settings; ///< as given: "parallel.tensor=2"
    std::vector<std::string> timings;  ///< tables or folders of them
    std::string calibration;           ///< file; empty = the shipped one
    /// @throws InputError for a setting that is none
    [[nodiscard]] std::vector<io::TomlOverride> overrides() const;
};

/// --set, --timings, --calibration.
void add_scenario_options(CLI::App& command, ScenarioOptions& options);
/// Single ones of them, for commands to which the others do not apply.
void add_timings_option(CLI::App& command, std::vector<std::string>& timings);
void add_calibration_option(CLI::App& command, std::string& calibration);

} // namespace moesaic::cli
