#include "parallel/slowest_chip.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>

namespace moesaic::parallel {

namespace {

constexpr double turned_away = 0.05;

} // namespace

double slowest_of(double spread, std::int64_t chips) {
    auto const n = static_cast<double>(std::max<std::int64_t>(chips, 1));
    auto const deviations = boost::math::quantile(boost::math::normal{}, (n - 0.375) / (n + 0.25));
    return 1.0 + std::min(spread * deviations, turned_away);
}

std::int64_t chips_on(Plan const& plan, PoolId pool) {
    std::int64_t out = 0;
    for (auto const& kind : plan.kinds) {
        for (auto const& group : kind.stage_groups) {
            if (PoolId{group.pool} == pool) {
                out += std::int64_t{group.stages} * ranks_of_stage(kind, group);
            }
        }
        for (auto const& place : kind.apart ? kind.apart->places : std::vector<ExpertRanks>{}) {
            if (PoolId{place.pool} == pool) {
                out += std::int64_t{stages_of(kind)} * place.ranks;
            }
        }
    }
    return out;
}

void slow_down(RankClass& rank_class, double factor) {
    for (auto& block : rank_class.blocks) {
        for (auto& op : block.ops) {
            auto* work = std::get_if<Compute>(&op.work);
            if (work != nullptr && work->stretched) {
                work->duration.time *= factor;
            }
        }
    }
}

} // namespace moesaic::parallel
