#include "timing/timings.hpp"

#include "timing/collective_cost.hpp"
#include "timing/coverage.hpp"
#include "timing/error_draw.hpp"
#include "timing/kernel_time.hpp"
#include "timing/token_exchange.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <list>
#include <mutex>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace moesaic::timing {

namespace {

/// What has been asked for, so that it is estimated once. Looked up only.
class KnownTimes {
  public:
    Duration of(Estimator const& estimator, hardware::Chip const& chip, model::Operation const& op) {
        std::scoped_lock const lock{asking_};
        auto known = std::ranges::find(chips_, chip, &OfChip::chip); // of its very figures
        if (known == chips_.end()) {
            known = chips_.insert(known, {chip, {}});
        }
        auto const at = known->times.find(op);
        return at != known->times.end()
                   ? at->second
                   : known->times.emplace(op, operation_time(estimator, chip, op).duration).first->second;
    }

  private:
    struct OfChip {
        hardware::Chip chip;
        std::unordered_map<model::Operation, Duration, model::HashOperation> times;
    };
    std::mutex asking_;
    std::list<OfChip> chips_;
};

} // namespace

struct Timings::Store {
    TimingStore tables;
    std::optional<Estimator> estimator;
    std::optional<KnownTimes> known;
    std::optional<ErrorDraw> errors;
    /// Whoever changes the tables forgets what was learnt from them.
    TimingStore& change() {
        known.emplace();
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
    auto out = store_->known->of(*store_->estimator, chip, op);
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
                                   Bytes rank_bytes, int ranks, int nodes,
                                   std::optional<TokenExchange> const& tokens) const {
    CollectiveQuestion const question{kind, tier, rank_bytes, ranks, nodes, tokens};
    auto const measured = tokens ? exchange_cost(*store_->estimator, node, question) : std::nullopt;
    auto out = measured ? *measured : collective_cost(store_->tables, node, question);
    if (store_->errors) {
        auto const name = fmt::format("{} {} {}", name_of(kind), node.id, hardware::name_of(tier));
        auto const factor = store_->errors->factor(name, std::exchange(out.sigma, 0.0));
        out.startup = out.startup * factor;
        out.attainable = out.attainable / factor;
    }
    return out;
}

} // namespace moesaic::timing
