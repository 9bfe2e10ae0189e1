#include "parallel/practice.hpp"

#include "base/nearest_names.hpp"

#include <fmt/format.h>

namespace moesaic::parallel {

namespace {

double read_share(io::TomlTable const& t, std::string_view key) {
    auto const share = t.number(key);
    if (!(share > 0.0 && share <= 1.0)) {
        throw InputError{t.origin(key), "is a share of the peak, above 0 and at most 1"};
    }
    return share;
}

void read_passes(io::TomlTable const& t, std::map<model::OpKind, double>& passes) {
    for (auto const& key : t.keys()) {
        auto const kind = model::find_op_kind(key);
        if (!kind) {
            throw InputError{t.origin(key), fmt::format("operation \"{}\" is not known", key),
                             suggestion(key, model::op_kind_names())};
        }
        auto const factor = t.number(key);
        if (factor < 1.0) {
            throw InputError{t.origin(key), "is at least 1: one fused kernel moves the least"};
        }
        passes[*kind] = factor;
    }
}

void read_products(io::TomlTable const& t, std::map<Dtype, double>& products) {
    for (auto const& key : t.keys()) {
        auto const format = find_dtype(key);
        auto const factor = t.number(key);
        if (!format || !(factor > 0.0 && factor < 10.0)) {
            throw InputError{t.origin(key), "is a number format with a factor above 0 and below 10"};
        }
        products[*format] = factor;
    }
}

void read_chip_practice(io::TomlTable const& t, std::vector<ChipPractice>& out) {
    ChipPractice common;
    common.host_moe_layer = t.optional_quantity<Seconds>("host_moe_layer").value_or(Seconds{});
    if (auto const products = t.optional_table("products")) {
        read_products(*products, common.products);
        products->reject_unknown_keys();
    }
    if (auto const passes = t.optional_table("passes")) {
        read_passes(*passes, common.passes);
        passes->reject_unknown_keys();
    }
    for (auto const& chip : t.texts("chips")) {
        out.push_back(common);
        out.back().chip = chip;
    }
    (void)t.text("source");
    t.reject_unknown_keys();
}

} // namespace

void read_practice(io::TomlTable const& table, Practice& out) {
    out.stack = table.text_or("stack", out.stack);
    out.fused_gradient_sum = table.boolean_or("fused_gradient_sum", out.fused_gradient_sum);
    out.host_layer = table.optional_quantity<Seconds>("host_layer").value_or(out.host_layer);
    out.host_step = table.optional_quantity<Seconds>("host_step").value_or(out.host_step);
    if (auto const passes = table.optional_table("passes")) {
        read_passes(*passes, out.passes);
        passes->reject_unknown_keys();
    }
    for (auto const& part : table.tables("on")) {
        read_chip_practice(part, out.on);
    }
    for (auto const& limit : table.tables("attention")) {
        for (auto const& chip : limit.texts("chips")) {
            out.attention.push_back({chip, read_share(limit, "forward"), read_share(limit, "backward")});
        }
        (void)limit.text("source");
        limit.reject_unknown_keys();
    }
}

} // namespace moesaic::parallel
