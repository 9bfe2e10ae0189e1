#include "results/trace.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "io/json.hpp"
#include "io/text_file.hpp"
#include "results/trace_counters.hpp"

#include <fmt/format.h>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace moesaic::results {

namespace {

using io::Json;
using parallel::Program;
using parallel::Stream;

/// What all runs of one operation share, as JSON: quoted name, and its arguments without braces.
struct OpText {
    std::string name;
    std::string arguments;
};

std::string without_braces(Json const& object) {
    auto const line = object.line();
    return line.substr(1, line.size() - 2);
}

OpText text_of(parallel::Block const& block, parallel::BlockOp const& op) {
    auto about = Json::object();
    about.set("phase", name_of(block.phase)).set("block", block.name);
    auto const name = std::visit(
        overloaded{[&](parallel::Compute const& c) {
                       about.set("pass", name_of(c.pass)).set("evidence", name_of(c.duration.evidence));
                       about.set("timings", c.key).set("relative_uncertainty", c.duration.sigma);
                       about.set("kernels", c.times).set("flop", c.work.value());
                       return fmt::format("{} {}", model::name_of(c.kind), c.role);
                   },
                   [&](parallel::Collective const& c) {
                       about.set("bytes", c.bytes.value()).set("ranks", c.group.count);
                       return fmt::format("{} {}", timing::name_of(c.kind), c.role);
                   }},
        op.work);
    return {Json{name}.line(), without_braces(about)};
}

/// A stretch of time in whole nanoseconds.
struct Stretch {
    std::int64_t start;
    std::int64_t end;
};

/// 1234567 ns -> "1234.567", the microseconds of the format.
std::string microseconds(std::int64_t ns) { return fmt::format("{}.{:03}", ns / 1000, ns % 1000); }

/// Where the micro-batch and phase of a message are told: the work item that waits for it.
struct MessageUse {
    int micro_batch = 0;
    parallel::Phase phase = parallel::Phase::forward;
};

std::vector<MessageUse> uses_of_messages(Program const& program) {
    std::vector<MessageUse> uses(program.messages.size());
    for (auto const& rank_class : program.classes) {
        for (auto const& item : rank_class.schedule) {
            for (auto const message : item.receives) {
                uses[static_cast<std::size_t>(message)] = {
                    item.micro_batch, rank_class.blocks[static_cast<std::size_t>(item.block)].phase};
            }
        }
    }
    return uses;
}

/// A rank that was simulated, for itself and those like it.
using Place = std::pair<int, ChipIndex>; ///< class, rank

class TraceWriter {
  public:
    TraceWriter(std::string const& path, Run const& run) : file_{path}, run_{run}, program_{*run.program} {
        auto about = Json::object();
        about.set("scenario", run.scenario)
            .set("plan", run.plan)
            .set("step_time_s", run.timeline.step.value());
        file_.write(fmt::format(R"({{"displayTimeUnit":"ms","otherData":{},"traceEvents":[)", about.line()));
    }

    /// A process per rank that was simulated, class by class.
    void name_processes() {
        std::set<Place> places;
        for (std::size_t i = 0; i < program_.classes.size(); ++i) {
            simulated_.emplace_back();
        }
        for (auto const& event : run_.timeline.events) {
            if (places.insert({event.rank_class, event.rank}).second) {
                simulated_[static_cast<std::size_t>(event.rank_class)].push_back(event.rank);
            }
        }
        for (auto const& place : places) {
            auto const process = static_cast<int>(processes_.size()) + 1;
            processes_[place] = process;
            row(fmt::format(R"({{"ph":"M","name":"process_name","pid":{},"args":{{"name":{}}}}})", process,
                            Json{name_of_process(place)}.line()));
            row(fmt::format(
                R"({{"ph":"M","name":"process_sort_index","pid":{0},"args":{{"sort_index":{0}}}}})",
                process));
        }
    }

    void write_operation(engine::Event const& event) {
        auto const& text = op_text(event);
        Stretch const when{nanoseconds(event.start), nanoseconds(event.end)};
        auto const arguments = fmt::format(R"({},"micro_batch":{})", text.arguments, event.micro_batch);
        slice({event.rank_class, event.rank}, event.stream, when, {text.name, arguments});
    }

    /// A slice at the receiver, and where one rank stands for all senders, one at the sender, joined by a flow.
    void write_message(engine::Event const& event, MessageUse const& use) {
        auto const& message = program_.messages[static_cast<std::size_t>(event.block)];
        auto const from = message.from.index();
        auto const to = message.to.index();
        auto about = Json::object();
        about.set("from", program_.classes[from].name).set("to", program_.classes[to].name);
        about.set("phase", name_of(use.phase)).set("micro_batch", use.micro_batch);
        about.set("bytes", message.bytes.value());
        auto const arguments = without_braces(about);
        Stretch const when{nanoseconds(event.start), nanoseconds(event.end)};
        Place const receiver{event.rank_class, event.rank};
        auto const got = slice(receiver, message.stream, when, {R"("receive")", arguments});
        ++size_.messages;
        if (simulated_[from].size() != 1) {
            return;
        }
        Place const sender{static_cast<int>(from), simulated_[from].front()};
        auto const sent = slice(sender, message.stream, when, {R"("send")", arguments});
        auto const middle = when.start + (when.end - when.start) / 2;
        row(fmt::format(R"({{"ph":"s","id":{},"name":"message","cat":"pipeline","pid":{},"tid":{},"ts":{}}})",
                        size_.messages, processes_.at(sender), sent, microseconds(when.start)));
        row(fmt::format(
            R"({{"ph":"f","bp":"e","id":{},"name":"message","cat":"pipeline","pid":{},"tid":{},"ts":{}}})",
            size_.messages, processes_.at(receiver), got, microseconds(middle)));
    }

