#include "cli/reproduce_report.hpp"

#include "cli/text_table.hpp"
#include "io/csv.hpp"
#include "io/unit_text.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::cli {

namespace {

using results::GroupAccuracy;
using results::Reproduced;

std::string percent(double share) { return fmt::format("{:.1f}", 100.0 * share); }
std::string signed_percent(double share) { return fmt::format("{:+.1f}", 100.0 * share); }

double measured_share(Reproduced const& run) { return run.time_by_evidence[0] + run.time_by_evidence[1]; }

std::string note_of(Reproduced const& run) {
    std::string out = run.doubt;
    if (!run.peer.empty()) {
        out += fmt::format("{}{} predicts {} ({} %)", out.empty() ? "" : "; ", run.peer,
                           io::text_of(run.peer_predicts),
                           signed_percent(std::log(run.peer_predicts / run.published)));
    }
    if (!run.misfit.empty()) {
        out += (out.empty() ? "" : "; ") + std::string{"does not fit by our count"};
    }
    return out;
}

std::string run_table(std::vector<Reproduced const*> const& runs) {
    using enum TextTable::Align;
    TextTable table{{{"record", left},
                     {"published", right},
                     {"simulated", right},
                     {"error %", right},
                     {"80 % interval", right},
                     {"", left},
                     {"measured %", right},
                     {"note", left}}};
    for (auto const* run : runs) {
        table.add_row({run->id, io::text_of(run->published), io::text_of(run->simulated),
                       signed_percent(results::error_of(*run)),
                       io::text_of(run->interval.low) + " to " + io::text_of(run->interval.high),
                       results::is_inside(*run) ? "in" : "out", percent(measured_share(*run)),
                       note_of(*run)});
    }
    return table.text();
}

std::string group_table(std::vector<GroupAccuracy> const& groups) {
    using enum TextTable::Align;
    TextTable table{{{"group", left},
                     {"records", right},
                     {"median %", right},
                     {"mean %", right},
                     {"p90 %", right},
                     {"bias %", right},
                     {"rank", right},
                     {"rank of rate", right},
                     {"in 80 %", right}}};
    auto const rank = [](std::optional<double> r) { return r ? fmt::format("{:.2f}", *r) : "-"; };
    for (auto const& g : groups) {
        table.add_row({g.group, fmt::format("{}", g.records), percent(g.median), percent(g.mean),
                       percent(g.p90), signed_percent(g.bias), rank(g.rank_correlation),
                       rank(g.rate_rank_correlation), percent(g.coverage)});
    }
    return table.text();
}

std::vector<Reproduced const*> chosen(std::vector<Reproduced> const& runs, auto const& which) {
    std::vector<Reproduced const*> out;
    for (auto const& run : runs) {
        if (which(run)) {
            out.push_back(&run);
        }
    }
    return out;
}

bool counts(Reproduced const& run) { return run.problem.empty() && run.flag.empty(); }

} // namespace

std::string reproduction_text(std::vector<Reproduced> const& runs) {
    std::string out = run_table(chosen(runs, counts));
    auto const flagged = chosen(runs, [](auto const& r) { return r.problem.empty() && !r.flag.empty(); });
    if (!flagged.empty()) {
        out += "\nflagged by the collector of the records, not counted below\n" + run_table(flagged);
        for (auto const* run : flagged) {
            out += fmt::format("  {}: {}\n", run->id, run->flag);
        }
    }
    auto const failed = chosen(runs, [](auto const& r) { return !r.problem.empty(); });
    if (!failed.empty()) {
        out += "\nnot simulated\n";
        for (auto const* run : failed) {
            out += fmt::format("  {}: {}\n", run->id, run->problem);
        }
    }
    return out +
           "\nerror = ln(simulated / published) of the step time; median, mean and p90 of its absolute "
           "value; bias its "
           "median with sign\nrank: Spearman's, of the step times; of rate: of the model FLOP/s per "
           "chip\n\n" +
           group_table(results::accuracy_by_group(runs));
}

