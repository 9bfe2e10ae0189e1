#include "parallel/plan.hpp"

#include <algorithm>

namespace moesaic::parallel {

Choices<LayerSplit> const& layer_split_choices() {
    static Choices<LayerSplit> const choices{
        {"even", LayerSplit::even}, {"balanced", LayerSplit::balanced}, {"with_ends", LayerSplit::with_ends}};
    return choices;
}

Choices<ContextExchange> const& context_exchange_choices() {
    static Choices<ContextExchange> const choices{{"ring", ContextExchange::ring},
                                                  {"all_gather", ContextExchange::all_gather},
                                                  {"all_to_all", ContextExchange::all_to_all}};
    return choices;
}

Choices<LossMemory> const& loss_memory_choices() {
    static Choices<LossMemory> const choices{
        {"softmax", LossMemory::softmax}, {"logits", LossMemory::logits}, {"in_place", LossMemory::in_place}};
    return choices;
}

Choices<TensorOverlap> const& tensor_overlap_choices() {
    static Choices<TensorOverlap> const choices{{"none", TensorOverlap::none},
                                                {"weight_gradients", TensorOverlap::weight_gradients},
                                                {"products", TensorOverlap::products}};
    return choices;
}

Choices<ExpertExchange> const& expert_exchange_choices() {
    static Choices<ExpertExchange> const choices{{"per_expert", ExpertExchange::per_expert},
                                                 {"once_per_node", ExpertExchange::once_per_node}};
    return choices;
}

Choices<int> const& zero_choices() {
    static Choices<int> const choices{{"none", 0}, {"optimizer", 1}, {"gradients", 2}, {"parameters", 3}};
    return choices;
}

bool messages_block(Plan const& plan) {
    return std::ranges::any_of(plan.blocking_messages, [&](Schedule const& schedule) {
        return schedule.index() == plan.schedule.index();
    });
}

bool gathers_messages(Plan const& plan, int tensor) {
    return tensor > 1 && !plan.sequence_parallel && !plan.whole_messages;
}

} // namespace moesaic::parallel
