#include "timing/kernel_time.hpp"

#include <cmath>
#include <fmt/format.h>
#include <tuple>

namespace moesaic::timing {

namespace {

using model::Operation;
using model::OpKind;
using model::Pass;

KernelTime sum(KernelTime const& a, KernelTime const& b) {
    auto const time = a.duration.time + b.duration.time;
    if (time.value() <= 0) {
        return a;
    }
    // timings of one chip and kind err together
    auto const sigma =
        (a.duration.sigma * a.duration.time.value() + b.duration.sigma * b.duration.time.value()) /
        time.value();
    return {{time, weakest(a.duration.evidence, b.duration.evidence), sigma},
            a.source == b.source ? a.source : a.source + "; " + b.source};
}

Operation with_pass(Operation op, Pass pass) {
    op.pass = pass;
    return op;
}

bool is_product(OpKind kind) {
    return kind == OpKind::gemm || kind == OpKind::bmm || kind == OpKind::grouped_gemm;
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

bool has_two_products(Operation const& op) {
    return op.pass == Pass::backward || (op.kind == OpKind::bmm && op.pass == Pass::input_gradient);
}

KernelTime product_time(Estimator const& estimator, hardware::Chip const& chip, Operation const& op) {
    if (has_two_products(op)) {
        return sum(product_time(estimator, chip, gradient_product(with_pass(op, Pass::input_gradient))),
                   product_time(estimator, chip, gradient_product(with_pass(op, Pass::weight_gradient))));
    }
    return kernel_time(estimator, chip, *kernel_of(op.pass == Pass::forward ? op : gradient_product(op)));
}

/// A backward pass that no table has: as many times the forward pass as it has more work.
KernelTime scaled_forward(Estimator const& estimator, hardware::Chip const& chip, Operation const& op) {
    auto const forward = with_pass(op, Pass::forward);
    auto out = operation_time(estimator, chip, forward);
    auto const more = model::flop_of(forward).value() > 0 ? model::flop_of(op) / model::flop_of(forward)
                                                          : model::bytes_of(op) / model::bytes_of(forward);
    out.duration.time *= more;
    out.duration.evidence = weakest(out.duration.evidence, Evidence::transferred);
    out.duration.sigma = std::hypot(out.duration.sigma, estimator.store().expectations().sigma_of_backward);
    out.source = fmt::format("{:.2f} times the forward pass by its work; {}", more, out.source);
    return out;
}

/// The backward pass as tables list it: attention and the like have one kernel for both gradients.
Operation whole_backward(Operation op) {
    if (op.pass == Pass::input_gradient && op.kind != OpKind::moe_ffn) {
        op.pass = Pass::backward;
    }
    return op;
}

/// Work of the pass alone: kinds whose gradients come from one kernel give it all to the input gradient.
bool has_no_work(Operation const& op) {
    return model::flop_of(op).value() <= 0 && model::bytes_of(op).value() <= 0;
}

KernelTime backward_time(Estimator const& estimator, hardware::Chip const& chip, Operation const& op) {
    auto const whole = whole_backward(op);
    if (auto const kernel = whole.pass == Pass::backward ? kernel_of(whole) : std::nullopt) {
        if (auto const known = known_time(estimator, chip, *kernel)) {
            return *known;
        }
    }
    return scaled_forward(estimator, chip, whole);
}

} // namespace

std::vector<Kernel> kernels_of(Operation const& op) {
    if (op.pass != Pass::forward && has_no_work(op)) {
        return {};
    }
    if (is_product(op.kind)) {
        if (has_two_products(op)) {
            return {*kernel_of(gradient_product(with_pass(op, Pass::input_gradient))),
                    *kernel_of(gradient_product(with_pass(op, Pass::weight_gradient)))};
        }
        return {*kernel_of(op.pass == Pass::forward ? op : gradient_product(op))};
    }
    auto const whole = op.pass == Pass::forward ? op : whole_backward(op);
    auto const listed =
        whole.pass == Pass::forward || whole.pass == Pass::backward ? kernel_of(whole) : std::nullopt;
    return {listed ? *listed : *kernel_of(with_pass(op, Pass::forward))};
}

KernelTime operation_time(Estimator const& estimator, hardware::Chip const& chip, Operation const& op) {
    if (op.pass != Pass::forward && has_no_work(op)) {
        return {{Seconds{0}, Evidence::measured, 0}, "nothing to do in this pass"};
    }
    if (is_product(op.kind)) {
        return product_time(estimator, chip, op);
    }
    if (op.pass != Pass::forward) {
        return backward_time(estimator, chip, op);
    }
    auto const kernel = kernel_of(op);
    expects(kernel.has_value(), "every operation has a forward name in the tables");
    return kernel_time(estimator, chip, *kernel);
}

} // namespace moesaic::timing
