#include "parallel/practice.hpp"

#include "base/nearest_names.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

namespace moesaic::parallel {

namespace {

double read_share(io::TomlTable const& t, std::string_view key) {
    auto const share = t.number(key);
    if (!(share > 0.0 && share <= 1.0)) {
        throw InputError{t.origin(key), "is a share of the peak, above 0 and at most 1"};
    }
    return share;
}

Bytes read_copies(io::TomlTable const& t, std::string_view key, Bytes otherwise) {
    auto const bytes = t.optional_quantity<Bytes>(key).value_or(otherwise);
    if (!(bytes.value() >= 0.0 && bytes.value() <= 1000.0)) {
        throw InputError{t.origin(key), "is what moves for each parameter: 0 B or more, at most 1000 B"};
    }
    return bytes;
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

/// The chip's entry, of ChipPractice or AttentionLimit; a new one where it has none.
template <class Entry>
Entry& entry_of(std::string const& chip, std::vector<Entry>& all) {
    auto const at = std::ranges::find(all, chip, &Entry::chip);
    if (at != all.end()) {
        return *at;
    }
    all.emplace_back().chip = chip;
    return all.back();
}

Seconds read_time(io::TomlTable const& t, std::string_view key, Seconds otherwise) {
    auto const time = t.optional_quantity<Seconds>(key).value_or(otherwise);
    if (time < Seconds{}) {
        throw InputError{t.origin(key), "must not be negative"};
    }
    return time;
}

/// The second of two entries for one chip would go over the first unseen.
void refuse_second(io::TomlTable const& t, std::set<std::string>& chips) {
    for (auto const& chip : t.texts("chips")) {
        if (!chips.insert(chip).second) {
            throw InputError{t.origin("chips"), fmt::format("names \"{}\" a second time", chip),
                             "Say all that holds on a chip in one entry"};
        }
    }
}

void refuse_empty(io::TomlTable const& t) {
    constexpr std::array keys{"host_moe_layer", "product_call", "products", "passes"};
    if (std::ranges::none_of(keys, [&](char const* key) { return t.has(key); })) {
        throw InputError{t.origin("chips"), "says nothing of these chips",
                         fmt::format("Give one of {}", fmt::join(keys, ", "))};
    }
}

void read_chip_practice(io::TomlTable const& t, std::vector<ChipPractice>& out) {
    auto const products = t.optional_table("products");
    auto const passes = t.optional_table("passes");
    for (auto const& chip : t.texts("chips")) {
        auto& here = entry_of(chip, out);
        here.host_moe_layer = read_time(t, "host_moe_layer", here.host_moe_layer);
        here.product_call = read_time(t, "product_call", here.product_call);
        if (products) {
            read_products(*products, here.products);
        }
        if (passes) {
            read_passes(*passes, here.passes);
        }
    }
    for (auto const& part : {products, passes}) {
        if (part) {
            part->reject_unknown_keys();
        }
    }
    (void)t.text("source");
    t.reject_unknown_keys();
    refuse_empty(t);
}

void read_attention_limit(io::TomlTable const& t, std::vector<AttentionLimit>& out) {
    auto const forward = read_share(t, "forward"), backward = read_share(t, "backward");
    for (auto const& chip : t.texts("chips")) {
        auto& here = entry_of(chip, out);
        here.forward = forward;
        here.backward = backward;
    }
    (void)t.text("source");
    t.reject_unknown_keys();
}

} // namespace

void read_practice(io::TomlTable const& table, Practice& out) {
    out.stack = table.text_or("stack", out.stack);
    out.fused_gradient_sum = table.boolean_or("fused_gradient_sum", out.fused_gradient_sum);
    out.gradient_copies = read_copies(table, "gradient_copies", out.gradient_copies);
    out.step_copies = read_copies(table, "step_copies", out.step_copies);
    out.averaging_copies = read_copies(table, "averaging_copies", out.averaging_copies);
    out.parameter_copies = read_copies(table, "parameter_copies", out.parameter_copies);
    out.host_layer = read_time(table, "host_layer", out.host_layer);
    out.host_step = read_time(table, "host_step", out.host_step);
    if (auto const passes = table.optional_table("passes")) {
        read_passes(*passes, out.passes);
        passes->reject_unknown_keys();
    }
    std::set<std::string> on, with_limit;
    for (auto const& part : table.tables("on")) {
        refuse_second(part, on);
        read_chip_practice(part, out.on);
    }
    for (auto const& limit : table.tables("attention")) {
        refuse_second(limit, with_limit);
        read_attention_limit(limit, out.attention);
    }
}

} // namespace moesaic::parallel
