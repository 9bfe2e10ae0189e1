#include "timing/token_exchange.hpp"

#include "model/token_spread.hpp"
#include "timing/fitness.hpp"

#include <algorithm>
#include <cmath>

namespace moesaic::timing {

namespace {

/// As the tables have it: rows of one node stand for what is passed on inside it.
Kernel kernel_of(CollectiveQuestion const& q, bool sums) {
    auto const& t = *q.tokens;
    Kernel out{.op = *find_table_op(sums ? "ep_combine" : "ep_dispatch"),
               .dtype = bytes_per_element(t.format) > 1 ? "bf16" : "fp8",
               .m = t.tokens,
               .n = t.hidden,
               .k = t.topk,
               .batch = q.ranks,
               .options = {}};
    out.options.experts = t.experts;
    out.options.nodes = is_inside_node(q) ? 1 : q.nodes;
    out.options.sms = t.sms;
    out.options.library = t.library;
    return out;
}

/// Bytes that a rank of such a run sends over the tier, experts chosen evenly.
Bytes sent_by(Kernel const& kernel, CollectiveQuestion const& q) {
    model::TokenSpread const spread{.experts = kernel.options.experts, .topk = q.tokens->topk};
    auto const parts = static_cast<double>(is_inside_node(q) ? q.ranks : q.nodes);
    auto const reached =
        is_inside_node(q) ? model::distinct_holders(spread, parts) : model::nodes_per_token(spread, parts);
    auto const copy = static_cast<double>(kernel.n) * (kernel.dtype == "fp8" ? 1.0 : 2.0);
    return Bytes{static_cast<double>(kernel.m) * copy * reached * (parts - 1) / parts};
}

/// Whether the chip has rows of such kernels on one node, or on several, as asked.
bool has_rows(StoreView const& store, hardware::Chip const& chip, Kernel const& want) {
    return std::ranges::any_of(store.of_op(want.op, chip), [&](int index) {
        auto const& stored = store.stored(index);
        return stand_in_sigma(want.dtype, stored.dtype) && misfit(stored, want) &&
               std::ranges::any_of(stored.samples, [&](Sample const& sample) {
                   return (sample.options->nodes > 1) == (want.options.nodes > 1);
               });
    });
}

struct Measured {
    CollectiveCost cost;
    bool stands_in = false; ///< the kernel of the other way
};

std::optional<Measured> ask_chip(Estimator const& estimator, hardware::Chip const& chip,
                                 CollectiveQuestion const& q) {
    auto const& figures = estimator.store().expectations().exchange;
    for (bool const sums : {q.tokens->sums, !q.tokens->sums}) {
        auto kernel = kernel_of(q, sums);
        auto const said =
            has_rows(estimator.store(), chip, kernel) ? own_time(estimator, chip, kernel) : std::nullopt;
        if (!said) {
            continue;
        }
        auto const sent = sent_by(kernel, q);
        kernel.m = 1;
        auto const one = own_time(estimator, chip, kernel);
        bool const shown = one && one->duration.evidence != Evidence::transferred; // else of too unlike a run
        auto const startup = std::min(shown ? one->duration.time : figures.startup, said->duration.time / 2);
        bool const stands_in = sums != q.tokens->sums;
        return Measured{{startup, sent / (said->duration.time - startup), said->duration.evidence,
                         std::hypot(said->duration.sigma, stands_in ? figures.sigma_of_other_way : 0)},
                        stands_in};
    }
    return std::nullopt;
}

/// Such kernels are bounded by the link or by the part of the chip that runs them: a faster link alone helps nothing,
/// a slower one costs its share.
std::optional<CollectiveCost> borrow(Estimator const& estimator, hardware::NodeType const& node,
                                     CollectiveQuestion const& q) {
    auto const& figures = estimator.store().expectations().exchange;
    auto const mine = link_of(node.chip, is_inside_node(q));
    std::optional<CollectiveCost> best;
    double least = 0;
    for (auto const& donor : estimator.store().reference_chips()) {
        auto const theirs = link_of(donor, is_inside_node(q));
        if (!mine || !theirs || mine->value() <= 0 || donor.id == node.chip.id ||
            donor.vendor != node.chip.vendor) {
            continue;
        }
        auto const said = ask_chip(estimator, donor, q);
        if (!said) {
            continue;
        }
        auto const ratio = *mine / *theirs;
        auto const gap = std::abs(std::log2(ratio)) + (said->stands_in ? 1 : 0);
        if (!best || gap < least) {
            least = gap;
            best = said->cost;
            best->attainable *= std::min(1.0, ratio);
            best->evidence = Evidence::transferred;
            best->sigma =
                std::hypot(best->sigma, figures.sigma_of_other_chip + figures.per_doubling_of_link * gap);
        }
    }
    return best;
}

} // namespace

std::optional<CollectiveCost> exchange_cost(Estimator const& estimator, hardware::NodeType const& node,
                                            CollectiveQuestion const& question) {
    expects(question.tokens.has_value(), "an exchange of tokens says which");
    if (question.rank_bytes.value() <= 0 || question.ranks < 2 || question.tokens->tokens < 1) {
        return std::nullopt;
    }
    auto const own = ask_chip(estimator, node.chip, question);
    return own ? std::optional{own->cost} : borrow(estimator, node, question);
}

} // namespace moesaic::timing