namespace {

io::Json evidence_json(Reproduced const& run) {
    auto out = io::Json::object();
    for (std::size_t level = 0; level < run.time_by_evidence.size(); ++level) {
        out.set(std::string{name_of(static_cast<timing::Evidence>(level))}, run.time_by_evidence[level]);
    }
    return out;
}

io::Json shares_json(std::map<std::string, double> const& shares) {
    auto out = io::Json::object();
    for (auto const& [name, share] : shares) {
        out.set(name, share);
    }
    return out;
}

io::Json record_json(Reproduced const& run) {
    auto out = io::Json::object();
    out.set("id", run.id).set("paper", run.paper).set("group", run.group).set("source", run.source);
    out.set("chip", run.chip).set("vendor", run.vendor).set("moe", run.mixture_of_experts);
    out.set("software", run.software)
        .set("software_known", run.software_known)
        .set("stack", run.stack)
        .set("precision", run.precision)
        .set("plan", run.plan)
        .set("flag", run.flag)
        .set("doubt", run.doubt);
    out.set("problem", run.problem).set("fits", run.misfit.empty());
    out.set("published", run.published.value()).set("unit", "s").set("peer", run.peer);
    if (!run.peer.empty()) {
        out.set("peer_step_time_s", run.peer_predicts.value());
    }
    if (run.problem.empty()) {
        out.set("simulated", run.simulated.value())
            .set("error", results::error_of(run))
            .set("interval_80",
                 io::Json::array().add(run.interval.low.value()).add(run.interval.high.value()))
            .set("evidence", evidence_json(run))
            .set("time_by_kind", shares_json(run.time_by_kind))
            .set("stretched", shares_json(run.stretched));
    }
    return out;
}

io::Json group_json(GroupAccuracy const& g) {
    return io::Json::object()
        .set("group", g.group)
        .set("records", g.records)
        .set("median_abs_error", g.median)
        .set("mean_abs_error", g.mean)
        .set("p90_abs_error", g.p90)
        .set("bias", g.bias)
        .set("rank_correlation", io::Json::optional(g.rank_correlation))
        .set("rate_rank_correlation", io::Json::optional(g.rate_rank_correlation))
        .set("interval_80_coverage", g.coverage);
}

} // namespace

io::Json reproduction_json(std::vector<Reproduced> const& runs, std::vector<std::string> const& left_out) {
    auto records = io::Json::array();
    for (auto const& run : runs) {
        records.add(record_json(run));
    }
    auto groups = io::Json::array();
    for (auto const& group : results::accuracy_by_group(runs)) {
        groups.add(group_json(group));
    }
    auto without = io::Json::array();
    for (auto const& message : left_out) {
        without.add(message);
    }
    return io::Json::object()
        .set("records", std::move(records))
        .set("groups", std::move(groups))
        .set("left_out", std::move(without));
}

std::string reproduction_csv(std::vector<Reproduced> const& runs) {
    std::vector<std::string> const headings{
        "id",           "paper",          "group",    "vendor", "chip",    "moe",
        "software",     "software_known", "flag",     "doubt",  "problem", "fits",
        "published_s",  "simulated_s",    "error",    "low_s",  "high_s",  "measured",
        "interpolated", "transferred",    "analytic", "plan"};
    auto out = io::csv_line(headings);
    auto const number = [](auto value) { return fmt::format("{}", value); };
    for (auto const& r : runs) {
        std::vector<std::string> fields{r.id,
                                        r.paper,
                                        r.group,
                                        r.vendor,
                                        r.chip,
                                        r.mixture_of_experts ? "1" : "0",
                                        r.software,
                                        r.software_known ? "1" : "0",
                                        r.flag,
                                        r.doubt,
                                        r.problem,
                                        r.misfit.empty() ? "1" : "0",
                                        number(r.published.value())};
        if (r.problem.empty()) {
            for (double const figure : {r.simulated.value(), results::error_of(r), r.interval.low.value(),
                                        r.interval.high.value()}) {
                fields.push_back(number(figure));
            }
            std::ranges::transform(r.time_by_evidence, std::back_inserter(fields), number);
        }
        fields.resize(headings.size() - 1); // of a run that could not be simulated nothing is known
        fields.push_back(r.plan);
        out += io::csv_line(fields);
    }
    return out;
}

} // namespace moesaic::cli
