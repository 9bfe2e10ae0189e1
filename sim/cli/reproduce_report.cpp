#include "cli/reproduce_report.hpp"

#include "cli/text_table.hpp"
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

io::Json reproduction_json(std::vector<Reproduced> const& runs) {
    auto records = io::Json::array();
    for (auto const& run : runs) {
        auto record = io::Json::object();
        record.set("id", run.id).set("paper", run.paper).set("group", run.group).set("source", run.source);
        record.set("chip", run.chip).set("vendor", run.vendor).set("moe", run.mixture_of_experts);
        record.set("software", run.software)
            .set("software_known", run.software_known)
            .set("stack", run.stack)
            .set("precision", run.precision)
            .set("plan", run.plan)
            .set("flag", run.flag)
            .set("doubt", run.doubt);
        record.set("problem", run.problem).set("fits", run.misfit.empty());
        record.set("published", run.published.value()).set("unit", "s").set("peer", run.peer);
        if (!run.peer.empty()) {
            record.set("peer_step_time_s", run.peer_predicts.value());
        }
        if (run.problem.empty()) {
            auto evidence = io::Json::object();
            for (std::size_t level = 0; level < run.time_by_evidence.size(); ++level) {
                evidence.set(std::string{name_of(static_cast<timing::Evidence>(level))},
                             run.time_by_evidence[level]);
            }
            record.set("simulated", run.simulated.value()).set("error", results::error_of(run));
            record.set("interval_80",
                       io::Json::array().add(run.interval.low.value()).add(run.interval.high.value()));
            auto kinds = io::Json::object();
            for (auto const& [kind, share] : run.time_by_kind) {
                kinds.set(kind, share);
            }
            record.set("evidence", std::move(evidence)).set("time_by_kind", std::move(kinds));
        }
        records.add(std::move(record));
    }
    auto groups = io::Json::array();
    for (auto const& g : results::accuracy_by_group(runs)) {
        groups.add(io::Json::object()
                       .set("group", g.group)
                       .set("records", g.records)
                       .set("median_abs_error", g.median)
                       .set("mean_abs_error", g.mean)
                       .set("p90_abs_error", g.p90)
                       .set("bias", g.bias)
                       .set("rank_correlation", io::Json::optional(g.rank_correlation))
                       .set("rate_rank_correlation", io::Json::optional(g.rate_rank_correlation))
                       .set("interval_80_coverage", g.coverage));
    }
    return io::Json::object().set("records", std::move(records)).set("groups", std::move(groups));
}

std::string reproduction_csv(std::vector<Reproduced> const& runs) {
    std::string out = "id,paper,group,vendor,chip,moe,software,software_known,flag,doubt,problem,fits,"
                      "published_s,simulated_s,error,"
                      "low_s,high_s,measured,interpolated,transferred,analytic,plan\n";
    auto const quoted = [](std::string text) {
        std::ranges::replace(text, '"', '\'');
        return text.find(',') == std::string::npos ? text : '"' + text + '"';
    };
    for (auto const& r : runs) {
        out +=
            fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},", r.id, r.paper, r.group, r.vendor, r.chip,
                        r.mixture_of_experts ? 1 : 0, r.software, r.software_known ? 1 : 0, quoted(r.flag),
                        quoted(r.doubt), quoted(r.problem), r.misfit.empty() ? 1 : 0, r.published.value());
        if (r.problem.empty()) {
            out += fmt::format("{},{},{},{},{},{},{},{},", r.simulated.value(), results::error_of(r),
                               r.interval.low.value(), r.interval.high.value(), r.time_by_evidence[0],
                               r.time_by_evidence[1], r.time_by_evidence[2], r.time_by_evidence[3]);
        } else {
            out += ",,,,,,,,";
        }
        out += quoted(r.plan) + "\n";
    }
    return out;
}

} // namespace moesaic::cli
