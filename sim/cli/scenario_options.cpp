#include "cli/scenario_options.hpp"

#include "parallel/calibration.hpp"

#include <algorithm>

namespace moesaic::cli {

std::vector<io::TomlOverride> ScenarioOptions::overrides() const {
    std::vector<io::TomlOverride> out;
    std::ranges::transform(settings, std::back_inserter(out), io::parse_override);
    return out;
}

void add_scenario_options(CLI::App& command, ScenarioOptions& options) {
    command
        .add_option("--set", options.settings,
                    "Put a value in place of the file's: --set parallel.tensor=2 --set 'pools[0].chips=512'")
        ->allow_extra_args(false);
    add_timings_option(command, options.timings);
    add_calibration_option(command, options.calibration);
}

void add_timings_option(CLI::App& command, std::vector<std::string>& timings) {
    command
        .add_option("--timings", timings,
                    "Measured kernel timings: a table or a folder of tables, on top of the shipped ones")
        ->allow_extra_args(false);
}

void add_calibration_option(CLI::App& command, std::string& calibration) {
    auto const problem_of = [](std::string const& text) {
        return text == parallel::no_constants ? std::string{} : CLI::ExistingFile(text);
    };
    command
        .add_option("--calibration", calibration,
                    "Constants from this file instead of the shipped ones; none: kernels take as long as "
                    "they were timed, as in a profile of the training itself")
        ->check(CLI::Validator{problem_of, "FILE or none"});
}

} // namespace moesaic::cli
