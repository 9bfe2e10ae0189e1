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

/// Of the matrix units: what the constants stretch.
bool is_matrix_kernel(model::OpKind kind) { return is_attention(kind) || is_product(kind); }

/// A rank with one expert calls a plain product.
bool is_of_one_expert(model::Operation const& op) {
    return op.kind == model::OpKind::gemm && op.role.starts_with("expert_");
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

double Pricer::passes_of(model::OpKind kind) const {
    for (auto const* passes : {&here_.passes, &setting_.practice.passes}) {
        if (auto const at = passes->find(kind); at != passes->end()) {
            return at->second;
        }
    }
    return 1.0;
}

/// Of the kernel's own format: attention and head are in 16 bits beside products in 8.
double Pricer::constant_of(model::Operation const& op) const {
    if (setting_.calibration == nullptr || !is_matrix_kernel(op.kind)) {
        return 1.0;
    }
    auto const* constant = setting_.calibration->find(*chip_, op.dtype, setting_.practice.stack);
    return constant == nullptr ? 1.0 : constant->factor;
}

/// Chosen, not measured. Attention: rates of Triton's kernel on A100 (25 to 35 and 30 to 50 % of the peak, analysis/accuracy.md) taken as
/// 80 % intervals are 0.13 and 0.20; times of one software's attention at many shapes would tell. Calls: hosts differ by a factor of
/// 2.75 (Grace and x86), taken as two standard deviations.
Pricer::Least Pricer::least_in_run(model::Operation const& op) const {
    constexpr double attention_sigma = 0.15, call_sigma = 0.5;
    if (op.kind == model::OpKind::grouped_gemm || is_of_one_expert(op)) {
        return {here_.product_call * static_cast<double>(op.batch), call_sigma};
    }
    return {least_attention_time(op, *chip_, setting_.practice), attention_sigma};
}

/// Attention takes the longer of the best kernel's time, stretched by the constant, and of the least that its software's own
/// kernels need, which is not stretched. The constant says what power leaves of products that run near the peak and were timed
/// on inputs that draw less of it; the limits were timed on normal inputs, at a half of the peak and less (docs/modelling.md). Grouped
/// products likewise take as long as the host calls them, where each is a call of its own.
Pricer::InRun Pricer::time_in_run(model::Operation const& op) const {
    auto out = timings_->duration(*chip_, op);
    out.time *= passes_of(op.kind);
    if (auto const at = here_.products.find(op.dtype); at != here_.products.end() && is_product(op.kind)) {
        out.time *= at->second;
    }
    out.time *= constant_of(op);
    auto const least = least_in_run(op);
    bool const at_limit = out.time < least.time;
    if (at_limit) {
        out = {least.time, timing::weakest(out.evidence, timing::Evidence::transferred), least.sigma};
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
            .role = at_limit ? op.role + ", as its software runs it" : op.role,
            .pass = op.pass,
            .work = model::flop_of(op),
            .key = fmt::format("{} {} {}", chip_->id, model::name_of(op.kind), name_of(op.dtype)),
            .stretched = is_matrix_kernel(op.kind) && !at_limit,
            .times = 1,
            .operation = std::make_shared<model::Operation const>(op)};
        found = known_.emplace(op, priced).first;
    }
    return found->second;
}

Pricer& Pricers::of(hardware::Chip const& chip) {
    auto found = by_chip_.find(chip.id);
    if (found == by_chip_.end()) {
        found = by_chip_.try_emplace(chip.id, *timings_, chip, KernelSetting{practice_, calibration_}).first;
    }
    return found->second;
}

} // namespace moesaic::parallel
