#pragma once
#include "parallel/price.hpp"
#include "parallel/stage_messages.hpp"

namespace moesaic::parallel {

/// What a class of a stage whose experts lie apart is built with. References outlive the call.
struct ApartContext {
    Job const& job;
    std::vector<Stage> const& stages;
    StageSetting const& setting;
    Pricer& pricer;
    Messages& messages;
    TokenMessages& tokens;
};

/// The blocks and the order of work of a class: attention ranks, or ranks with experts alone. The schedule's turns are
/// `batches_in_turn` micro-batches each, which pass layer by layer: attention of all of them, experts of all of them,
/// while the other side works on the others (HeterMoE, arXiv 2504.03871, theorem 1). On the stage with the head each
/// micro-batch's backward begins right after its forward.
/// @param at of the stages
void schedule_apart(ApartContext const& context, std::size_t at, Block step_end, RankClass& out);

} // namespace moesaic::parallel
