#include "engine/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace moesaic::engine {

using parallel::Compute;

namespace {

/// Collects the parts of the path under the names of the report.
class PathSums {
  public:
    void add(std::string const& label, std::string const& key, timing::Duration const& part) {
        labels_[label] += part.time;
        auto& sum = keys_[key];
        sum.key = key;
        sum.time += part.time;
        sum.time_weighted_sigma += part.time.value() * part.sigma;
        sum.evidence = timing::weakest(sum.evidence, part.evidence);
        by_evidence_[static_cast<int>(part.evidence)] += part.time;
    }
    void add_stretched(Dtype format, Seconds time) { stretched_[format] += time; }
    void move_to(Timeline& timeline) const {
        for (auto const& [label, time] : labels_) {
            timeline.path.push_back({label, time});
        }
        for (auto const& [key, sum] : keys_) {
            timeline.path_keys.push_back(sum);
        }
        auto const longest_first = [](auto const& a, auto const& b) { return a.time > b.time; };
        std::ranges::stable_sort(timeline.path, longest_first);
        std::ranges::stable_sort(timeline.path_keys, longest_first);
        timeline.path_by_evidence = by_evidence_;
        timeline.path_stretched = stretched_;
    }

  private:
    struct Sum : PathKey {
        Sum() { evidence = timing::Evidence::measured; }
    };
    std::map<std::string, Seconds> labels_;
    std::map<std::string, Sum> keys_;
    std::map<Dtype, Seconds> stretched_;
    std::array<Seconds, timing::evidence_levels> by_evidence_{};
};

/// A unit of kernels splits as its kernels do; `stretch` is its true length over their sum.
void add_kernels(PathSums& sums, parallel::Block const& block, Unit const& unit, Seconds time) {
    auto const stretch = time / unit.time;
    for (auto const op : unit.ops) {
        auto const& compute = std::get<Compute>(block.ops[op].work);
        auto part = compute.duration;
        part.time *= stretch;
        auto const kind =
            compute.key == parallel::host_key ? parallel::host_key : model::name_of(compute.kind);
        sums.add(fmt::format("{} {}", kind, compute.role), compute.key, part);
        if (compute.stretched && compute.operation) {
            sums.add_stretched(compute.operation->dtype, part.time);
        }
    }
}

int class_of(Record const& record, RunReport const& run) { return run.folding.cells[record.cell].rank_class; }

parallel::WorkItem const& item_of(Record const& record, RunReport const& run) {
    return run.program.classes[class_of(record, run)].schedule[record.item];
}

void add_record(PathSums& sums, Record const& record, Seconds time, RunReport const& run) {
    if (record.unit < 0) {
        auto const& transfer = run.transfers.at(record.transfer);
        bool const tokens = run.program.messages[record.item].groups > 0;
        sums.add(tokens ? "all_to_all tokens" : "send_recv pipeline", transfer.key,
                 {time, transfer.evidence, transfer.sigma});
        return;
    }
    auto const block = item_of(record, run).block;
    auto const& ops = run.program.classes[class_of(record, run)].blocks[block];
    auto const& unit = run.compiled.blocks[class_of(record, run)][block].units[record.unit];
    auto const* collective = collective_of(ops, unit);
    if (collective == nullptr) {
        add_kernels(sums, ops, unit, time);
        return;
    }
    auto const& transfer = run.transfers.at(record.transfer);
    sums.add(fmt::format("{} {}", timing::name_of(collective->kind), collective->role), transfer.key,
             {time, transfer.evidence, transfer.sigma});
}

/// Where the step that is reported begins: 0 but for open-ended programs.
double program_begin(RunReport const& run, Timeline const& timeline) {
    return run.program.open_ended ? run.log.end - timeline.step.value() : 0.0;
}

} // namespace

void report_critical_path(RunReport const& run, Timeline& timeline) {
    timeline.path_by_class.assign(run.program.classes.size(), Seconds{});
    // A step repeats few units many times: sum the time of each first. Messages have block and unit -1.
    using Repeated = std::tuple<int, int, int, int>;
    std::map<Repeated, std::pair<Seconds, Record>> on_path;
    // of an open-ended program the last part that is as long as a step: what lies before it, the step before hides
    auto const from = program_begin(run, timeline);
    for (auto at = run.log.last; at >= 0 && run.log.records[at].end > from; at = run.log.records[at].cause) {
        auto const& record = run.log.records[at];
        auto const part = Seconds{record.end - std::max(record.start, from)};
        auto const block = record.unit < 0 ? -1 : item_of(record, run).block;
        auto& [time, example] = on_path[{class_of(record, run), block, record.unit, record.transfer}];
        time += part;
        example = record;
        timeline.path_by_class[class_of(record, run)] += part;
    }
    PathSums sums;
    for (auto const& [repeated, entry] : on_path) {
        add_record(sums, entry.second, entry.first, run);
    }
    sums.move_to(timeline);
}

std::vector<ClassTime> class_times(RunReport const& run) {
    std::vector<ClassTime> out;
    for (auto const& cells : run.folding.of_class) {
        auto const busiest =
            std::ranges::min_element(cells, {}, [&](int cell) { return run.log.cells[cell].bubble.value(); });
        out.push_back(run.log.cells[*busiest]);
    }
    return out;
}

std::vector<LinkLoad> link_loads(RunReport const& run, hardware::Topology const& topology,
                                 bool keep_stretches) {
    auto const of_transfer = run.transfers.link_bytes();
    std::map<LinkId, LinkLoad> loads;
    for (auto const& record : run.log.records) {
        if (record.transfer < 0) {
            continue;
        }
        for (auto const& [id, bytes] : of_transfer[record.transfer]) {
            auto& load = loads[id];
            load.bytes += bytes;
            if (keep_stretches) {
                load.stretches.push_back({Seconds{record.start}, Seconds{record.end}, bytes});
            }
        }
    }
    std::vector<LinkLoad> out;
    for (auto& [id, load] : loads) {
        auto const& link = topology.link(id);
        load.name = link.name;
        load.bandwidth = link.bandwidth;
        load.chips = topology.chips_behind(id).size();
        out.push_back(std::move(load));
    }
    return out;
}

void for_each_event(RunReport const& run, std::function<void(Event const&)> const& visit) {
    for (auto const& record : run.log.records) {
        Event event{.rank_class = class_of(record, run),
                    .rank = run.folding.cells[record.cell].representative,
                    .stream = static_cast<parallel::Stream>(record.stream),
                    .block = record.item,
                    .op = -1,
                    .micro_batch = -1,
                    .start = Seconds{record.start},
                    .end = Seconds{record.end}};
        if (record.unit < 0) {
            visit(event);
            continue;
        }
        auto const& item = item_of(record, run);
        event.block = item.block;
        event.micro_batch = item.micro_batch;
        auto const& block = run.program.classes[event.rank_class].blocks[item.block];
        auto const& unit = run.compiled.blocks[event.rank_class][item.block].units[record.unit];
        for (auto const op : unit.ops) {
            event.op = op;
            auto const* compute = std::get_if<Compute>(&block.ops[op].work);
            if (compute != nullptr) {
                auto const stretch = Seconds{record.end - record.start} / unit.time;
                event.end = event.start + compute->duration.time * stretch;
            }
            visit(event);
            event.start = event.end;
        }
    }
}

} // namespace moesaic::engine
