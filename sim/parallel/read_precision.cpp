#include "parallel/read_precision.hpp"

#include "parallel/read_choice.hpp"

#include <fmt/format.h>

namespace moesaic::parallel {

namespace {

Choices<model::ProductPart> const& part_choices() {
    using enum model::ProductPart;
    static Choices<model::ProductPart> const all{{"attention", attention},
                                                 {"linear_in", linear_in},
                                                 {"linear_out", linear_out},
                                                 {"ffn", ffn},
                                                 {"experts", experts},
                                                 {"shared_experts", shared_experts},
                                                 {"latent", latent},
                                                 {"mtp", mtp}};
    return all;
}

Dtype read_wider_format(io::TomlTable const& table, std::string const& key, Dtype products) {
    auto const format = read_dtype(table, key, products);
    if (bytes_per_element(format) < bytes_per_element(products)) {
        throw InputError{table.origin(key),
                         fmt::format("{} is narrower than the other products' {}", name_of(format),
                                     name_of(products)),
                         "Give the narrowest format as `precision`"};
    }
    return format;
}

} // namespace

model::Precision read_precision(io::TomlTable const& table, model::Precision const& otherwise) {
    model::Precision precision = otherwise;
    precision.activations = read_dtype(table, "activations", otherwise.activations);
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
            precision.wider[static_cast<std::size_t>(part)] =
                read_wider_format(table, key, precision.gemm);
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

} // namespace moesaic::parallel
