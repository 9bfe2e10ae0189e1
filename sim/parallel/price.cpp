#include "parallel/price.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>

namespace moesaic::parallel {

namespace {

bool is_attention(model::OpKind kind) {
    return kind == model::OpKind::attention || kind == model::OpKind::mla_attention;
}

bool is_product(model::OpKind kind) {
    constexpr std::array kinds{model::OpKind::gemm, model::OpKind::bmm, model::OpKind::grouped_gemm,
                               model::OpKind::moe_ffn};
    return std::ranges::find(kinds, kind) != kinds.end();
}

/// The least time that this generation of attention kernels needs; none where the software names no limit.
Seconds least_attention_time(model::Operation const& op, hardware::Chip const& chip,
                             Practice const& practice) {
    auto const limit = std::ranges::find(practice.attention, chip.id, &AttentionLimit::chip);
    if (!is_attention(op.kind) || limit == practice.attention.end()) {
        return {};
    }
    auto const share = op.pass == model::Pass::forward ? limit->forward : limit->backward;
    return model::flop_of(op) / (hardware::peak_of(chip, Dtype::bf16) * share);
}

} // namespace

bool is_matrix_kernel(model::OpKind kind) { return is_attention(kind) || is_product(kind); }

double Pricer::passes_of(model::OpKind kind) const {
    for (auto const* passes : {&here_.passes, &setting_.practice.passes}) {
        if (auto const at = passes->find(kind); at != passes->end()) {
            return at->second;
        }
    }
    return 1.0;
}

/// Attention takes the longer of the best kernel's time, stretched by the constant, and of the least that its software's own
/// kernels need, which is not stretched. The constant says what power leaves of products that run near the peak and were timed
/// on inputs that draw less of it; the limits were timed on normal inputs, at a half of the peak and less (docs/modelling.md).
Pricer::InRun Pricer::time_in_run(model::Operation const& op) const {
    auto out = timings_->duration(*chip_, op);
    out.time *= passes_of(op.kind);
    if (auto const at = here_.products.find(op.dtype); at != here_.products.end() && is_product(op.kind)) {
        out.time *= at->second;
    }
    if (setting_.constant != nullptr && is_matrix_kernel(op.kind)) {
        out.time *= setting_.constant->factor;
    }
    auto const least = least_attention_time(op, *chip_, setting_.practice);
    bool const at_limit = out.time < least;
    if (at_limit) {
        out = {least, timing::weakest(out.evidence, timing::Evidence::transferred), 0.15};
    }
    return {out, at_limit};
}

/// A model asks for the same operation in every layer and micro-batch.
Compute Pricer::price(model::Operation const& op) {
    auto found = known_.find(op);
    if (found == known_.end()) {
        auto const [duration, at_limit] = time_in_run(op);
        Compute const priced{
            .duration = duration,
            .kind = op.kind,
            .role = at_limit ? fmt::format("{}, {}", op.role, limit_role) : op.role,
            .pass = op.pass,
            .work = model::flop_of(op),
            .key = fmt::format("{} {} {}", chip_->id, model::name_of(op.kind), name_of(op.dtype)),
            .times = 1,
            .operation = std::make_shared<model::Operation const>(op)};
        found = known_.emplace(op, priced).first;
    }
    return found->second;
}

Pricer& Pricers::of(hardware::Chip const& chip, Dtype products) {
    auto found = by_chip_.find({chip.id, products});
    if (found == by_chip_.end()) {
        auto const* constant =
            calibration_ == nullptr ? nullptr : calibration_->find(chip.id, products, practice_.stack);
        found = by_chip_.try_emplace({chip.id, products}, *timings_, chip, KernelSetting{practice_, constant})
                    .first;
    }
    return found->second;
}

} // namespace moesaic::parallel
