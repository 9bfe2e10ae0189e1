#include "timing/kernel.hpp"

#include "model/token_spread.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::timing {

namespace {

int parse_count(std::string_view text, std::string_view key, Origin const& origin) {
    int value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) {
        throw InputError{origin, fmt::format("extra: {}={} is no count", key, text)};
    }
    return value;
}

bool parse_switch(std::string_view text, std::string_view key, Origin const& origin) {
    if (text != "0" && text != "1") {
        throw InputError{origin, fmt::format("extra: {}={} is neither 0 nor 1", key, text)};
    }
    return text == "1";
}

struct CountKey {
    std::string_view name;
    int Options::* field;
};
constexpr CountKey count_keys[] = {
    {"h", &Options::heads},       {"hkv", &Options::kv_heads}, {"dv", &Options::v_dim},
    {"window", &Options::window}, {"topk", &Options::topk},    {"experts", &Options::experts},
    {"ep", &Options::ep},         {"nodes", &Options::nodes},  {"sms", &Options::sms}};
/// Say which layer was measured or how often; the same kernel all the same.
constexpr std::string_view passed_over[] = {"layer", "reps"};

void take(Options& out, std::vector<std::string>& rest, std::string_view item, Origin const& origin) {
    auto const equals = item.find('=');
    auto const key = item.substr(0, equals);
    auto const value = equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1);
    auto const count = std::ranges::find(count_keys, key, &CountKey::name);
    if (count != std::end(count_keys)) {
        out.*(count->field) = parse_count(value, key, origin);
    } else if (key == "causal") {
        out.causal = parse_switch(value, key, origin);
    } else if (key == "gated") {
        out.gated = parse_switch(value, key, origin);
    } else if (key == "kern") {
        out.library = value;
    } else if (std::ranges::find(passed_over, key) == std::end(passed_over)) {
        rest.emplace_back(item);
    }
}

double element_bytes(std::string const& dtype) {
    if (auto const known = find_dtype(dtype)) {
        return bytes_per_element(*known);
    }
    return dtype.starts_with("w4") ? 0.5 : dtype.starts_with("w8") ? 1.0 : 2.0;
}

/// Weight-only formats compute in 16 bit.
Dtype arithmetic_dtype(std::string const& dtype) { return find_dtype(dtype).value_or(Dtype::bf16); }

model::Operation operation_of(Kernel const& kernel) {
    auto const& op = table_op(kernel.op);
    auto const& o = kernel.options;
    model::Operation out;
    out.kind = *op.kind;
    out.pass = op.pass;
    out.dtype = arithmetic_dtype(kernel.dtype);
    out.m = kernel.m;
    out.n = kernel.n;
    out.k = kernel.k;
    out.batch = kernel.batch;
    out.heads = o.heads;
    out.kv_heads = o.kv_heads > 0 ? o.kv_heads : o.heads;
    out.v_dim = o.v_dim;
    out.causal = o.causal;
    out.window = o.window;
    out.topk = o.topk;
    out.experts = o.experts;
    out.gated = o.gated;
    return out;
}

/// Sizes of zero count as a half; rows per expert may be fewer than one.
double log2_of(double size) { return std::log2(size > 0 ? size : 0.5); }

/// Experts that get a token at all, of those of the rank, if tokens choose at random.
double busy_share(Kernel const& kernel) {
    auto const& o = kernel.options;
    auto const chosen = std::min(1.0, static_cast<double>(o.topk) / o.experts);
    return 1 - std::pow(1 - chosen, static_cast<double>(kernel.m));
}

/// What one token sent to one rank costs beside its own bytes, in bytes: intercept over slope of the times of 153 series of DeepEP's
/// kernels over the columns of a token (H100, H200, B200; aiconfigurator): four of five from 0.9 to 5.9 kB. HybridEP's 8-bit and 16-bit
/// rows on GB200 say 4 to 7 kB. All of these are of one node; between nodes nothing was measured, and none is taken.
constexpr double bytes_beside_token = 2700;

/// Inside a node each token once to every rank that holds one of its experts, chosen evenly; between nodes, whose rates are those of
/// the network, all copies.
Bytes exchange_bytes(Kernel const& kernel) {
    auto const& o = kernel.options;
    double const topk = static_cast<double>(std::max<std::int64_t>(kernel.k, 1)),
                 m = static_cast<double>(kernel.m);
    double const token = static_cast<double>(kernel.n) * element_bytes(kernel.dtype);
    if (o.nodes > 1) {
        return Bytes{m * topk * token};
    }
    model::TokenSpread const spread{.experts = o.experts, .topk = static_cast<int>(topk)};
    auto const ranks = static_cast<double>(kernel.batch);
    double const copies = o.experts >= spread.topk
                              ? model::distinct_holders(spread, std::min(ranks, double{1.0} * o.experts))
                              : std::min(topk, ranks);
    return Bytes{m * copies * (token + bytes_beside_token)};
}

