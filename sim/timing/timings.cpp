#include "timing/timings.hpp"

#include "timing/collective_cost.hpp"
#include "timing/coverage.hpp"
#include "timing/error_draw.hpp"
#include "timing/kernel_time.hpp"

#include <fmt/format.h>
#include <optional>
#include <tuple>
#include <utility>

namespace moesaic::timing {

struct Timings::Store {
    TimingStore tables;
    std::optional<Estimator> estimator;
    std::optional<ErrorDraw> errors;
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

void Timings::draw_errors(std::uint64_t seed, std::int64_t draw) { store_->errors.emplace(seed, draw); }

Duration Timings::duration(hardware::Chip const& chip, model::Operation const& op) const {
    auto out = operation_time(*store_->estimator, chip, op).duration;
    if (store_->errors) {
        auto const kind = fmt::format("{} {} {}", chip.id, model::name_of(op.kind), name_of(op.dtype));
        out.time = out.time * store_->errors->factor(kind, std::exchange(out.sigma, 0.0));
    }
    return out;
}

std::vector<KernelEvidence> Timings::evidence(hardware::Chip const& chip, model::Operation const& op) const {
    return evidence_of(*store_->estimator, chip, op);
}

CollectiveCost Timings::collective(hardware::NodeType const& node, CollectiveKind kind, hardware::Tier tier,
                                   Bytes rank_bytes, int ranks, int nodes) const {
    auto out = collective_cost(store_->tables, node, {kind, tier, rank_bytes, ranks, nodes});
    if (store_->errors) {
        auto const name = fmt::format("{} {} {}", name_of(kind), node.id, hardware::name_of(tier));
        auto const factor = store_->errors->factor(name, std::exchange(out.sigma, 0.0));
        out.startup = out.startup * factor;
        out.attainable = out.attainable / factor;
    }
    return out;
}

} // namespace moesaic::timing
