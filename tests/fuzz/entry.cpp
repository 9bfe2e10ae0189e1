#include "fuzz_target.hpp"

#include <cstddef>
#include <cstdint>

/// Called by libFuzzer for each input.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    try {
        moesaic::fuzz::take(
            {reinterpret_cast<char const*>(data), size}); // NOLINT: libFuzzer's bytes are characters
    } catch (moesaic::InputError const&) {                // the user is told
    }
    return 0;
}
