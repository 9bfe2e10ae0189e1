#include "results/run_file.hpp"

#include "base/errors.hpp"
#include "base/random.hpp"
#include "io/hdf5.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::results {

namespace {

using io::Hdf5Column;
using io::Hdf5Label;
using io::Hdf5Writer;

Hdf5Label words(std::string description) { return {"text", std::move(description)}; }
Hdf5Label pure(std::string description) { return {"1", std::move(description)}; }
Hdf5Label seconds(std::string description) { return {"s", std::move(description)}; }
Hdf5Label bytes(std::string description) { return {"B", std::move(description)}; }

/// One column from the same figure of each row.
template <class T, class Rows, class Figure>
std::vector<T> column(Rows const& rows, Figure figure) {
    std::vector<T> out;
    std::ranges::transform(rows, std::back_inserter(out), figure);
    return out;
}

void write_scenario(Hdf5Writer& file, Run const& run, RunOrigin const& origin) {
    file.group("/scenario",
               "What was simulated, complete: the same file, overrides and version give the same run");
    file.write("/scenario/name", run.scenario, words("Name of the scenario"));
    file.write("/scenario/file", origin.file, words("Path of the scenario file as given"));
    file.write("/scenario/text", origin.text, words("The scenario file as read"));
    file.write("/scenario/text_hash", fmt::format("{:016x}", stable_hash(origin.text)),
               words("FNV-1a (64 bits) of the scenario file, hexadecimal"));
    file.write("/scenario/overrides", origin.overrides,
               words("Values put in place of the file's, key=value"));
    file.write("/scenario/plan", run.plan, words("The parallel plan in short"));
    file.write("/scenario/assumptions", origin.assumptions,
               words("What the scenario assumes where sources are silent"));
    file.write("/scenario/timings", origin.timings,
               words("Tables of kernel timings beside the shipped ones"));
    file.write("/scenario/calibration", origin.calibration,
               words("File of the calibration's constants; empty = the shipped one, `none` = none"));
    file.write("/scenario/software", origin.software,
               words("Software whose practice was simulated; empty = none is named"));
    file.write("/scenario/software_known", std::int64_t{origin.software_known ? 1 : 0},
               pure("1 if it is what ran; else it stands for one that nobody has described"));
    file.write("/scenario/seed", static_cast<std::int64_t>(origin.seed), pure("Seed of all random streams"));
    file.write("/scenario/program_version", origin.version, words("Version of MoEsaic"));
}

void write_memory(Hdf5Writer& file, Run const& run) {
    auto const& rows = run.memory;
    auto const part = [&](Bytes parallel::MemoryParts::* which) {
        return column<double>(rows, [&](auto const& c) { return (c.parts.*which).value(); });
    };
    using Parts = parallel::MemoryParts;
    file.write_table(
        "/memory", "Device memory of one rank of each rank class",
        {{"class", column<std::string>(rows, [](auto const& c) { return c.name; }), words("Rank class")},
         {"chip", column<std::string>(rows, [](auto const& c) { return c.chip; }),
          words("Chip of its ranks")},
         {"needed", column<double>(rows, [](auto const& c) { return c.parts.total().value(); }),
          bytes("All parts together")},
         {"capacity", column<double>(rows, [](auto const& c) { return c.capacity.value(); }),
          bytes("What the chip has")},
         {"weights", part(&Parts::weights), bytes("Weights")},
         {"gradients", part(&Parts::gradients), bytes("Gradients")},
         {"optimizer", part(&Parts::optimizer), bytes("Optimizer state and master weights")},
         {"activations", part(&Parts::activations), bytes("Activations at the peak of the schedule")},
         {"buffers", part(&Parts::buffers), bytes("Buffers of communication and of the layer at work")},
         {"reserve", part(&Parts::reserve), bytes("Set aside for the runtime")}});
    file.write("/memory/fits", std::int64_t{run.misfit ? 0 : 1}, pure("1 if every rank class fits, else 0"));
    file.write("/memory/misfit", run.misfit.value_or(""),
               words("What does not fit; empty if everything does"));
}

void write_classes(Hdf5Writer& file, Run const& run) {
    auto const& rows = run.timeline.classes;
    expects(rows.size() == run.memory.size(), "times and memory of the same rank classes");
    std::vector<Hdf5Column> columns{
        {"class", column<std::string>(run.memory, [](auto const& c) { return c.name; }), words("Rank class")},
        {"compute", column<double>(rows, [](auto const& c) { return c.compute.value(); }),
         seconds("Kernels")}};
    for (int stream = 0; stream < parallel::streams; ++stream) {
        auto const name = name_of(static_cast<parallel::Stream>(stream));
        columns.push_back(
            {fmt::format("exposed_{}", name),
             column<double>(
                 rows, [&](auto const& c) { return c.exposed[static_cast<std::size_t>(stream)].value(); }),
             seconds(fmt::format("Waiting for work of stream {} with nothing computing", name))});
    }
    columns.push_back({"bubble", column<double>(rows, [](auto const& c) { return c.bubble.value(); }),
                       seconds("Waiting for another stage or for the end of the step")});
    file.write_table("/step/classes",
                     "How the step of one rank of each class splits; the columns add up to the step time",
                     columns);
}

void write_step(Hdf5Writer& file, Run const& run) {
    auto const& m = *run.metrics;
    file.group("/step", "One training step");
    file.write("/step/step_time", m.step.value(), seconds("Simulated time of one step"));
    file.write(
        "/step/step_time_interval_80",
        std::vector<double>{m.step_interval.low.value(), m.step_interval.high.value()},
        seconds("80 % interval of the step time from the uncertainty of timings and model: low, high"));
    file.write("/step/step_time_interval_80_of_timings",
               std::vector<double>{m.timings_interval.low.value(), m.timings_interval.high.value()},
               seconds("the same from the uncertainty of the timings alone, which measurements can narrow"));
    file.write("/step/tokens_per_s", m.tokens_per_s, {"tokens/s", "Tokens of all replicas per second"});
    file.write("/step/mfu", m.mfu,
               pure("Model FLOP (no recompute, causal attention half) over the chips' bf16 peak"));
    file.write("/step/hfu", m.hfu, pure("The same with recomputed work"));
    file.write("/step/chips", m.chips, pure("Chips that the plan uses"));
    auto const& path = run.timeline.path;
    file.write_table(
        "/step/path", "Critical path by cause, longest first; adds up to the step time",
        {{"label", column<std::string>(path, [](auto const& p) { return p.label; }), words("Cause")},
         {"time", column<double>(path, [](auto const& p) { return p.time.value(); }),
          seconds("On the critical path")}});
    write_classes(file, run);
}

void write_tiers(Hdf5Writer& file, std::vector<PoolNetwork> const& networks) {
    struct Row {
        std::string pool;
        hardware::TierSummary tier;
    };
    std::vector<Row> rows;
    for (auto const& network : networks) {
        for (auto const& tier : network.tiers) {
            rows.push_back({network.pool, tier});
        }
    }
    file.group("/network", "How the chips are joined, and what the links carry");
    file.write_table(
        "/network/tiers", "What a pair of chips finds at each distance, one way",
        {{"pool", column<std::string>(rows, [](Row const& r) { return r.pool; }), words("Pool of chips")},
         {"tier",
          column<std::string>(rows, [](Row const& r) { return std::string{hardware::name_of(r.tier.tier)}; }),
          words("How far: in the node, in the leaf, across the spine")},
         {"alone",
          column<double>(rows, [](Row const& r) { return r.tier.alone.value(); }),
          {"B/s", "Narrowest link of the path"}},
         {"all_at_once",
          column<double>(rows, [](Row const& r) { return r.tier.all_at_once.value(); }),
          {"B/s", "Share of a chip when all chips send as far"}},
         {"latency", column<double>(rows, [](Row const& r) { return r.tier.latency.value(); }),
          seconds("Of the path")}});
}

void write_links(Hdf5Writer& file, Run const& run) {
    auto const& rows = run.timeline.links;
    file.write_table(
        "/network/links", "What links carry in a step, one way; each stands for all with the same traffic",
        {{"link", column<std::string>(rows, [](auto const& l) { return l.name; }), words("Link")},
         {"bandwidth",
          column<double>(rows, [](auto const& l) { return l.bandwidth.value(); }),
          {"B/s", "Of the link"}},
         {"chips",
          column<std::int64_t>(rows, [](auto const& l) { return static_cast<std::int64_t>(l.chips); }),
          pure("Whose traffic it carries; 0 for a link that joins two chips")},
         {"carried", column<double>(rows, [](auto const& l) { return l.bytes.value(); }), bytes("In a step")},
         {"use",
          column<double>(rows, [&](auto const& l) { return l.bytes / l.bandwidth / run.timeline.step; }),
          pure("Share of what the link could carry in a step")}});
}

void write_evidence(Hdf5Writer& file, Run const& run) {
    file.group("/evidence", "What the times rest on");
    for (int level = 0; level < timing::evidence_levels; ++level) {
        auto const name = std::string{name_of(static_cast<timing::Evidence>(level))};
        file.write("/evidence/" + name, run.metrics->time_by_evidence[static_cast<std::size_t>(level)],
                   pure(fmt::format("Share of the critical path on {} timings", name)));
    }
    auto const& keys = run.timeline.path_keys;
    file.write_table(
        "/evidence/keys", "Timings on the critical path by key; errors of one key go together",
        {{"key", column<std::string>(keys, [](auto const& k) { return k.key; }),
          words("Kind of kernel or collective")},
         {"time", column<double>(keys, [](auto const& k) { return k.time.value(); }),
          seconds("On the critical path")},
         {"uncertainty", column<double>(keys, [](auto const& k) { return k.time_weighted_sigma; }),
          seconds("One standard deviation of this time")},
         {"evidence",
          column<std::string>(keys, [](auto const& k) { return std::string{name_of(k.evidence)}; }),
          words("Weakest evidence among them")}});
}

void write_cost(Hdf5Writer& file, Run const& run) {
    file.group("/cost", "What a trillion tokens cost");
    file.write("/cost/chip_hours_per_trillion_tokens", run.metrics->chip_hours_per_trillion_tokens,
               {"h", "Hours of all chips together, without failures"});
    if (run.cost_per_trillion_tokens) {
        auto const& cost = *run.cost_per_trillion_tokens;
        file.write("/cost/cost_per_trillion_tokens", cost.amount,
                   {cost.currency, "At the scenario's price book"});
    }
}

void write_training(Hdf5Writer& file, TrainingTime const& training) {
    file.group("/training", "The whole training, all steps of it");
    file.write("/training/undisturbed", training.undisturbed.value(), seconds("All steps, without failures"));
    file.write("/training/wall", training.wall().value(),
               seconds("From the first step to the last, with failures and checkpoints where there are any"));
    auto const& phases = training.phases;
    file.write_table(
        "/training/phases", "Steps of one batch size after the other",
        {{"global_batch",
          column<std::int64_t>(phases, [](auto const& p) { return p.global_batch; }),
          {"sequences", "Of a step"}},
         {"steps", column<double>(phases, [](auto const& p) { return p.steps; }), pure("How many")},
         {"step_time", column<double>(phases, [](auto const& p) { return p.step.value(); }),
          seconds(
              "Of one; simulated for the last batch size, the others by the difference of lower bounds")}});
    if (auto const& played = training.played) {
        file.write("/training/goodput", played->goodput(training.undisturbed),
                   pure("Share of the time that is training"));
        file.write("/training/failures", played->failures, pure("Failures that interrupted it"));
        file.write("/training/checkpoints", played->checkpoints, pure("Checkpoints saved"));
    }
}

/// A total of the bill and its interval.
void write_total(Hdf5Writer& file, economics::Bill const& bill, std::string const& name,
                 Hdf5Label const& label) {
    auto const which = name == "cost"     ? economics::Total::cost
                       : name == "outlay" ? economics::Total::outlay
                                          : economics::Total::energy;
    auto const interval = economics::interval_of(bill, which);
    file.write("/spending/" + name, total(bill, which), label);
    file.write("/spending/" + name + "_interval_80", std::vector<double>{interval.low, interval.high},
               {label.unit, "80 % interval of it: low, high"});
}

void write_spending(Hdf5Writer& file, Spending const& spending) {
    auto const& bill = spending.bill;
    file.group("/spending", "What the training costs, and the chips that it is done with");
    write_total(file, bill, "cost", {bill.currency, "Use of chips of one's own, rent and power"});
    write_total(file, bill, "outlay",
                {bill.currency, "Money that goes out until the training ends: purchases, rent and power"});
    write_total(file, bill, "energy", {"kWh", "Electricity, that of the building included"});
    file.write("/spending/waiting", bill.waiting.value(),
               seconds("From the regime's date to the first step"));
    auto const& lots = spending.lots;
    file.write_table(
        "/spending/lots", "Chips that come together",
        {{"chip", column<std::string>(lots, [](auto const& l) { return l.lot.chip.id; }), words("Kind")},
         {"chips", column<std::int64_t>(lots, [](auto const& l) { return l.lot.chips; }),
          pure("How many, spare ones included")},
         {"way", column<std::string>(lots, [](auto const& l) { return std::string{name_of(l.lot.way)}; }),
          words("owned, bought or rented")},
         {"date", column<std::string>(lots, [](auto const& l) { return l.day ? iso_text(*l.day) : ""; }),
          words("From when; empty where the scenario does not say")}});
    auto const& lines = bill.lines;
    file.write_table(
        "/spending/lines", "The bill, with every figure at its value",
        {{"account",
          column<std::string>(lines, [](auto const& l) { return std::string{name_of(l.account)}; }),
          words("use, rent, power, purchase or energy")},
         {"chip", column<std::string>(lines, [](auto const& l) { return l.chip; }),
          words("Of which kind of chips")},
         {"what", column<std::string>(lines, [](auto const& l) { return l.what; }),
          words("What draws the power")},
         {"amount",
          column<double>(lines, [](auto const& l) { return l.amount; }),
          {bill.currency, "In the bill's currency; energy in kWh"}}});
}

void write_published(Hdf5Writer& file, std::vector<PublishedFigure> const& rows) {
    file.write_table(
        "/published", "Figures printed about this very run; never used to compute it",
        {{"metric", column<std::string>(rows, [](auto const& p) { return p.metric; }), words("Which figure")},
         {"value",
          column<double>(rows, [](auto const& p) { return p.value; }),
          {"column unit", "As printed, in the unit of its row"}},
         {"unit", column<std::string>(rows, [](auto const& p) { return p.unit; }), words("Unit of value")},
         {"source", column<std::string>(rows, [](auto const& p) { return p.source; }),
          words("Where it is printed")}});
}

/// What the block of an event does; "message" between stages.
std::string phase_of(engine::Event const& event, parallel::Program const& program) {
    if (event.op < 0) {
        return "message";
    }
    auto const& blocks = program.classes[static_cast<std::size_t>(event.rank_class)].blocks;
    return std::string{name_of(blocks[static_cast<std::size_t>(event.block)].phase)};
}

void write_timeline(Hdf5Writer& file, Run const& run) {
    expects(run.program.has_value(), "a run that kept its events kept its program");
    auto const& rows = run.timeline.events;
    auto const whole = [&](int engine::Event::* which) {
        return column<std::int64_t>(rows, [&](auto const& e) { return std::int64_t{e.*which}; });
    };
    using engine::Event;
    file.write_table(
        "/timeline", "Every operation of every rank class as it ran",
        {{"rank_class", whole(&Event::rank_class), pure("Row of /memory")},
         {"rank", column<std::int64_t>(rows, [](auto const& e) { return e.rank.index(); }),
          pure("Rank that stands for those simulated with it")},
         {"stream", column<std::string>(rows, [](auto const& e) { return std::string{name_of(e.stream)}; }),
          words("Stream")},
         {"block", whole(&Event::block), pure("Block of the class")},
         {"phase", column<std::string>(rows, [&](auto const& e) { return phase_of(e, *run.program); }),
          words("What the block does")},
         {"op", whole(&Event::op), pure("Operation of the block; -1 for a message between stages")},
         {"micro_batch", whole(&Event::micro_batch), pure("Micro-batch")},
         {"start", column<double>(rows, [](auto const& e) { return e.start.value(); }),
          seconds("Since the step began")},
         {"end", column<double>(rows, [](auto const& e) { return e.end.value(); }),
          seconds("Since the step began")}});
}

} // namespace

void write_run_file(std::string const& path, Run const& run, RunOrigin const& origin) {
    Hdf5Writer file{path};
    write_scenario(file, run, origin);
    write_memory(file, run);
    write_tiers(file, run.networks);
    if (run.metrics) {
        write_step(file, run);
        write_links(file, run);
        write_evidence(file, run);
        write_cost(file, run);
    }
    if (run.training) {
        write_training(file, *run.training);
    }
    if (run.spending) {
        write_spending(file, *run.spending);
    }
    if (!origin.published.empty()) {
        write_published(file, origin.published);
    }
    if (!run.timeline.events.empty()) {
        write_timeline(file, run);
    }
    file.commit();
}

} // namespace moesaic::results
