#include "imported_profile.hpp"

void moesaic::fuzz::take(std::string_view input) {
    import_profile(input, timing::read_rocprof_table, ".csv");
}
