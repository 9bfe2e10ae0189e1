#include "timing/fitness.hpp"

#include <algorithm>
#include <cmath>

namespace moesaic::timing {

namespace {

bool says(StoredSeries const& have, std::string_view item) {
    return have.options->variant.find(item) != std::string::npos;
}

/// One gradient alone does not stand for the sum of both.
bool other_pass(StoredSeries const& have) {
    return (says(have, "what=dgrad") || says(have, "what=wgrad")) && !says(have, "what=dgrad+wgrad");
}

/// Kernels of low latency serve inference; a plan may name the library.
bool other_exchange(StoredSeries const& have, Kernel const& want) {
    auto const& library = have.options->library;
    return table_op(have.op).family == Family::exchange &&
           (library.ends_with("_ll") || !library.starts_with(want.options.library));
}

/// Weights of a misfit rank series against each other and against the distance of their shapes, in steps of a source's grade
/// (a to b is 1). Chosen, not measured: another form of attention outweighs the worst grade. Whether others choose better shows
/// `moesaic timings check --transfer`.
double attention_misfit(StoredSeries const& have, Kernel const& want) {
    auto const& o = *have.options;
    auto const value_size = [&](Options const& x) {
        return x.v_dim > 0 ? x.v_dim : static_cast<int>(want.k);
    };
    double sum = 0;
    sum += o.causal != want.options.causal ? 3 : 0;
    sum += (o.window > 0) != (want.options.window > 0) ? 3 : 0;
    sum += value_size(o) != value_size(want.options) ? 3 : 0;
    sum += says(have, "det=1") ? 4 : 0;
    return sum;
}

} // namespace

std::optional<double> misfit(StoredSeries const& have, Kernel const& want) {
    if (!have.trains || other_pass(have) || other_exchange(have, want)) {
        return std::nullopt;
    }
    constexpr std::size_t many = 10; // weights: see attention_misfit()
    double sum = static_cast<double>(have.grade);
    sum += have.samples.size() < many ? 2 : 0;
    sum += have.condensed ? 0.7 : 0;
    sum += have.dtype == want.dtype ? 0 : 1.5;
    sum += says(have, "ctx=") || says(have, "out=") ? 1 : 0;
    switch (table_op(have.op).family) {
    case Family::product:
        return sum + (says(have, "cold=weights") ? 0 : 0.5);
    case Family::moe_ffn:
        return sum + (says(have, "dist=pl") ? 4 : 0) + (have.options->gated != want.options.gated ? 2 : 0);
    case Family::attention:
        return sum + attention_misfit(have, want);
    default:
        return sum;
    }
}

double unlike_form_sigma(StoredSeries const& have, Kernel const& want) {
    auto wanted = have.traits;
    auto const family = table_op(have.op).family;
    if (family == Family::attention) {
        wanted.causal = want.options.causal;
        wanted.windowed = want.options.window > 0;
    } else if (family == Family::moe_ffn) {
        wanted.gated = want.options.gated;
    }
    return std::sqrt(2 * (kinship(have.traits, have.traits).level - kinship(have.traits, wanted).level));
}

std::optional<double> stand_in_sigma(std::string_view dtype, std::string_view other) {
    // bf16 and fp16: Vidur and aiconfigurator on one die. One scale per tensor against one per block: vLLM and sglang on
    // H100, products of 128 rows and more, apart by -10 to -15 % in the median and +-30 % for four of five
    constexpr double half_formats = 0.03, scalings_of_fp8 = 0.22;
    auto const both = [&](std::string_view a, std::string_view b) {
        return (dtype == a && other == b) || (dtype == b && other == a);
    };
    if (dtype == other) {
        return 0.0;
    }
    return both("bf16", "fp16")       ? std::optional{half_formats}
           : both("fp8", "fp8_block") ? std::optional{scalings_of_fp8}
                                      : std::nullopt;
}

} // namespace moesaic::timing
