#include "cli/run_report.hpp"

#include "cli/number_text.hpp"
#include "cli/terminal.hpp"
#include "cli/text_table.hpp"
#include "cli/training_report.hpp"
#include "io/unit_text.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::cli {

namespace {

using results::Run;
using scenario::Scenario;

std::string money(std::optional<Money> const& value) {
    return value ? fmt::format("{:.2f} M {}", value->amount / 1e6, value->currency) : "-";
}

/// "published 6.35 M CNY, simulated +3.1 %"
std::string against(std::string const& shown, double published, double simulated) {
    return fmt::format("published {}, simulated {:+.1f} %", shown, 100.0 * (simulated / published - 1.0));
}

std::vector<std::string> comparisons(Scenario const& s, Run const& run) {
    std::vector<std::string> out;
    if (!s.published || !run.metrics) {
        return out;
    }
    auto const& p = *s.published;
    auto const& m = *run.metrics;
    if (p.cost_per_trillion_tokens && run.cost_per_trillion_tokens) {
        out.push_back("cost per trillion tokens: " + against(money(p.cost_per_trillion_tokens),
                                                             p.cost_per_trillion_tokens->amount,
                                                             run.cost_per_trillion_tokens->amount));
    }
    if (p.chip_hours_per_trillion_tokens) {
        out.push_back("chip-hours per trillion tokens: " + against(grouped(*p.chip_hours_per_trillion_tokens),
                                                                   *p.chip_hours_per_trillion_tokens,
                                                                   m.chip_hours_per_trillion_tokens));
    }
    if (p.step_time) {
        out.push_back("step time: " +
                      against(io::text_of(*p.step_time), p.step_time->value(), m.step.value()));
    }
    if (p.tokens_per_s) {
        out.push_back("tokens/s: " + against(grouped(*p.tokens_per_s), *p.tokens_per_s, m.tokens_per_s));
    }
    if (p.mfu) {
        out.push_back("MFU: " + against(percent(*p.mfu), *p.mfu, m.mfu));
    }
    if (p.effective_training_time && run.training->played) {
        auto const goodput = run.training->played->goodput(run.training->undisturbed);
        out.push_back(fmt::format("effective training time: published above {}, simulated {}",
                                  percent(*p.effective_training_time), percent(goodput)));
    }
    return out;
}

std::string evidence_text(results::Metrics const& m) {
    std::string out;
    for (int level = 0; level < timing::evidence_levels; ++level) {
        out += fmt::format("{}{} {}", level ? ", " : "", name_of(static_cast<timing::Evidence>(level)),
                           percent(m.time_by_evidence[static_cast<std::size_t>(level)]));
    }
    return out;
}

std::string meetings_text(results::Meetings const& m) {
    return fmt::format(
        "meetings  {} workers, every {} steps ({}): a step takes {}, one with a meeting {}; the "
        "busiest chip sends {}, {} of {} behind kernels\n",
        m.workers, m.every, m.method, io::text_of(m.without), io::text_of(m.with), io::text_of(m.bytes),
        percent(m.hidden()), io::text_of(m.alone));
}

std::string memory_text(std::vector<parallel::ClassMemory> const& classes) {
    TextTable table{{{"memory", TextTable::Align::left},
                     {"needs", TextTable::Align::right},
                     {"has", TextTable::Align::right},
                     {"weights", TextTable::Align::right},
                     {"gradients", TextTable::Align::right},
                     {"optimizer", TextTable::Align::right},
                     {"activations", TextTable::Align::right},
                     {"buffers", TextTable::Align::right},
                     {"reserve", TextTable::Align::right}}};
    auto const gib = [](Bytes b) { return fmt::format("{:.1f} GiB", b.value() / bytes_per_gib); };
    for (auto const& c : classes) {
        table.add_row({c.name, gib(c.parts.total()), gib(c.capacity), gib(c.parts.weights),
                       gib(c.parts.gradients), gib(c.parts.optimizer), gib(c.parts.activations),
                       gib(c.parts.buffers), gib(c.parts.reserve)});
    }
    return table.text();
}

std::string path_text(engine::Timeline const& timeline) {
    constexpr std::size_t shown = 12;
    TextTable table{{{"critical path", TextTable::Align::left},
                     {"time", TextTable::Align::right},
                     {"share", TextTable::Align::right}}};
    Seconds rest = timeline.step;
    for (std::size_t i = 0; i < std::min(shown, timeline.path.size()); ++i) {
        auto const& part = timeline.path[i];
        table.add_row({part.label, io::text_of(part.time), percent(part.time / timeline.step)});
        rest -= part.time;
    }
    if (timeline.path.size() > shown) {
        table.add_row({fmt::format("{} more", timeline.path.size() - shown), io::text_of(rest),
                       percent(rest / timeline.step)});
    }
    return table.text();
}

/// Communication that has a column in the table of ranks: every run's, and what some rank is held up by. What holds up for a
/// pipeline's messages is waiting.
std::vector<parallel::Stream> told_streams(std::vector<engine::ClassTime> const& classes) {
    using enum parallel::Stream;
    std::vector<parallel::Stream> out;
    for (std::size_t i = 0; i < parallel::streams; ++i) {
        auto const stream = static_cast<parallel::Stream>(i);
        bool const usual = stream == tensor || stream == expert || stream == data;
        bool const holds_up =
            std::ranges::any_of(classes, [i](auto const& c) { return c.exposed[i] > Seconds{}; });
        if (stream != compute && stream != pipeline && (usual || holds_up)) {
            out.push_back(stream);
        }
    }
    return out;
}

std::string classes_text(Run const& run) {
    using enum TextTable::Align;
    auto const& classes = run.timeline.classes;
    auto const streams = told_streams(classes);
    std::vector<TextTable::Column> columns{{"time of a rank", left}, {"compute", right}};
    for (auto const stream : streams) {
        columns.push_back({std::string{name_of(stream)}, right});
    }
    columns.push_back({"waiting", right});
    columns.push_back({"█ compute ▓ exchange ░ waiting", left});
    TextTable table{columns};
    for (std::size_t i = 0; i < classes.size(); ++i) {
        auto const& c = classes[i];
        auto const share = [&](Seconds s) { return s / run.timeline.step; };
        auto const exposed = [&](parallel::Stream s) {
            return share(c.exposed[static_cast<std::size_t>(s)]);
        };
        auto const computing = share(c.compute);
        auto const waiting =
            share(c.bubble + c.exposed[static_cast<std::size_t>(parallel::Stream::pipeline)]);
        std::vector<std::string> row{run.memory[i].name, percent(computing)};
        for (auto const stream : streams) {
            row.push_back(percent(exposed(stream)));
        }
        row.push_back(percent(waiting));
        auto const idle = waiting + exposed(parallel::Stream::host); // no exchange either
        row.push_back(bar_text(computing, 1.0 - computing - idle, idle, 30));
        table.add_row(std::move(row));
    }
    return table.text();
}

/// Empty where the scenario names what runs.
std::string software_text(Scenario const& s) {
    if (s.plan.practice.is_known) {
        return "";
    }
    return fmt::format("software  {}; the 80 % are those of runs whose software nobody has described\n",
                       s.software.empty() ? "none is named" : s.software + " stands for the one that runs");
}

} // namespace

