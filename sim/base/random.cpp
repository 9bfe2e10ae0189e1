#include "base/random.hpp"

#include "base/errors.hpp"

namespace moesaic {

namespace {

/// 2^64 over the golden ratio: the step from one state of SplitMix64 to the next.
constexpr std::uint64_t step = 0x9E3779B97F4A7C15ULL;

} // namespace

std::uint64_t split_mix(std::uint64_t state) {
    auto z = state + step;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

std::uint64_t stable_hash(std::string_view text) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (unsigned char const c : text) {
        hash = (hash ^ c) * 1099511628211ULL;
    }
    return hash;
}

Rng::Rng(std::uint64_t seed, std::string_view stream) : state_{stable_hash(stream) ^ (seed * step)} {}

Rng::result_type Rng::operator()() {
    auto const draw = split_mix(state_);
    state_ += step;
    return draw;
}

double Rng::uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

std::uint64_t Rng::below(std::uint64_t bound) {
    expects(bound > 0, "a bound above zero");
    // Reject the short last block, so that every value is equally likely.
    auto const limit = max() - max() % bound;
    auto draw = (*this)();
    while (draw >= limit) {
        draw = (*this)();
    }
    return draw % bound;
}

} // namespace moesaic
