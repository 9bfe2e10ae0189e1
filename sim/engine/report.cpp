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
    }

  private:
    struct Sum : PathKey {
        Sum() { evidence = timing::Evidence::measured; }
    };
    std::map<std::string, Seconds> labels_;
    std::map<std::string, Sum> keys_;
    std::array<Seconds, timing::evidence_levels> by_evidence_{};
};

struct Where {
    parallel::Block const& block;
    CompiledBlock const& compiled;
};

Where where(Record const& record, parallel::Program const& program, CompiledProgram const& compiled) {
    auto const& rank_class = program.classes[record.rank_class];
    auto const block = rank_class.schedule[record.item].block;
    return {rank_class.blocks[block], compiled.classes[record.rank_class][block]};
}

/// A unit of kernels splits as its kernels do; `stretch` is its true length over their sum.
void add_kernels(PathSums& sums, parallel::Block const& block, Unit const& unit, Seconds time) {
    auto const stretch = time / unit.time;
    for (auto const op : unit.ops) {
        auto const& compute = std::get<Compute>(block.ops[op].work);
        auto part = compute.duration;
        part.time *= stretch;
        sums.add(fmt::format("{} {}", model::name_of(compute.kind), compute.role), compute.key, part);
    }
}

void add_record(PathSums& sums, Record const& record, Seconds time, Where const& at,
                Transfer const* transfer) {
    auto const& unit = at.compiled.units[record.unit];
    auto const* collective = collective_of(at.block, unit);
    if (collective == nullptr) {
        add_kernels(sums, at.block, unit, time);
        return;
    }
    sums.add(fmt::format("{} {}", timing::name_of(collective->kind), collective->role), transfer->key,
             {time, transfer->evidence, transfer->sigma});
}

} // namespace

void report_critical_path(RunLog const& log, parallel::Program const& program,
                          CompiledProgram const& compiled, Transfers const& transfers, Timeline& timeline) {
    // A step repeats few units many times: sum the time of each first.
    std::map<std::tuple<int, int, int>, std::pair<Seconds, Record>> on_path;
    for (auto at = log.last; at >= 0; at = log.records[at].cause) {
        auto const& record = log.records[at];
        auto const group =
            record.unit < 0
                ? std::tuple{-1, compiled.messages[record.item], -1}
                : std::tuple{record.rank_class,
                             program.classes[record.rank_class].schedule[record.item].block, record.unit};
        auto& [time, example] = on_path[group];
        time += Seconds{record.end - record.start};
        example = record;
    }
    PathSums sums;
    for (auto const& [group, entry] : on_path) {
        auto const& [time, record] = entry;
        if (record.unit < 0) {
            auto const& transfer = transfers.at(compiled.messages[record.item]);
            sums.add("send_recv pipeline", transfer.key, {time, transfer.evidence, transfer.sigma});
            continue;
        }
        auto const at = where(record, program, compiled);
        auto const transfer = at.compiled.transfers[record.unit];
        // kernels have no transfer
        add_record(sums, record, time, at, transfer < 0 ? nullptr : &transfers.at(transfer));
    }
    sums.move_to(timeline);
}

std::vector<Event> events_of(RunLog const& log, parallel::Program const& program,
                             CompiledProgram const& compiled) {
    std::vector<Event> events;
    for (auto const& record : log.records) {
        Event event{.rank_class = record.rank_class,
                    .stream = static_cast<parallel::Stream>(record.stream),
                    .op = -1,
                    .start = Seconds{record.start},
                    .end = Seconds{record.end}};
        if (record.unit < 0) {
            event.micro_batch = -1;
            event.block = record.item;
            events.push_back(event);
            continue;
        }
        auto const& item = program.classes[record.rank_class].schedule[record.item];
        event.block = item.block;
        event.micro_batch = item.micro_batch;
        auto const [block, compiled_block] = where(record, program, compiled);
        auto const& unit = compiled_block.units[record.unit];
        for (auto const op : unit.ops) {
            event.op = op;
            auto const* compute = std::get_if<Compute>(&block.ops[op].work);
            if (compute != nullptr) {
                auto const stretch = Seconds{record.end - record.start} / unit.time;
                event.end = event.start + compute->duration.time * stretch;
            }
            events.push_back(event);
            event.start = event.end;
        }
    }
    return events;
}

} // namespace moesaic::engine
