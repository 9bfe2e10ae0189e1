#include "model/precision.hpp"

#include "model/model.hpp"

#include <algorithm>

namespace moesaic::model {

namespace {

std::size_t index_of(ProductPart part) { return static_cast<std::size_t>(part); }

Precision without_place(Precision precision) {
    precision.first_wide = precision.last_wide = 0;
    precision.wider[index_of(ProductPart::mtp)].reset();
    return precision;
}

Precision all_wide(Precision const& precision) {
    return {.activations = precision.activations,
            .gemm = precision.activations,
            .dispatch = precision.activations,
            .attention = std::nullopt};
}

bool is_at_an_end(Precision const& precision, Model const& model, int layer) {
    return layer < precision.first_wide ||
           (layer >= model.layers - precision.last_wide && layer < model.layers);
}

} // namespace

bool is_narrow(Dtype dtype, Precision const& precision) {
    return bytes_per_element(dtype) < bytes_per_element(precision.activations);
}

Dtype format_of(Precision const& precision, ProductPart part) {
    auto const& asked = precision.wider[index_of(part)];
    return asked && bytes_per_element(*asked) > bytes_per_element(precision.gemm) ? *asked : precision.gemm;
}

Precision precision_of_layer(Precision const& precision, Model const& model, int layer) {
    if (is_at_an_end(precision, model, layer)) {
        return all_wide(precision);
    }
    auto out = without_place(precision);
    if (layer >= model.layers) {
        out.gemm = format_of(precision, ProductPart::mtp);
        bool const widened = out.gemm != precision.gemm;
        return widened && !is_narrow(out.gemm, precision) ? all_wide(precision) : out;
    }
    return out;
}

int formats_of_layer(Precision const& precision, Model const& model, int layer) {
    auto const here = precision_of_layer(precision, model, layer);
    if (here == without_place(precision)) {
        return 0;
    }
    return here == all_wide(precision) ? 1 : 2;
}

bool has_wider(Precision const& precision) {
    bool const ends = precision.first_wide + precision.last_wide > 0 && is_narrow(precision.gemm, precision);
    return ends || std::ranges::any_of(precision.wider, [&](auto const& format) {
               return format && bytes_per_element(*format) > bytes_per_element(precision.gemm);
           });
}

} // namespace moesaic::model
