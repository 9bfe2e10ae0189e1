#include "sweep/sweep_file.hpp"
#include "fuzz_target.hpp"

void moesaic::fuzz::take(std::string_view input) {
    (void)sweep::parse_sweep(std::string{input}, "sweep.toml");
}