bool has_products(Kernel const& kernel) {
    auto const family = table_op(kernel.op).family;
    return family == Family::product || family == Family::moe_ffn || family == Family::attention ||
           family == Family::linear;
}

} // namespace

Options parse_options(std::string_view extra, Origin const& origin) {
    Options out;
    std::vector<std::string> rest;
    while (!extra.empty()) {
        auto const end = std::min(extra.find(';'), extra.size());
        if (end > 0) {
            take(out, rest, extra.substr(0, end), origin);
        }
        extra.remove_prefix(std::min(end + 1, extra.size()));
    }
    std::ranges::sort(rest);
    for (auto const& item : rest) {
        out.variant += (out.variant.empty() ? "" : ";") + item;
    }
    return out;
}

std::string extra_text(Options const& o) {
    std::string out;
    auto const add = [&](std::string const& item) { out += (out.empty() ? "" : ";") + item; };
    auto const count = [&](char const* key, int value) {
        if (value > 0) {
            add(fmt::format("{}={}", key, value));
        }
    };
    count("h", o.heads);
    count("hkv", o.kv_heads);
    count("dv", o.v_dim);
    count("window", o.window);
    count("topk", o.topk);
    count("experts", o.experts);
    count("ep", o.ep);
    if (o.heads > 0) {
        add(o.causal ? "causal=1" : "causal=0");
    }
    if (!o.gated) {
        add("gated=0");
    }
    if (o.nodes > 1) {
        count("nodes", o.nodes);
    }
    count("sms", o.sms);
    if (!o.variant.empty()) {
        add(o.variant);
    }
    if (!o.library.empty()) {
        add("kern=" + o.library);
    }
    return out;
}

std::string shape_text(Kernel const& kernel) {
    auto out = fmt::format("{}", kernel.m);
    for (auto const size : {kernel.n, kernel.k}) {
        out += size > 0 ? fmt::format(" x {}", size) : "";
    }
    if (kernel.batch > 1) {
        out += fmt::format(", {} of them", kernel.batch);
    }
    auto options = kernel.options;
    options.library.clear();
    auto const extra = extra_text(options);
    return extra.empty() ? out : out + ", " + extra;
}

Work work_of(Kernel const& kernel) {
    auto const& op = table_op(kernel.op);
    if (op.kind) {
        auto const operation = operation_of(kernel);
        auto bytes = model::bytes_of(operation);
        if (op.family == Family::moe_ffn) {
            // weights of experts without a token are not read; weight-only formats are narrower
            auto const weights = static_cast<double>(kernel.batch) * static_cast<double>(kernel.n) *
                                 static_cast<double>(kernel.k) * (kernel.options.gated ? 3 : 2);
            auto const counted = bytes_per_element(operation.dtype);
            bytes += Bytes{weights * (busy_share(kernel) * element_bytes(kernel.dtype) - counted)};
        }
        return {model::flop_of(operation), bytes};
    }
    auto const elements =
        static_cast<double>(kernel.m) * static_cast<double>(std::max<std::int64_t>(kernel.n, 1));
    switch (op.family) {
    case Family::memory_bound:
        return {Flop{0}, Bytes{op.streams * elements * element_bytes(kernel.dtype)}};
    case Family::collective:
        return {Flop{0}, Bytes{static_cast<double>(kernel.m)}};
    case Family::exchange:
        return {Flop{0}, exchange_bytes(kernel)};
    default:
        return {};
    }
}

std::optional<Roofline> find_roofline(hardware::Chip const& chip, Kernel const& kernel) {
    auto const dtype = arithmetic_dtype(kernel.dtype);
    if (!chip.memory_bandwidth || (has_products(kernel) && !hardware::supports(chip, dtype))) {
        return std::nullopt;
    }
    return roofline_of(chip, kernel);
}

