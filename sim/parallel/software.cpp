#include "parallel/software.hpp"

#include "parallel/read_choice.hpp"

namespace moesaic::parallel {

void read_practice(io::TomlTable const& table, Plan& plan) {
    plan.gradient = read_dtype(table, "gradient", plan.gradient);
    if (table.has("parameter_gather")) {
        plan.parameter_gather = read_dtype(table, "parameter_gather", Dtype::bf16);
    }
    plan.overlap_gradients = table.boolean_or("overlap_gradients", plan.overlap_gradients);
    plan.overlap_parameters = table.boolean_or("overlap_parameters", plan.overlap_parameters);
    plan.overlap_shared_experts = table.boolean_or("overlap_shared_experts", plan.overlap_shared_experts);
    plan.sequence_parallel = table.boolean_or("sequence_parallel", plan.sequence_parallel);
    plan.tensor_overlap = one_of<TensorOverlap>(table, "tensor_overlap", plan.tensor_overlap,
                                                {{"none", TensorOverlap::none},
                                                 {"weight_gradients", TensorOverlap::weight_gradients},
                                                 {"products", TensorOverlap::products}});
    plan.context_exchange = one_of<ContextExchange>(
        table, "context_exchange", plan.context_exchange,
        {{"ring", ContextExchange::ring}, {"all_gather", ContextExchange::all_gather}});
    plan.fused_attention = table.boolean_or("fused_attention", plan.fused_attention);
    plan.memory_reserve = table.optional_quantity<Bytes>("memory_reserve").value_or(plan.memory_reserve);
}

Software read_software(io::TomlTable const& table) {
    Software out{
        .id = table.text("id"), .name = table.text("name"), .source = table.text("source"), .defaults = {}};
    read_practice(table, out.defaults);
    table.reject_unknown_keys();
    return out;
}

} // namespace moesaic::parallel
