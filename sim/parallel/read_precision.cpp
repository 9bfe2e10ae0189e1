#include "parallel/read_precision.hpp"

#include "parallel/read_choice.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::parallel {

namespace {

Choices<model::ProductPart> const& part_choices() {
    using enum model::ProductPart;
    static Choices<model::ProductPart> const all{
        {"attention", attention},   {"linear_in", linear_in},
        {"linear_out", linear_out}, {"ffn", ffn},
        {"experts", experts},       {"shared_experts", shared_experts},
        {"latent", latent},         {"mtp", mtp}};
    return all;
}

void check_wider_format(Dtype format, Origin const& at, std::vector<model::Precision> const& used) {
    double const bytes = bytes_per_element(format);
    for (auto const& p : used) {
        if (bytes > bytes_per_element(p.activations)) {
            throw InputError{at, fmt::format("{} is wider than the activations' {}", name_of(format),
                                             name_of(p.activations))};
        }
    }
    bool const is_of_use = std::ranges::any_of(
        used, [&](auto const& p) { return format == p.gemm || bytes > bytes_per_element(p.gemm); });
    if (!is_of_use) {
        throw InputError{at,
                         fmt::format("{} is no wider than the other products' {}", name_of(format),
                                     name_of(used.front().gemm)),
                         "Give the narrowest format as `precision`"};
    }
}

} // namespace

model::Precision read_precision(io::TomlTable const& table, model::Precision const& otherwise) {
    model::Precision precision = otherwise;
    precision.activations = read_dtype(table, "activations", otherwise.activations);
    if (bytes_per_element(precision.activations) < 2.0) {
        throw InputError{table.origin("activations"),
                         fmt::format("{} is no format of what is neither a product nor kept narrow",
                                     name_of(precision.activations)),
                         "Give bf16, fp16 or fp32, and narrower ones as `precision`, `kept_inputs` or "
                         "`dispatch_precision`"};
    }
    precision.gemm = read_dtype(table, "precision", otherwise.gemm);
    precision.dispatch = read_dtype(table, "dispatch_precision", otherwise.dispatch);
    if (table.has("attention_precision")) {
        precision.attention = read_dtype(table, "attention_precision", Dtype::bf16);
    }
    return precision;
}

model::Precision read_wider(io::TomlTable const& table, model::Precision precision,
                            model::Model const& model) {
    for (auto const& [key, part] : part_choices()) {
        if (table.has(key)) {
            precision.wider[static_cast<std::size_t>(part)] = read_dtype(table, key, precision.gemm);
        }
    }
    precision.first_wide = table.count_or("first_layers", 0, 0);
    precision.last_wide = table.count_or("last_layers", 0, 0);
    for (auto const& [key, layers] :
         {std::pair{"first_layers", precision.first_wide}, std::pair{"last_layers", precision.last_wide}}) {
        if (layers > model.layers) {
            throw InputError{table.origin(key),
                             fmt::format("is {}, but the model has {} layers", layers, model.layers)};
        }
    }
    table.reject_unknown_keys();
    return precision;
}

void check_wider(io::TomlTable const& table, std::vector<model::Precision> const& used) {
    for (auto const& [key, part] : part_choices()) {
        if (table.has(key)) {
            check_wider_format(read_dtype(table, key, Dtype::bf16), table.origin(key), used);
        }
    }
}

} // namespace moesaic::parallel
