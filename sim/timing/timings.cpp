#include "timing/timings.hpp"

#include "timing/collective_cost.hpp"
#include "timing/coverage.hpp"
#include "timing/error_draw.hpp"
#include "timing/kernel_time.hpp"
#include "timing/token_exchange.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace moesaic::timing {

namespace {

/// What answers have gone through, of all threads. Groups have numbers: answers share most of theirs.
class Notes {
  public:
    using Numbers = std::vector<std::size_t>;

    void begin() {
        std::scoped_lock const lock{noting_};
        noted_.clear();
        asked_.clear();
        ++since_;
    }
    [[nodiscard]] Numbers numbers_of(Consulted const& consulted) {
        std::scoped_lock const lock{noting_};
        Numbers out;
        for (auto const& group : consulted) {
            auto const [at, fresh] = numbers_.try_emplace(group, groups_.size());
            if (fresh) {
                groups_.push_back(&at->first);
            }
            out.push_back(at->second);
        }
        return out;
    }
    void add(Numbers const& numbers) {
        std::scoped_lock const lock{noting_};
        noted_.resize(groups_.size());
        for (auto const number : numbers) {
            noted_[number] = true;
        }
    }
    /// Whether the question comes up for the first time since noting began.
    [[nodiscard]] bool is_new(std::string question) {
        std::scoped_lock const lock{noting_};
        return asked_.insert(std::move(question)).second;
    }
    [[nodiscard]] Consulted all() const {
        std::scoped_lock const lock{noting_};
        Consulted out;
        for (std::size_t i = 0; i < noted_.size(); ++i) {
            if (noted_[i]) {
                out.insert(*groups_[i]);
            }
        }
        return out;
    }
    /// How often noting has begun; 0 = nobody wants to know.
    [[nodiscard]] int since() const { return since_; }

  private:
    mutable std::mutex noting_;
    std::map<RowGroup, std::size_t> numbers_;
    std::vector<RowGroup const*> groups_; ///< by number
    std::vector<bool> noted_;             ///< by number
    std::unordered_set<std::string> asked_;
    int since_ = 0;
};

/// What has been asked for, so that it is estimated once. Looked up only.
class KnownTimes {
  public:
    Duration of(Estimator const& estimator, hardware::Chip const& chip, model::Operation const& op,
                Notes& notes) {
        std::scoped_lock const lock{asking_};
        auto known = std::ranges::find(chips_, chip, &OfChip::chip); // of its very figures
        if (known == chips_.end()) {
            known = chips_.insert(known, {chip, {}});
        }
        auto at = known->times.find(op);
        if (at == known->times.end()) {
            Consulted consulted;
            auto const duration = operation_time(estimator.noting_in(consulted), chip, op).duration;
            at = known->times.emplace(op, Answer{duration, notes.numbers_of(consulted), 0}).first;
        }
        if (std::exchange(at->second.noted, notes.since()) != notes.since()) {
            notes.add(at->second.consulted);
        }
        return at->second.duration;
    }

  private:
    struct Answer {
        Duration duration;
        Notes::Numbers consulted;
        int noted = 0; ///< Notes::since() when it was noted last
    };
    struct OfChip {
        hardware::Chip chip;
        std::unordered_map<model::Operation, Answer, model::HashOperation> times;
    };
    std::mutex asking_;
    std::list<OfChip> chips_;
};

} // namespace

struct Timings::Store {
    TimingStore tables;
    std::optional<Estimator> estimator;
    std::optional<KnownTimes> known;
    Notes notes;
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

void Timings::set_expectations(Expectations const& expectations) {
    store_->change().set_expectations(expectations);
}

void Timings::read_catalogue(std::string const& platforms) { store_->change().read_catalogue(platforms); }

void Timings::draw_errors(std::uint64_t seed, std::int64_t draw) { store_->errors.emplace(seed, draw); }

Duration Timings::duration(hardware::Chip const& chip, model::Operation const& op) const {
    auto out = store_->known->of(*store_->estimator, chip, op, store_->notes);
    if (store_->errors) {
        auto const kind = fmt::format("{} {} {}", chip.id, model::name_of(op.kind), name_of(op.dtype));
        out.time = out.time * store_->errors->factor(kind, std::exchange(out.sigma, 0.0));
    }
    return out;
}

std::vector<KernelEvidence> Timings::evidence(hardware::Chip const& chip, model::Operation const& op) const {
    Consulted consulted;
    auto out = evidence_of(store_->estimator->noting_in(consulted), chip, op);
    store_->notes.add(store_->notes.numbers_of(consulted));
    return out;
}

void Timings::note_consulted() { store_->notes.begin(); }

Consulted Timings::consulted() const { return store_->notes.all(); }

std::string Timings::content_of(RowGroup const& group) const { return store_->tables.content_of(group); }

namespace {

/// All that the cost of a collective depends on besides the tables.
std::string question_text(hardware::NodeType const& node, CollectiveQuestion const& q) {
    auto out = fmt::format(
        "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", node.id, node.chip.id, node.chips, node.nics,
        static_cast<int>(node.scale_up.kind), node.scale_up.bandwidth.value.value(),
        node.nic_bandwidth.value.value(), node.scale_up.latency.value.value(), node.nic_latency.value.value(),
        name_of(q.kind), static_cast<int>(q.tier), q.rank_bytes.value(), q.ranks, q.nodes, node.chip.vendor);
    for (auto const& link : {node.chip.scale_up_bandwidth, node.chip.nic_bandwidth}) {
        out += link ? fmt::format(" {}", link->value.value()) : " ?";
    }
    if (auto const& t = q.tokens) {
        out += fmt::format(" {} {} {} {} {} {} {} {}", t->sums, static_cast<int>(t->format), t->tokens,
                           t->hidden, t->topk, t->experts, t->sms, t->library);
    }
    return out;
}

} // namespace

// NOLINTNEXTLINE(readability-function-size): as many arguments as a question has parts
CollectiveCost Timings::collective(hardware::NodeType const& node, CollectiveKind kind, hardware::Tier tier,
                                   Bytes rank_bytes, int ranks, int nodes,
                                   std::optional<TokenExchange> const& tokens) const {
    CollectiveQuestion const question{kind, tier, rank_bytes, ranks, nodes, tokens};
    auto& notes = store_->notes;
    bool const noting = notes.since() > 0 && notes.is_new(question_text(node, question));
    Consulted consulted;
    auto const estimator = noting ? store_->estimator->noting_in(consulted) : *store_->estimator;
    auto const measured = tokens ? exchange_cost(estimator, node, question) : std::nullopt;
    auto out = measured ? *measured : collective_cost(estimator.store(), node, question);
    if (noting) {
        notes.add(notes.numbers_of(consulted));
    }
    if (store_->errors) {
        auto const name = fmt::format("{} {} {}", name_of(kind), node.id, hardware::name_of(tier));
        auto const factor = store_->errors->factor(name, std::exchange(out.sigma, 0.0));
        out.startup = out.startup * factor;
        out.attainable = out.attainable / factor;
    }
    return out;
}

} // namespace moesaic::timing
