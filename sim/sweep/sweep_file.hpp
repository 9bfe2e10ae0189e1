#pragma once
#include "sweep/axis.hpp"
#include "sweep/design.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesaic::sweep {

/// Which metric the progress line shows the best of; and what a reader of the result will look for first.
struct Goal {
    std::string metric;
    bool lowest = true;
};

/// A base scenario and what differs between the points.
struct Sweep {
    std::string file;
    std::string text; ///< as read
    std::string name;
    std::string description;
    std::string scenario_file; ///< relative to the working directory
    std::uint64_t seed = 1;
    Design design;
    std::vector<io::TomlOverride> set; ///< of all points
    std::vector<Axis> axes;
    std::vector<std::string>
        timings; ///< further tables or folders of them, relative to the working directory
    bool uncertain_catalogue = false; ///< disputed figures of the catalogue are drawn
    bool uncertain_timings = false;   ///< so are errors of the timings
    Goal goal;
    Origin goal_origin;
};

/// @throws InputError with file, line, column and field for anything that cannot be
[[nodiscard]] Sweep read_sweep(std::string const& path);
/// @param file where the text stood; paths in it are relative to its folder
[[nodiscard]] Sweep parse_sweep(std::string text, std::string const& file);

} // namespace moesaic::sweep
