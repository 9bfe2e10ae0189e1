#pragma once
#include "timing/store.hpp"

#include <string>

namespace moesaic::timing {

/// The chip's measurements as a grid, in the form that the table reader takes. A cell of a factor of two in each size
/// that holds measurements has the median of their time over roofline time, as a time at their typical shape, their
/// number, and how far they lie about what the grid gives back. Of several series for one operation those that suit
/// training best are kept. Measurements whose licence asks that works made from them keep it (CC-BY-SA) are left out,
/// and so are whole models, formats in which nobody trains, and work too small to matter.
/// @returns the text of the file; empty where the chip has nothing to condense
[[nodiscard]] std::string condense(TimingStore const& store, hardware::Chip const& chip);

} // namespace moesaic::timing