std::string run_summary(Scenario const& s, Run const& run) {
    std::string out = s.name + "\n" + (s.description.empty() ? "" : s.description + "\n") + "\n";
    out += fmt::format("plan      {}\n", run.plan);
    if (run.misfit) {
        return out + fmt::format("memory    {}\n\n{}", *run.misfit, memory_text(run.memory));
    }
    auto const& m = *run.metrics;
    out += fmt::format("step      {} (80 %: {} to {})\n", io::text_of(m.step),
                       io::text_of(m.step_interval.low), io::text_of(m.step_interval.high));
    if (run.meetings) {
        out += meetings_text(*run.meetings);
    }
    out += fmt::format("speed     {} tokens/s, MFU {}, HFU {}\n", grouped(m.tokens_per_s), percent(m.mfu),
                       percent(m.hfu));
    out += fmt::format(
        "training  {} chip-hours per trillion tokens, {}\n", grouped(m.chip_hours_per_trillion_tokens),
        run.cost_per_trillion_tokens ? money(run.cost_per_trillion_tokens) : "no price book, so no cost");
    out += training_text(s, run);
    if (run.spending) {
        out += spending_text(*run.spending);
    }
    out += fmt::format("evidence  {} (of the critical path)\n", evidence_text(m));
    out += fmt::format(
        "          from the timings' doubt alone 80 % lie from {} to {}; the rest is the model's\n",
        io::text_of(m.timings_interval.low), io::text_of(m.timings_interval.high));
    out += software_text(s);
    for (auto const& line : comparisons(s, run)) {
        out += fmt::format("compare   {}\n", line);
    }
    out += "\n" + path_text(run.timeline) + "\n" + classes_text(run) + "\n" + memory_text(run.memory);
    for (std::size_t i = 0; i < s.assumptions.size(); ++i) {
        out += fmt::format("{}  - {}\n", i == 0 ? "\nassumptions of this scenario\n" : "", s.assumptions[i]);
    }
    return out;
}

InputError misfit_error(Scenario const& s, Run const& run) {
    expects(run.misfit.has_value(), "what fits has no misfit");
    return {s.plan.origin, *run.misfit,
            "Shard the model further, recompute more, or use chips with more memory"};
}

std::optional<InputError> refusal_of(Scenario const& s, Run const& run) {
    if (run.misfit) {
        return misfit_error(s, run);
    }
    if (run.spending && run.spending->over_budget()) {
        return InputError{s.means.budget_origin, over_budget_text(*run.spending),
                          "Use fewer or cheaper chips, or those of the stock"};
    }
    return std::nullopt;
}

std::vector<std::string> run_columns() {
    return {"scenario", "plan",         "fits",   "step",      "tokens/s",
            "MFU",      "chip-hours/T", "cost/T", "published", "measured"};
}

