#pragma once
#include "engine/perturbation.hpp"
#include "engine/traffic.hpp"
#include "hardware/topology.hpp"
#include "parallel/program.hpp"

#include <vector>

namespace moesaic::engine {

enum class Fold {
    automatic, ///< ranks of a class are simulated as one, as far as they cannot be told apart
    none       ///< every rank on its own
};

/// Ranks of one class that cannot be told apart: simulated once.
struct Cell {
    int rank_class = 0;
    ChipIndex representative;
    std::vector<ChipIndex> ranks; ///< ascending, the representative among them
    double slowdown = 1.0;        ///< of its kernels
};

/// The cells of a program, class by class.
struct Folding {
    std::vector<Cell> cells;
    std::vector<std::vector<int>> of_class; ///< cells of each class
    std::vector<int> of_chip;               ///< cell of each chip, -1 where the program does not use it

    [[nodiscard]] int first_of(int rank_class) const { return of_class[rank_class].front(); }
};

struct FoldContext {
    parallel::Program const& program;
    hardware::Topology const& topology;
    TrafficCache& traffic;
};

/// Colour refinement: ranks start with what makes them unlike (their class, how far their traffic goes, a slow chip, a
/// slow link that carries their traffic) and are split until all of a colour see the same colours in each of their
/// groups, at the other end of their messages and on the links that they share with others.
[[nodiscard]] Folding fold(FoldContext const& context, Fold how, Perturbations const& perturbations);

/// The ranks of `to` that rank number `i` of `from` sends to: its share of them in order, one at least; or all of its
/// group, see Message::groups.
struct Receivers {
    std::int64_t first = 0;
    std::int64_t count = 1;
};
[[nodiscard]] Receivers receivers_of(std::int64_t i, parallel::RankSet const& from,
                                     parallel::RankSet const& to, int groups = 0);

} // namespace moesaic::engine
