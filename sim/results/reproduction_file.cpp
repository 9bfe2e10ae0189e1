#include "results/reproduction_file.hpp"

#include "io/hdf5.hpp"

#include <algorithm>
#include <limits>

namespace moesaic::results {

namespace {

using io::Hdf5Column;
using io::Hdf5Label;

template <class Row>
Hdf5Column texts(std::string name, std::vector<Row> const& rows, std::string Row::* which,
                 std::string description) {
    std::vector<std::string> out;
    std::ranges::transform(rows, std::back_inserter(out), which);
    return {std::move(name), std::move(out), {"text", std::move(description)}};
}

template <class Row, class Figure>
Hdf5Column numbers(std::string name, std::vector<Row> const& rows, Figure figure, Hdf5Label label) {
    std::vector<double> out;
    std::ranges::transform(rows, std::back_inserter(out), figure);
    return {std::move(name), std::move(out), std::move(label)};
}

/// The figures of runs; NaN of those that could not be simulated.
template <class Figure>
Hdf5Column simulated(std::string name, std::vector<Reproduced> const& runs, Figure figure, Hdf5Label label) {
    auto const known = [&](Reproduced const& r) {
        return r.problem.empty() ? figure(r) : std::numeric_limits<double>::quiet_NaN();
    };
    return numbers(std::move(name), runs, known, std::move(label));
}

std::vector<Hdf5Column> record_columns(std::vector<Reproduced> const& runs) {
    auto const seconds = [](std::string description) { return Hdf5Label{"s", std::move(description)}; };
    auto const pure = [](std::string description) { return Hdf5Label{"1", std::move(description)}; };
    std::vector<Hdf5Column> out{
        texts("id", runs, &Reproduced::id, "Id of the published run"),
        texts("paper", runs, &Reproduced::paper, "Folder of its scenario"),
        texts("source", runs, &Reproduced::source, "Paper, or who submitted it to a benchmark"),
        texts("group", runs, &Reproduced::group, "Runs of one paper and machine"),
        texts("vendor", runs, &Reproduced::vendor, "Maker of the chip"),
        texts("chip", runs, &Reproduced::chip, "Chip"),
        texts("precision", runs, &Reproduced::precision, "Class of the products' number format"),
        texts("software", runs, &Reproduced::software, "File of scenarios/software/"),
        texts("plan", runs, &Reproduced::plan, "Parallel plan in short"),
        texts("flag", runs, &Reproduced::flag, "What the collector of the records found wrong; counts apart"),
        texts("problem", runs, &Reproduced::problem,
              "Why it could not be simulated, so that its figures are NaN; empty = it was")};
    out.push_back(numbers(
        "published", runs, [](auto const& r) { return r.published.value(); },
        seconds("Published step time")));
    out.push_back(simulated(
        "simulated", runs, [](auto const& r) { return r.simulated.value(); },
        seconds("Simulated step time")));
    out.push_back(simulated(
        "low", runs, [](auto const& r) { return r.interval.low.value(); },
        seconds("80 % interval, lower end")));
    out.push_back(simulated(
        "high", runs, [](auto const& r) { return r.interval.high.value(); },
        seconds("80 % interval, upper end")));
    out.push_back(numbers(
        "software_known", runs, [](auto const& r) { return r.software_known ? 1.0 : 0.0; },
        pure("1 = the software that ran; 0 = it stands for one that nobody described")));
    out.push_back(simulated("error", runs, error_of, pure("ln(simulated / published)")));
    for (std::size_t level = 0; level < timing::evidence_levels; ++level) {
        auto const name = std::string{name_of(static_cast<timing::Evidence>(level))};
        out.push_back(simulated(
            name, runs, [&](auto const& r) { return r.time_by_evidence[level]; },
            pure("Share of the critical path on timings that are " + name)));
    }
    return out;
}

} // namespace

void write_reproduction(std::string const& path, std::vector<Reproduced> const& runs,
                        std::string const& version) {
    io::Hdf5Writer file{path};
    file.write("/program_version", version, {"text", "Version of MoEsaic"});
    file.write_table("/records", "Published runs beside simulated ones", record_columns(runs));
    auto const groups = accuracy_by_group(runs);
    auto const pure = [](std::string description) { return Hdf5Label{"1", std::move(description)}; };
    file.write_table(
        "/groups", "Accuracy of groups of runs that carry no flag",
        {texts("group", groups, &GroupAccuracy::group, "Name of the group"),
         numbers(
             "records", groups, [](auto const& g) { return static_cast<double>(g.records); }, pure("Runs")),
         numbers(
             "median", groups, [](auto const& g) { return g.median; }, pure("Median of |error|")),
         numbers(
             "p90", groups, [](auto const& g) { return g.p90; }, pure("90th percentile of |error|")),
         numbers(
             "bias", groups, [](auto const& g) { return g.bias; }, pure("Median of the error")),
         numbers(
             "coverage", groups, [](auto const& g) { return g.coverage; },
             pure("Share of published values in the 80 % interval"))});
    file.commit();
}

} // namespace moesaic::results