namespace {

/// Kernels of linear attention do small products between much other arithmetic, so that they follow the rate of fp32: of it
/// flash-linear-attention's reach 0.6 to 0.9 with a decay by column from H20 to GB300, and 1.1 to 2.1 with one by head from A800 to
/// GB200, but 0.03 to 0.21 and 0.04 to 0.13 of the 16-bit peak. Eight times is above the best that was published (FlashInfer on H200: 6.8).
double rate_of_linear(hardware::Chip const& chip, Dtype dtype) {
    constexpr double most_over_fp32 = 8.0, usual_over_fp32 = 15.0; // the latter of 16-bit peaks (A100, H100)
    double const peak = hardware::peak_of(chip, dtype).value();
    auto const at = chip.peak.find(Dtype::fp32);
    double const fp32 = at != chip.peak.end() ? at->second.value.value() : peak / usual_over_fp32;
    return std::min(peak, most_over_fp32 * fp32);
}

} // namespace

Roofline roofline_of(hardware::Chip const& chip, Kernel const& kernel) {
    auto const bandwidth = hardware::memory_bandwidth_of(chip);
    auto const dtype = arithmetic_dtype(kernel.dtype);
    if (table_op(kernel.op).family == Family::linear) {
        return {rate_of_linear(chip, dtype), bandwidth.value()};
    }
    auto const peak = has_products(kernel) ? hardware::peak_of(chip, dtype) : FlopPerSecond{0};
    return {peak.value(), bandwidth.value()};
}

Seconds roofline_time(Roofline const& roofline, Work const& work) {
    auto const compute = work.flop.value() > 0 ? work.flop.value() / roofline.flop_per_second : 0.0;
    return Seconds{std::max(compute, work.bytes.value() / roofline.bytes_per_second)};
}

Coordinates coordinates_of(Kernel const& kernel) {
    auto const size = [](std::int64_t v) { return log2_of(static_cast<double>(v)); };
    auto const& o = kernel.options;
    switch (table_op(kernel.op).family) {
    case Family::product:
        return {size(kernel.m), size(kernel.n), size(kernel.k), size(kernel.batch), 0, 0};
    case Family::moe_ffn: {
        auto const rows = static_cast<double>(kernel.m) * o.topk / std::max(o.experts, 1);
        return {log2_of(rows),      size(kernel.n), size(kernel.k),
                size(kernel.batch), size(o.topk),   size(std::max(o.ep, 1))};
    }
    case Family::attention:
        return {size(kernel.m),
                size(kernel.n),
                size(kernel.k),
                size(kernel.batch * std::max(o.heads, 1)),
                log2_of(static_cast<double>(std::max(o.heads, 1)) / std::max(o.kv_heads, 1)),
                size(kernel.batch)};
    case Family::linear:
        return {size(kernel.m),
                size(o.v_dim > 0 ? o.v_dim : kernel.k),
                size(kernel.k),
                size(kernel.batch * std::max(o.heads, 1)),
                log2_of(static_cast<double>(std::max(o.heads, 1)) / std::max(o.kv_heads, 1)),
                size(kernel.batch)};
    case Family::memory_bound:
        return {size(kernel.m), size(kernel.n), 0, 0, 0, 0};
    case Family::collective:
        return {size(kernel.m), size(kernel.batch), size(o.nodes), 0, 0, 0};
    case Family::exchange: {
        constexpr int usual_sms = 20; // of DeepEP
        return {size(kernel.m),
                size(kernel.n),
                size(kernel.k),
                size(kernel.batch),
                size(o.sms > 0 ? o.sms : usual_sms),
                size(o.nodes)};
    }
    case Family::whole_model:
        break;
    }
    return {};
}

std::optional<Kernel> kernel_of(model::Operation const& op) {
    auto const id = table_op_of(op.kind, op.pass);
    if (!id) {
        return std::nullopt;
    }
    Kernel out{.op = *id,
               .dtype = std::string{name_of(op.dtype)},
               .m = op.m,
               .n = op.n,
               .k = op.k,
               .batch = op.batch,
               .options = {}};
    if (table_op(*id).family == Family::memory_bound && op.kind != model::OpKind::router_topk) {
        out.k = 0; // rows and columns alone, as the tables have them
    } else if (table_op(*id).family == Family::linear) {
        out.n = 0; // there are no keys apart from the positions
    }
    auto& o = out.options;
    o.heads = op.heads;
    o.kv_heads = op.kv_heads;
    o.v_dim = op.v_dim;
    o.causal = op.causal;
    o.window = op.window;
    o.topk = op.topk;
    o.experts = op.experts;
    o.gated = op.gated;
    return out;
}

} // namespace moesaic::timing
