#pragma once
#include "timing/kernel.hpp"

#include <string>
#include <unordered_map>

namespace moesaic::timing {

/// What parts series that otherwise measured the same operation, as small numbers that compare.
struct Traits {
    int chip = -1, die = -1, dtype = -1, source = -1, library = -1, variant = -1;
    bool causal = false, windowed = false, gated = true;
    int v_dim = 0;
    friend bool operator==(Traits const&, Traits const&) = default;
};

/// Numbers for names, in the order of their first use.
class NameTable {
  public:
    [[nodiscard]] int number_of(std::string const& name);
    /// -1 for a name never seen.
    [[nodiscard]] int find(std::string const& name) const;

  private:
    std::unordered_map<std::string, int> numbers_;
};

/// How much two series of one operation have in common.
struct Kinship {
    double level = 0; ///< variance of ln(time / roofline time) that both share at every shape
    double curve = 1; ///< share of the way in which the ratio goes with the shape
};
/// From the spread between series of the public collection that measured the same shapes.
[[nodiscard]] Kinship kinship(Traits const& a, Traits const& b);

} // namespace moesaic::timing
