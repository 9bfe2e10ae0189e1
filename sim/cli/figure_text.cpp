#include "cli/figure_text.hpp"

namespace moesaic::cli {

std::string_view mark_of(hardware::Confidence confidence) {
    switch (confidence) {
    case hardware::Confidence::press:
        return "~";
    case hardware::Confidence::estimate:
        return "?";
    default:
        return "";
    }
}

TextTable figure_table() { return TextTable{{{"figure"}, {"value"}, {"confidence"}, {"source (note)"}}}; }

} // namespace moesaic::cli
