#include "timing/kernel_time.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::timing {

namespace {

using model::Operation;
using model::OpKind;
using model::Pass;

Duration sum(Duration const& a, Duration const& b) {
    auto const time = a.time + b.time;
    if (time.value() <= 0) {
        return a;
    }
    // timings of one chip and kind err together
    auto const sigma = (a.sigma * a.time.value() + b.sigma * b.time.value()) / time.value();
    return {time, weakest(a.evidence, b.evidence), sigma};
}

/// The gradient of a product is a product: dA[m,k] = dC[m,n] B'[n,k], dB[k,n] = A'[k,m] dC[m,n].
Operation gradient_product(Operation op) {
    auto const [m, n, k] = std::tuple{op.m, op.n, op.k};
    if (op.pass == Pass::input_gradient) {
        std::tie(op.m, op.n, op.k) = std::tuple{m, k, n};
    } else {
        std::tie(op.m, op.n, op.k) = std::tuple{k, n, m};
    }
    op.pass = Pass::forward;
    return op;
}

Operation with_pass(Operation op, Pass pass) {
    op.pass = pass;
    return op;
}

Duration product_time(TimingStore const& store, hardware::Chip const& chip, Operation const& op) {
    if (op.pass == Pass::backward || (op.kind == OpKind::bmm && op.pass == Pass::input_gradient)) {
        auto const input = gradient_product(with_pass(op, Pass::input_gradient));
        auto const weight = gradient_product(with_pass(op, Pass::weight_gradient));
        return sum(product_time(store, chip, input), product_time(store, chip, weight));
    }
    auto const product = op.pass == Pass::forward ? op : gradient_product(op);
    return kernel_time(store, chip, *kernel_of(product)).duration;
}

/// A backward pass that no table has: as many times the forward pass as it has more work.
Duration scaled_forward(TimingStore const& store, hardware::Chip const& chip, Operation const& op) {
    auto const forward = with_pass(op, Pass::forward);
    auto out = operation_time(store, chip, forward);
    auto const more = model::flop_of(forward).value() > 0 ? model::flop_of(op) / model::flop_of(forward)
                                                          : model::bytes_of(op) / model::bytes_of(forward);
    out.time *= more;
    out.evidence = weakest(out.evidence, Evidence::transferred);
    out.sigma = std::hypot(out.sigma, 0.15);
    return out;
}

} // namespace

Duration operation_time(TimingStore const& store, hardware::Chip const& chip, Operation const& op) {
    if (op.kind == OpKind::gemm || op.kind == OpKind::bmm || op.kind == OpKind::grouped_gemm) {
        return product_time(store, chip, op);
    }
    if (op.pass != Pass::forward && model::bytes_of(op).value() <= 0) {
        return {Seconds{0}, Evidence::measured, 0}; // nothing to do in this pass
    }
    auto asked = op;
    if (op.pass == Pass::input_gradient && op.kind != OpKind::moe_ffn) {
        asked.pass = Pass::backward; // one kernel makes all gradients
    }
    if (auto const kernel = kernel_of(asked)) {
        auto const own = own_time(store, chip, *kernel);
        if (own) {
            return own->duration;
        }
        auto const borrowed = borrowed_time(store, chip, *kernel);
        if (borrowed && (asked.pass == Pass::forward ||
                         !own_time(store, chip, *kernel_of(with_pass(op, Pass::forward))))) {
            return borrowed->duration;
        }
    }
    if (asked.pass != Pass::forward) {
        return scaled_forward(store, chip, asked);
    }
    auto const kernel = kernel_of(asked);
    expects(kernel.has_value(), "every forward operation has a name in the tables");
    return analytic_time(chip, *kernel).duration;
}

} // namespace moesaic::timing
