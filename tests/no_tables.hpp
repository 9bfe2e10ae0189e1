#pragma once
#include "io/toml.hpp"
#include "timing/expectations.hpp"
#include "timing/timings.hpp"

namespace moesaic::test {

/// What the catalogue expects of kernels and links where no table tells.
inline timing::Expectations const& expectations() {
    static auto const read = timing::read_expectations(
        io::read_toml_file(MOESAIC_SOURCE_DIR "/platforms/timings/expectations.toml"));
    return read;
}

/// Timings without tables: every answer is analytic.
inline timing::Timings no_tables() {
    timing::Timings out;
    out.set_expectations(expectations());
    return out;
}

} // namespace moesaic::test
