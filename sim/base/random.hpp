#pragma once
#include <cstdint>
#include <string_view>

namespace moesaic {

/// What SplitMix64 (Steele, Lea and Flood, 2014) draws at this state: any number becomes 64 well mixed bits.
[[nodiscard]] std::uint64_t split_mix(std::uint64_t state);

/// A random stream named for its use: adding a stream changes no draw of another (SplitMix64 over a hash
/// of seed and name; no std:: distribution, whose results differ between libraries).
class Rng {
  public:
    using result_type = std::uint64_t;
    Rng(std::uint64_t seed, std::string_view stream);
    result_type operator()();
    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return UINT64_MAX; }
    /// Uniform in [0, 1).
    double uniform();
    /// Uniform integer in [0, bound).
    std::uint64_t below(std::uint64_t bound);

  private:
    std::uint64_t state_;
};

/// FNV-1a, 64 bits: stable over machines and versions.
[[nodiscard]] std::uint64_t stable_hash(std::string_view text);

} // namespace moesaic
