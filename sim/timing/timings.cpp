#include "timing/timings.hpp"

#include "timing/collective_cost.hpp"
#include "timing/coverage.hpp"
#include "timing/kernel_time.hpp"

#include <optional>
#include <tuple>

namespace moesaic::timing {

struct Timings::Store {
    TimingStore tables;
    std::optional<Estimator> estimator;
    /// Whoever changes the tables forgets what was learnt from them.
    TimingStore& change() {
        estimator.reset();
        estimator.emplace(tables);
        return tables;
    }
};

Timings::Timings() : store_{std::make_unique<Store>()} { std::ignore = store_->change(); }
Timings::~Timings() = default;
Timings::Timings(Timings&&) noexcept = default;
Timings& Timings::operator=(Timings&&) noexcept = default;

void Timings::load(std::string const& path) { store_->change().load(path); }

std::vector<TableReport> const& Timings::reports() const { return store_->tables.reports(); }

void Timings::set_reference_chips(std::vector<hardware::Chip> chips) {
    store_->change().set_reference_chips(std::move(chips));
}

Duration Timings::duration(hardware::Chip const& chip, model::Operation const& op) const {
    return operation_time(*store_->estimator, chip, op).duration;
}

std::vector<KernelEvidence> Timings::evidence(hardware::Chip const& chip, model::Operation const& op) const {
    return evidence_of(*store_->estimator, chip, op);
}

CollectiveCost Timings::collective(hardware::NodeType const& node, CollectiveKind kind, hardware::Tier tier,
                                   Bytes rank_bytes, int ranks, int nodes) const {
    return collective_cost(store_->tables, node, {kind, tier, rank_bytes, ranks, nodes});
}

} // namespace moesaic::timing
