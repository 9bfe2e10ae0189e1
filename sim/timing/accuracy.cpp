#include "timing/accuracy.hpp"

#include "base/normal.hpp"
#include "base/quantile.hpp"
#include "base/random.hpp"
#include "timing/fitness.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <tuple>

namespace moesaic::timing {

namespace {

struct Miss {
    double error; ///< |predicted / measured - 1|
    bool in_interval;
};

AccuracyGroup summarise(std::string op, std::string dtype, std::string chip,
                        std::vector<Miss> const& misses) {
    std::vector<double> errors;
    std::int64_t inside = 0;
    for (auto const& miss : misses) {
        errors.push_back(miss.error);
        inside += miss.in_interval ? 1 : 0;
    }
    return {std::move(op),
            std::move(dtype),
            std::move(chip),
            static_cast<std::int64_t>(misses.size()),
            errors.empty() ? 0.0 : median(errors),
            errors.empty() ? 0.0 : quantile(errors, 0.9),
            static_cast<double>(inside) / static_cast<double>(std::max<std::size_t>(misses.size(), 1))};
}

} // namespace

namespace {

class Comparison {
  public:
    void add(Measurement const& row, std::optional<KernelTime> const& said) {
        if (!said) {
            ++unpredicted_;
            return;
        }
        given_ += said->duration.evidence == Evidence::measured ? 1 : 0;
        std::string const op{table_op(row.kernel.op).name};
        auto const ratio = said->duration.time / row.time;
        Miss const miss{std::abs(ratio - 1),
                        std::abs(std::log(ratio)) <= sigmas_of_80 * said->duration.sigma};
        groups_[{op, row.kernel.dtype, row.chip}].push_back(miss);
        by_op_[op].push_back(miss);
    }
    [[nodiscard]] AccuracyReport report() const {
        AccuracyReport out;
        out.unpredicted = unpredicted_;
        out.given = given_;
        for (auto const& [key, misses] : groups_) {
            out.groups.push_back(summarise(std::get<0>(key), std::get<1>(key), std::get<2>(key), misses));
        }
        for (auto const& [op, misses] : by_op_) {
            out.by_op.push_back(summarise(op, {}, {}, misses));
        }
        return out;
    }

  private:
    std::map<std::tuple<std::string, std::string, std::string>, std::vector<Miss>> groups_;
    std::map<std::string, std::vector<Miss>> by_op_;
    std::int64_t unpredicted_ = 0;
    std::int64_t given_ = 0;
};

} // namespace

AccuracyReport check_rows(Estimator const& estimator, std::vector<Measurement> const& rows) {
    Comparison comparison;
    for (auto const& row : rows) {
        if (table_op(row.kernel.op).family != Family::whole_model) {
            comparison.add(row, row_time(estimator, row));
        }
    }
    return comparison.report();
}

AccuracyReport check_transfers(Estimator const& estimator) {
    constexpr std::size_t most_of_a_series = 200;
    auto const store = estimator.store();
    Comparison comparison;
    for (auto const& stored : store.all()) {
        auto const chip = store.chip_named(stored.chip);
        Measurement row{
            .chip = stored.chip, .kernel = {.op = stored.op, .dtype = stored.dtype}, .source = stored.source};
        bool const computed = table_op(stored.op).family < Family::collective;
        if (!computed || chip == nullptr ||
            !find_roofline(*chip,
                           Kernel{.op = stored.op, .dtype = stored.dtype, .options = *stored.options}) ||
            !misfit(stored, Kernel{.op = stored.op, .dtype = stored.dtype, .options = *stored.options})) {
            continue;
        }
        auto const step = std::max<std::size_t>(1, stored.samples.size() / most_of_a_series);
        for (std::size_t i = 0; i < stored.samples.size(); i += step) {
            auto const& s = stored.samples[i];
            auto& kernel = row.kernel;
            std::tie(kernel.m, kernel.n, kernel.k, kernel.batch, kernel.options) =
                std::tie(s.m, s.n, s.k, s.batch, *s.options);
            auto const own = own_time(estimator, *chip, kernel);
            if (!own || own->duration.evidence != Evidence::measured) {
                continue; // a run would not use this row
            }
            row.time = own->duration.time;
            comparison.add(row, time_without_own(estimator, *chip, kernel));
        }
    }
    return comparison.report();
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
