#include "parallel/layer_blocks.hpp"

#include "parallel/gradient_sums.hpp"
#include "parallel/layer_pass.hpp"
#include "parallel/parameter_traffic.hpp"
#include "parallel/traffic.hpp"

namespace moesaic::parallel {

namespace {

using Arrival = ParameterTraffic::Arrival;
using Meets = ParameterTraffic::Meets;

/// When parameters come that are shared out. Where they are gathered once per step (optimizer state or gradients shared
/// out) all set off at the start of the first forward; where parameters themselves are shared out each layer's set off
/// one layer ahead, in every pass, and those of the ends stay from the forward to the backward (FSDP). Where workers meet
/// layer by layer (EDiT), they do so right before.
class Arrivals {
  public:
    enum class When { never, once, layer_by_layer };

    Arrivals(StageSetting const& s, ChunkContent const& content, BlockBuilder& to, When when,
             Meets meets = Meets::no)
        : s_{s}, content_{content}, to_{to}, traffic_{s, to}, when_{when}, meets_{meets},
          layers_(static_cast<std::size_t>(content.layers.count())) {}

    /// At the start of a forward, in the order of use.
    void start_forward() {
        if (when_ == When::never) {
            return;
        }
        auto const ends =
            when_ == When::once ? trained_weights_of_ends(s_, content_) : weights_of_ends(s_, content_);
        bool const has_ends = content_.embedding || content_.head;
        if (content_.embedding || (has_ends && when_ == When::layer_by_layer)) {
            ends_ = traffic_.gather_from_start(ends, meets_);
        }
        for (int i = 0; i < (when_ == When::once ? content_.layers.count() : 1); ++i) {
            start(i, true);
        }
        if (has_ends && !content_.embedding && when_ == When::once) {
            ends_ = traffic_.gather_from_start(ends, meets_);
        }
    }
    void start_backward() {
        if (when_ == When::layer_by_layer) {
            start(content_.layers.count() - 1, true);
        }
    }
    /// At the first of the ends; what has come for it is there for the other one too.
    void reach_ends() {
        take(weights_of_ends(s_, content_), ends_);
        ends_ = {};
    }
    /// The chain waits for layer `i` of the chunk; `next` sets off.
    void reach(int i, int next) {
        if (when_ == When::never) {
            return;
        }
        if (when_ == When::layer_by_layer) {
            start(next, false);
        }
        take(weights_of_layer(s_, content_.layers.begin + i), layers_[static_cast<std::size_t>(i)]);
        if (meets_ == Meets::yes) {
            traffic_.update_outer(trained_weights_of_layer(s_, content_.layers.begin + i));
        }
    }

  private:
    void take(LayerWeights const& weights, Arrival const& arrival) {
        traffic_.wait_for(arrival);
        if (when_ == When::layer_by_layer) {
            double const come =
                (arrival.dense ? weights.dense : 0.0) + (arrival.expert ? weights.expert : 0.0);
            to_.move(s_.plan.practice.parameter_copies * come, "parameter_copies");
        }
    }
    void start(int i, bool from_start) {
        if (i < 0 || i >= content_.layers.count()) {
            return;
        }
        int const layer = content_.layers.begin + i;
        auto const weights =
            when_ == When::once ? trained_weights_of_layer(s_, layer) : weights_of_layer(s_, layer);
        layers_[static_cast<std::size_t>(i)] = from_start ? traffic_.gather_from_start(weights, meets_)
                                                          : traffic_.gather_beside(weights, meets_);
    }

    StageSetting const& s_;
    ChunkContent const& content_;
    BlockBuilder& to_;
    ParameterTraffic traffic_;
    When when_;
    Meets meets_;
    Arrival ends_;
    std::vector<Arrival> layers_;
};

/// Layer by layer, in the first forward of the step.
bool meets_here(Plan const& plan, bool first_of_step) {
    return first_of_step && plan.local_sgd && plan.local_sgd->meets &&
           plan.local_sgd->method == OuterSum::edit;
}

Arrivals::When when_gathered(Plan const& plan, bool first_of_step) {
    if (plan.zero == 3) {
        return Arrivals::When::layer_by_layer;
    }
    bool const here =
        (first_of_step && plan.zero > 0 && plan.overlap_parameters) || meets_here(plan, first_of_step);
    return here ? Arrivals::When::once : Arrivals::When::never;
}

} // namespace

Block forward_block(StageSetting const& s, ChunkContent const& content, Pricer& pricer, bool first_of_step) {
    BlockBuilder to{pricer};
    Arrivals arrivals{s, content, to, when_gathered(s.plan, first_of_step),
                      meets_here(s.plan, first_of_step) ? Meets::yes : Meets::no};
    arrivals.start_forward();
    if (content.embedding) {
        arrivals.reach_ends();
        to.compute(model::embedding_operations(s.model, s.shape));
    } else {
        Traffic{s, to}.gather_message();
    }
    for (int i = 0; i < content.layers.count(); ++i) {
        arrivals.reach(i, i + 1);
        forward_layer(s, content.layers.begin + i, to);
    }
    if (content.head) {
        arrivals.reach_ends();
        forward_head(s, to);
    }
    return {first_of_step ? "forward, first" : "forward", Phase::forward, to.take()};
}

Block backward_block(StageSetting const& s, ChunkContent const& content, Pricer& pricer, bool last_of_step,
                     BackwardPart part) {
    BlockBuilder to{pricer};
    bool const gathers = s.plan.zero == 3 && part != BackwardPart::weights;
    Arrivals arrivals{s, content, to, gathers ? Arrivals::When::layer_by_layer : Arrivals::When::never};
    GradientSums const sums{s, to, last_of_step, part};
    arrivals.start_backward();
    if (content.head) {
        backward_head(s, to, part);
    } else if (part != BackwardPart::weights) {
        Traffic{s, to, part}.gather_message();
    }
    for (int i = content.layers.count() - 1; i >= 0; --i) {
        arrivals.reach(i, i - 1);
        auto const layer = content.layers.begin + i;
        backward_layer(s, layer, to, part);
        sums.add(trained_weights_of_layer(s, layer));
    }
    if (content.embedding) {
        Traffic{s, to, part}.backward(model::embedding_operations(s.model, s.shape));
    }
    if (content.embedding || content.head) {
        sums.add(trained_weights_of_ends(s, content));
    }
    auto const phase = part == BackwardPart::both     ? Phase::backward
                       : part == BackwardPart::inputs ? Phase::input_gradient
                                                      : Phase::weight_gradient;
    auto const name = std::string{name_of(phase)};
    return {last_of_step ? name + ", last" : name, phase, to.take()};
}

} // namespace moesaic::parallel
