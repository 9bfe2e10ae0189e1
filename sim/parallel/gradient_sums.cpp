#include "parallel/gradient_sums.hpp"

#include "parallel/addition.hpp"

namespace moesaic::parallel {

GradientSums::GradientSums(StageSetting const& s, BlockBuilder& to, bool last_of_step, BackwardPart part)
    : s_{s}, to_{to}, traffic_{s, to}, behind_{s.plan.overlap_gradients},
      made_{part != BackwardPart::inputs} {
    bool const every_micro_batch = s.plan.zero >= 2;
    here_ = made_ && (every_micro_batch || (last_of_step && behind_));
    adds_up_ = made_ && s.kind.micro_batches.value_or(1) > 1 &&
               !(every_micro_batch && s.plan.practice.fused_gradient_sum);
}

void GradientSums::add(LayerWeights const& weights) const {
    double const parameters = weights.total();
    if (parameters <= 0) {
        return;
    }
    if (made_) {
        to_.move(s_.plan.practice.gradient_copies * parameters, "gradient_copies");
    }
    if (adds_up_) {
        to_.compute(std::vector{sum_operation(weights)});
    }
    if (here_) {
        behind_ ? traffic_.sum_behind(weights) : traffic_.sum(weights);
    }
}

/// The micro-batch's gradients are read and added to those of the ones before: all traffic of an addition where that is
/// a kernel of its own; inside the products, where these read the sum and write it in place of a 16-bit gradient.
double GradientSums::traffic_share() const {
    constexpr double written_anyway = 2.0;
    double const element = bytes_per_element(s_.plan.gradient);
    return s_.plan.practice.fused_gradient_sum ? (2.0 * element - written_anyway) / (3.0 * element) : 1.0;
}

model::Operation GradientSums::sum_operation(LayerWeights const& weights) const {
    return addition_of(weights.total() * traffic_share(), s_.plan.gradient, "gradient_sum");
}

} // namespace moesaic::parallel
