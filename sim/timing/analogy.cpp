#include "timing/kernel_time.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::timing {

namespace {

using model::OpKind;
using model::Pass;

std::optional<Kernel> renamed(Kernel kernel, OpKind kind, Pass pass) {
    auto const op = table_op_of(kind, pass);
    if (!op) {
        return std::nullopt;
    }
    kernel.op = *op;
    return kernel;
}

/// A dense product of as many rows.
std::optional<Kernel> dense_product(Kernel const& kernel, double rows) {
    auto out = renamed(kernel, OpKind::gemm, Pass::forward);
    out->m = std::max<std::int64_t>(1, std::llround(rows));
    out->batch = 1;
    out->options = {};
    return out;
}

/// Attention with the head size of its values.
Kernel plain_attention(Kernel kernel) {
    kernel.k = kernel.options.v_dim > 0 ? kernel.options.v_dim : kernel.k;
    kernel.options.v_dim = 0;
    return kernel;
}

/// Kernels of the same nature, most alike first.
std::vector<Kernel> analogues_of(Kernel const& kernel) {
    auto const& op = table_op(kernel.op);
    if (!op.kind) {
        return {};
    }
    std::vector<std::optional<Kernel>> out;
    auto const rows = static_cast<double>(kernel.m) * static_cast<double>(kernel.batch);
    switch (*op.kind) {
    case OpKind::grouped_gemm:
    case OpKind::bmm:
        out.push_back(dense_product(kernel, rows));
        break;
    case OpKind::moe_ffn:
        out.push_back(
            dense_product(kernel, rows * kernel.options.topk / std::max(kernel.options.experts, 1)));
        break;
    case OpKind::attention:
        if (op.pass == Pass::backward) {
            out.push_back(renamed(kernel, OpKind::attention, Pass::forward));
        }
        break;
    case OpKind::mla_attention:
        if (op.pass == Pass::backward) {
            out.push_back(renamed(kernel, OpKind::mla_attention, Pass::forward));
            out.push_back(renamed(plain_attention(kernel), OpKind::attention, Pass::backward));
        }
        out.push_back(renamed(plain_attention(kernel), OpKind::attention, Pass::forward));
        break;
    case OpKind::kda:
        if (op.pass == Pass::backward) {
            out.push_back(renamed(kernel, OpKind::kda, Pass::forward));
        }
        out.push_back(renamed(kernel, OpKind::delta_rule, op.pass));
        break;
    case OpKind::linear_attention:
    case OpKind::delta_rule:
    case OpKind::short_convolution:
    case OpKind::rmsnorm:
    case OpKind::layernorm:
        if (op.pass == Pass::backward) {
            out.push_back(renamed(kernel, *op.kind, Pass::forward));
        }
        break;
    default:
        break;
    }
    std::vector<Kernel> known;
    for (auto& kernel_or_none : out) {
        if (kernel_or_none) {
            known.push_back(std::move(*kernel_or_none));
        }
    }
    return known;
}

double log_ratio(KernelTime const& time, hardware::Chip const& chip, Kernel const& kernel) {
    auto const launch = Seconds{smoothness_of(table_op(kernel.op).family).launch};
    return std::log(time.duration.time /
                    (roofline_time(roofline_of(chip, kernel), work_of(kernel)) + launch));
}

/// Doubt of a ratio whose shapes lie beyond what was measured.
constexpr double far_sigma = 0.2;

double doubt_of(KernelTime const& time) {
    bool const far = time.duration.evidence == Evidence::transferred;
    return std::hypot(time.duration.sigma, far ? far_sigma : 0);
}

/// What the operation takes more than the analogue on another chip.
std::optional<Borrowed> ask_donor(Estimator const& estimator, hardware::Chip const& donor, double strange,
                                  Kernel const& kernel, Kernel const& analogue) {
    auto const there = own_time(estimator, donor, kernel);
    auto const like_there = there ? own_time(estimator, donor, analogue) : std::nullopt;
    if (!like_there) {
        return std::nullopt;
    }
    return Borrowed{donor.id, log_ratio(*there, donor, kernel) - log_ratio(*like_there, donor, analogue),
                    std::hypot(doubt_of(*there), doubt_of(*like_there) / 2, strange)};
}

std::vector<Borrowed> ask_donors(Estimator const& estimator, hardware::Chip const& chip, Kernel const& kernel,
                                 Kernel const& analogue) {
    auto const& doubt = estimator.store().expectations().transfer;
    std::vector<std::pair<hardware::Chip const*, double>> chips;
    for (auto const& donor : estimator.store().reference_chips()) {
        if (donor.id != chip.id && find_roofline(donor, kernel) && find_roofline(donor, analogue)) {
            chips.emplace_back(&donor, strangeness(doubt, chip, donor, kernel));
        }
    }
    return ask_nearest(chips, [&](hardware::Chip const& donor, double strange) {
        return ask_donor(estimator, donor, strange, kernel, analogue);
    });
}

} // namespace

std::optional<KernelTime> time_by_analogy(Estimator const& estimator, hardware::Chip const& chip,
                                          Kernel const& kernel) {
    for (auto const& analogue : analogues_of(kernel)) {
        auto const here = own_time(estimator, chip, analogue);
        if (!here) {
            continue;
        }
        auto said = ask_donors(estimator, chip, kernel, analogue);
        if (said.empty()) {
            continue;
        }
        auto const excess = nearest_mean(std::move(said));
        auto const roofline = roofline_of(chip, kernel);
        auto const launch = Seconds{smoothness_of(table_op(kernel.op).family).launch};
        auto const flop_time =
            roofline.flop_per_second > 0 ? work_of(kernel).flop.value() / roofline.flop_per_second : 0.0;
        auto const time = (roofline_time(roofline, work_of(kernel)) + launch) *
                          std::exp(log_ratio(*here, chip, analogue) + excess.log_ratio);
        return KernelTime{{std::max(time, Seconds{flop_time}), Evidence::transferred,
                           std::hypot(doubt_of(*here), excess.sigma)},
                          fmt::format("{} here, times {} over {} on {}", here->source,
                                      table_op(kernel.op).name, table_op(analogue.op).name, excess.source)};
    }
    return std::nullopt;
}

} // namespace moesaic::timing