    void write_memory() {
        for (auto const& [place, counter] : memory_counters(run_)) {
            write_counter(counter, processes_.at(place));
        }
    }

    /// In a process of their own.
    void write_links() {
        auto const process = static_cast<int>(processes_.size()) + 1;
        row(fmt::format(R"({{"ph":"M","name":"process_name","pid":{},"args":{{"name":"links"}}}})", process));
        for (auto const& counter : link_counters(run_.timeline)) {
            write_counter(counter, process);
        }
    }

    TraceSize finish() {
        file_.write("\n]}\n");
        file_.commit();
        return size_;
    }

  private:
    void write_counter(Counter const& counter, int process) {
        auto const name = Json{counter.name}.line();
        for (auto const& [when, value] : counter.values) {
            row(fmt::format(R"({{"ph":"C","name":{},"pid":{},"ts":{},"args":{{"{}":{:.6g}}}}})", name,
                            process, microseconds(when), counter.unit, value));
        }
        size_.counts += static_cast<std::int64_t>(counter.values.size());
    }

    [[nodiscard]] std::string name_of_process(Place const& place) const {
        auto const at = static_cast<std::size_t>(place.first);
        auto const& rank_class = program_.classes[at];
        auto const& chip = run_.memory[at].chip;
        return simulated_[at].size() == 1
                   ? fmt::format("{}: {} ({} ranks)", rank_class.name, chip, rank_class.members.count)
                   : fmt::format("{}, rank {}: {}", rank_class.name, place.second.index(), chip);
    }

    void row(std::string const& json) {
        file_.write(first_ ? "\n" : ",\n");
        file_.write(json);
        first_ = false;
    }

    OpText const& op_text(engine::Event const& event) {
        auto const [at, is_new] = texts_.try_emplace({event.rank_class, event.block, event.op});
        if (is_new) {
            auto const& block = program_.classes[static_cast<std::size_t>(event.rank_class)]
                                    .blocks[static_cast<std::size_t>(event.block)];
            at->second = text_of(block, block.ops[static_cast<std::size_t>(event.op)]);
        }
        return at->second;
    }

    /// The thread it stands on.
    int slice(Place const& place, Stream stream, Stretch when, OpText const& text) {
        auto const thread = free_thread(place, stream, when);
        row(fmt::format(
            R"({{"ph":"X","name":{},"cat":"{}","pid":{},"tid":{},"ts":{},"dur":{},"args":{{{}}}}})",
            text.name, name_of(stream), processes_.at(place), thread, microseconds(when.start),
            microseconds(when.end - when.start), text.arguments));
        ++size_.slices;
        return thread;
    }

    /// The first thread of the stream that has nothing else at that time, named when it is first used.
    int free_thread(Place const& place, Stream stream, Stretch when) {
        constexpr int threads_per_stream = 1000;
        auto& ends = busy_until_[{processes_.at(place), stream}];
        std::size_t lane = 0;
        while (lane < ends.size() && ends[lane] > when.start) {
            ++lane;
        }
        auto const thread = static_cast<int>(stream) * threads_per_stream + static_cast<int>(lane) + 1;
        if (lane == ends.size()) {
            ends.push_back(0);
            auto const number = lane == 0 ? std::string{} : fmt::format(" {}", lane + 1);
            row(fmt::format(R"({{"ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":"{}{}"}}}})",
                            processes_.at(place), thread, name_of(stream), number));
            row(fmt::format(
                R"({{"ph":"M","name":"thread_sort_index","pid":{},"tid":{},"args":{{"sort_index":{}}}}})",
                processes_.at(place), thread, thread));
        }
        ends[lane] = when.end;
        return thread;
    }

    io::TextFileWriter file_;
    Run const& run_;
    Program const& program_;
    std::map<std::tuple<int, int, int>, OpText> texts_; ///< by class, block, operation
    std::map<Place, int> processes_;
    std::vector<std::vector<ChipIndex>> simulated_;                           ///< ranks, by class
    std::map<std::tuple<int, Stream>, std::vector<std::int64_t>> busy_until_; ///< by process
    TraceSize size_;
    bool first_ = true;
};

} // namespace

TraceSize write_trace(std::string const& path, Run const& run) {
    expects(run.program.has_value(), "a trace is of a run that kept its events");
    expects(run.program->classes.size() == run.memory.size(), "times and memory of the same rank classes");
    TraceWriter trace{path, run};
    trace.name_processes();
    auto const uses = uses_of_messages(*run.program);
    for (auto const& event : run.timeline.events) {
        if (event.op < 0) {
            trace.write_message(event, uses[static_cast<std::size_t>(event.block)]);
        } else {
            trace.write_operation(event);
        }
    }
    trace.write_memory();
    trace.write_links();
    return trace.finish();
}

} // namespace moesaic::results
