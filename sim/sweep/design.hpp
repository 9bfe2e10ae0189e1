#pragma once
#include "io/toml.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moesaic::sweep {

/// Every combination of the axes' values.
struct Grid {};
/// Independent draws.
struct Random {
    std::int64_t points = 0;
};
/// Each axis is cut into as many strips as there are points, and every strip is drawn from once.
struct LatinHypercube {
    std::int64_t points = 0;
};
/// The low-discrepancy sequence of Sobol.
struct Sobol {
    std::int64_t points = 0;
};
/// Two Sobol samples A and B, and A with one axis of B after the other: what first-order and total Sobol indices
/// are estimated from. (axes + 2) x base_points points: for each base point A, B, then the mixed ones.
struct Saltelli {
    std::int64_t base_points = 0;
};

using Design = std::variant<Grid, Random, LatinHypercube, Sobol, Saltelli>;

/// "grid", or { kind = "sobol", points = 256 }; grid where the key is absent.
[[nodiscard]] Design read_design(io::TomlTable const& table, std::string_view key);
[[nodiscard]] std::string_view name_of(Design const& design);
[[nodiscard]] bool is_drawn(Design const& design);
/// Draws over all drawn axes together; 1 for a grid.
[[nodiscard]] std::int64_t draws_of(Design const& design, int axes);

/// The place of one draw on each axis, from 0 up to, not including, 1. Depends on nothing but the arguments: a further
/// axis at the end changes no place of those before it (of Random and LatinHypercube, wherever it stands).
/// @param streams the names of the drawn axes
[[nodiscard]] std::vector<double> places_of(Design const& design, std::uint64_t seed,
                                            std::vector<std::string> const& streams, std::int64_t draw);

/// A number from 0 to count - 1 for each of these, every one once: a permutation without its table.
[[nodiscard]] std::uint64_t permuted(std::uint64_t index, std::uint64_t count, std::uint64_t key);

} // namespace moesaic::sweep
