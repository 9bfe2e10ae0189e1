#pragma once
#include "engine/folding.hpp"
#include "hardware/topology.hpp"

#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace moesaic::engine {

/// Links that carry the same traffic: as many ranks of each cell behind them, at the same place of the way out (or
/// in), with the same bandwidth. One of them is enough to simulate, but it must be one and the same for all cells
/// behind such links. References outlive it.
class LinkTypes {
  public:
    LinkTypes(hardware::Topology const& topology, Folding const& folding);
    /// The link that stands for all like this one. A link of one chip stands for itself.
    [[nodiscard]] LinkId first_like(LinkId link);

  private:
    using Behind = std::vector<std::pair<int, int>>; ///< cell and number of its ranks
    using Type = std::tuple<hardware::Direction, int, double, Behind>;

    hardware::Topology const& topology_;
    Folding const& folding_;
    std::vector<int> level_; ///< per link: shared links of its chips that come before it on the way out
    std::map<Type, LinkId> first_;
    std::map<LinkId, LinkId> known_;
};

} // namespace moesaic::engine
