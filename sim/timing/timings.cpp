#include "timing/timings.hpp"

#include "timing/collective_curve.hpp"
#include "timing/kernel_time.hpp"

namespace moesaic::timing {

struct Timings::Store {
    TimingStore tables;
};

Timings::Timings() : store_{std::make_unique<Store>()} {}
Timings::~Timings() = default;
Timings::Timings(Timings&&) noexcept = default;
Timings& Timings::operator=(Timings&&) noexcept = default;

void Timings::load(std::string const& path) {
    auto& tables = store_->tables;
    auto const file = tables.add_file(path);
    auto const report = read_timing_table(path, [&](Measurement const& row) { tables.add(row, file); });
    (void)report;
}

void Timings::set_reference_chips(std::vector<hardware::Chip> chips) {
    store_->tables.set_reference_chips(std::move(chips));
}

Duration Timings::duration(hardware::Chip const& chip, model::Operation const& op) const {
    return operation_time(store_->tables, chip, op);
}

CollectiveCost Timings::collective(hardware::NodeType const& node, CollectiveKind kind, hardware::Tier tier,
                                   Bytes rank_bytes, int ranks, int nodes) const {
    return collective_cost(store_->tables, node, {kind, tier, rank_bytes, ranks, nodes});
}

} // namespace moesaic::timing
