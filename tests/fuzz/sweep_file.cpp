#include "fuzz_target.hpp"
#include "sweep/sweep_file.hpp"

void moesaic::fuzz::take(std::string_view input) { (void)sweep::parse_sweep(std::string{input}, "sweep.toml"); }
