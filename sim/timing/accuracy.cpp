#include "timing/accuracy.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::timing {

namespace {

struct Miss {
    double error; ///< |predicted / measured - 1|
    bool in_interval;
};

double quantile(std::vector<double>& sorted, double q) {
    if (sorted.empty()) {
        return 0;
    }
    auto const at = q * static_cast<double>(sorted.size() - 1);
    auto const low = static_cast<std::size_t>(at);
    auto const high = std::min(low + 1, sorted.size() - 1);
    return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

AccuracyGroup summarise(std::string op, std::string dtype, std::string chip,
                        std::vector<Miss> const& misses) {
    std::vector<double> errors;
    std::int64_t inside = 0;
    for (auto const& miss : misses) {
        errors.push_back(miss.error);
        inside += miss.in_interval ? 1 : 0;
    }
    std::ranges::sort(errors);
    return {std::move(op),
            std::move(dtype),
            std::move(chip),
            static_cast<std::int64_t>(misses.size()),
            quantile(errors, 0.5),
            quantile(errors, 0.9),
            static_cast<double>(inside) / static_cast<double>(std::max<std::size_t>(misses.size(), 1))};
}

} // namespace

AccuracyReport check_rows(Estimator const& estimator, std::vector<Measurement> const& rows) {
    constexpr double sigmas_of_80 = 1.2816;
    std::map<std::tuple<std::string, std::string, std::string>, std::vector<Miss>> groups;
    std::map<std::string, std::vector<Miss>> by_op;
    AccuracyReport report;
    for (auto const& row : rows) {
        auto const& op = table_op(row.kernel.op);
        if (op.family == Family::whole_model) {
            continue;
        }
        auto const said = row_time(estimator, row);
        if (!said) {
            ++report.unpredicted;
            continue;
        }
        auto const ratio = said->duration.time / row.time;
        Miss const miss{std::abs(ratio - 1),
                        std::abs(std::log(ratio)) <= sigmas_of_80 * said->duration.sigma};
        groups[{std::string{op.name}, row.kernel.dtype, row.chip}].push_back(miss);
        by_op[std::string{op.name}].push_back(miss);
    }
    for (auto const& [key, misses] : groups) {
        report.groups.push_back(summarise(std::get<0>(key), std::get<1>(key), std::get<2>(key), misses));
    }
    for (auto const& [op, misses] : by_op) {
        report.by_op.push_back(summarise(op, {}, {}, misses));
    }
    return report;
}

bool is_held_out(Measurement const& row, std::uint64_t seed) {
    auto const& kernel = row.kernel;
    auto const& o = kernel.options;
    auto const shape = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", seed,
                                   table_op(kernel.op).name, kernel.m, kernel.n, kernel.k, kernel.batch,
                                   o.heads, o.kv_heads, o.v_dim, o.window, o.topk, o.experts, o.ep, o.nodes);
    return Rng{seed, shape}.below(5) == 0;
}

} // namespace moesaic::timing