std::vector<std::string> run_row(Scenario const& s, Run const& run) {
    auto const published = s.published ? money(s.published->cost_per_trillion_tokens) : "-";
    if (run.misfit) {
        return {s.name, run.short_plan, "no", "-", "-", "-", "-", "-", published, "-"};
    }
    auto const& m = *run.metrics;
    return {s.name,
            run.short_plan,
            "yes",
            io::text_of(m.step),
            grouped(m.tokens_per_s),
            percent(m.mfu),
            grouped(m.chip_hours_per_trillion_tokens),
            money(run.cost_per_trillion_tokens),
            published,
            percent(m.time_by_evidence[0] + m.time_by_evidence[1])};
}

namespace {

io::Json money_json(std::optional<Money> const& value) {
    return value ? io::Json::object().set("value", value->amount).set("currency", value->currency)
                 : io::Json{};
}

io::Json memory_json(std::vector<parallel::ClassMemory> const& classes) {
    auto out = io::Json::array();
    for (auto const& c : classes) {
        out.add(io::Json::object()
                    .set("class", c.name)
                    .set("chip", c.chip)
                    .set("needed_bytes", c.parts.total().value())
                    .set("capacity_bytes", c.capacity.value())
                    .set("weights_bytes", c.parts.weights.value())
                    .set("gradients_bytes", c.parts.gradients.value())
                    .set("optimizer_bytes", c.parts.optimizer.value())
                    .set("activations_bytes", c.parts.activations.value())
                    .set("buffers_bytes", c.parts.buffers.value())
                    .set("reserve_bytes", c.parts.reserve.value()));
    }
    return out;
}

io::Json meetings_json(results::Meetings const& m) {
    return io::Json::object()
        .set("workers", m.workers)
        .set("every", m.every)
        .set("method", m.method)
        .set("step_without_s", m.without.value())
        .set("step_with_s", m.with.value())
        .set("alone_s", m.alone.value())
        .set("hidden", m.hidden())
        .set("bytes", m.bytes.value());
}

io::Json path_json(engine::Timeline const& timeline) {
    auto out = io::Json::array();
    for (auto const& part : timeline.path) {
        out.add(io::Json::object().set("label", part.label).set("time_s", part.time.value()));
    }
    return out;
}

io::Json evidence_json(results::Metrics const& m) {
    auto out = io::Json::object();
    for (int level = 0; level < timing::evidence_levels; ++level) {
        out.set(std::string{name_of(static_cast<timing::Evidence>(level))},
                m.time_by_evidence[static_cast<std::size_t>(level)]);
    }
    return out;
}

io::Json interval_json(results::Interval const& interval) {
    return io::Json::array().add(interval.low.value()).add(interval.high.value());
}

io::Json published_json(scenario::Published const& p) {
    return io::Json::object()
        .set("source", p.source)
        .set("cost_per_trillion_tokens", money_json(p.cost_per_trillion_tokens))
        .set("chip_hours_per_trillion_tokens", io::Json::optional(p.chip_hours_per_trillion_tokens))
        .set("step_time_s", p.step_time ? io::Json{p.step_time->value()} : io::Json{})
        .set("tokens_per_s", io::Json::optional(p.tokens_per_s))
        .set("mfu", io::Json::optional(p.mfu))
        .set("effective_training_time", io::Json::optional(p.effective_training_time));
}

} // namespace

io::Json run_json(Scenario const& s, Run const& run) {
    auto out = io::Json::object();
    out.set("scenario", s.name).set("file", s.file).set("plan", run.plan).set("fits", !run.misfit);
    out.set("software", s.software).set("software_known", s.plan.practice.is_known);
    out.set("misfit", io::Json::optional(run.misfit)).set("memory", memory_json(run.memory));
    if (run.metrics) {
        auto const& m = *run.metrics;
        out.set("step_time_s", m.step.value())
            .set("tokens_per_s", m.tokens_per_s)
            .set("mfu", m.mfu)
            .set("hfu", m.hfu)
            .set("chips", m.chips)
            .set("chip_hours_per_trillion_tokens", m.chip_hours_per_trillion_tokens)
            .set("cost_per_trillion_tokens", money_json(run.cost_per_trillion_tokens))
            .set("time_by_evidence", evidence_json(m))
            .set("step_time_interval_80_s", interval_json(m.step_interval))
            .set("step_time_interval_80_of_timings_s", interval_json(m.timings_interval))
            .set("critical_path", path_json(run.timeline))
            .set("activities", run.timeline.activities);
    }
    if (run.meetings) {
        out.set("meetings", meetings_json(*run.meetings));
    }
    if (s.published) {
        out.set("published", published_json(*s.published));
    }
    if (run.training) {
        out.set("training", training_json(*run.training));
    }
    if (run.spending) {
        out.set("spending", spending_json(*run.spending));
    }
    return out.set("simulation_wall_s", run.simulation_wall.value());
}

} // namespace moesaic::cli
