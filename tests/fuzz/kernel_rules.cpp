#include "timing/kernel_rules.hpp"
#include "fuzz_target.hpp"
#include "io/toml.hpp"

void moesaic::fuzz::take(std::string_view input) {
    timing::KernelRules rules;
    rules.read(io::parse_toml(input, "rules.toml"));
}
