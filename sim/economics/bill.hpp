#pragma once
#include "base/units.hpp"
#include "economics/spread.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::economics {

/// Money, apart from energy, which is counted in kWh.
enum class Account {
    use,      ///< of chips of one's own: the part of their price that the training uses up
    rent,     ///< of chips of others, with their place and power
    power,    ///< electricity of chips of one's own
    purchase, ///< paid for chips before the training
    energy
};
[[nodiscard]] std::string_view name_of(Account account);

struct BillLine {
    Account account = Account::use;
    std::string chip;
    std::string what;                 ///< "load", "idle", "host"; may be empty
    double amount = 0.0;              ///< with every figure at its value
    std::vector<std::string> factors; ///< names of the uncertain figures that it is a product of
    bool grows_with_time = true;      ///< with the length of the training
};

/// What a training costs, with all figures that are known to a span only.
struct Bill {
    std::string currency;
    Seconds training;                          ///< from its first step to its last, failures included
    Seconds waiting;                           ///< before it, for chips that are not there yet
    std::map<std::string, Spread> factors;     ///< over their values: each has 1 as its value
    std::map<std::string, double> step_errors; ///< per kind of timing: one standard deviation over the step
    std::vector<BillLine> lines;
};

enum class Total {
    cost,   ///< use, rent and power
    outlay, ///< purchase, rent and power: the money that goes out until the training ends
    energy, ///< kWh
    time    ///< seconds until the training is done, waiting included
};
[[nodiscard]] double total(Bill const& bill, Total which);
[[nodiscard]] double total(Bill const& bill, Account account);

/// Draws of all uncertain figures: the same seed gives a figure of one name the same draws in every bill, so that what two
/// bills share cancels in their difference.
struct Worlds {
    std::uint64_t seed = 1;
    std::size_t count = 2000;
};
/// The total in each world: figures over their spans (see quantile()), timings log-normal, errors of one kind together.
[[nodiscard]] std::vector<double> totals(Bill const& bill, Total which, Worlds const& worlds);
[[nodiscard]] Interval80 interval_of(Bill const& bill, Total which, Worlds const& worlds = {});

/// By how much a total of one bill is above that of another, as a share of the other's; none where the other is nothing.
struct Difference {
    double value = 0.0;
    Interval80 interval;
};
[[nodiscard]] std::optional<Difference> difference(Bill const& bill, Bill const& baseline, Total which,
                                                   Worlds const& worlds = {});

} // namespace moesaic::economics
