#include "base/errors.hpp"
#include "base/isolated.hpp"
#include "base/nearest_names.hpp"
#include "base/parallel_for.hpp"
#include "cli/clusters_parts.hpp"
#include "cli/command.hpp"
#include "cli/text_table.hpp"
#include "cli/timing_remarks.hpp"
#include "engine/lowering.hpp"
#include "engine/simulate.hpp"
#include "hardware/catalogue.hpp"
#include "io/json.hpp"
#include "io/unit_text.hpp"
#include "parallel/one_collective.hpp"
#include "scenario/run_scenario.hpp"
#include "timing/collective_curve.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <sstream>

namespace moesaic::cli {

namespace {

using hardware::Tier;
using parallel::Collective;
using timing::Algorithm;
using timing::CollectiveKind;

struct Arguments {
    std::string cluster;
    std::string collective = "all_reduce";
    std::vector<std::string> bytes;
    std::vector<std::string> algorithms;
    std::vector<std::string> timings;
    int ranks = 0;
    int per_node = 0;
    int nics = 0;
    std::string nic_bandwidth;
    bool json = false;
};

Origin from(std::string const& option) { return {"command line", 0, 0, option}; }

CollectiveKind kind_of(std::string const& name) {
    if (auto const kind = timing::find_collective(name); kind && *kind != CollectiveKind::send_recv) {
        return *kind;
    }
    throw InputError{
        from("--collective"), fmt::format("\"{}\" is no collective", name),
        suggestion(name, {"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast"})};
}

std::vector<Algorithm> algorithms_of(Arguments const& arguments, CollectiveKind kind) {
    auto known = timing::algorithms_of(kind);
    if (arguments.algorithms.empty()) {
        return known;
    }
    std::vector<Algorithm> out;
    for (auto const& name : arguments.algorithms) {
        auto const at = std::ranges::find(known, name, [](Algorithm a) { return timing::name_of(a); });
        if (at == known.end()) {
            std::vector<std::string> names;
            std::ranges::transform(known, std::back_inserter(names),
                                   [](Algorithm a) { return std::string{name_of(a)}; });
            throw InputError{from("--algorithm"),
                             fmt::format("no {} is carried out by \"{}\"", timing::name_of(kind), name),
                             suggestion(name, names)};
        }
        out.push_back(*at);
    }
    return out;
}

std::vector<Bytes> sizes_of(Arguments const& arguments) {
    constexpr double most = 1e18;
    std::vector<Bytes> out;
    for (auto const& text : arguments.bytes) {
        auto const size = io::parse_quantity<Bytes>(text);
        if (!size || !(size->value() > 0.0 && size->value() <= most)) {
            throw InputError{from("--bytes"),
                             fmt::format("\"{}\" is no size above 0 and up to 1e18 bytes", text),
                             io::quantity_help<Bytes>()};
        }
        out.push_back(*size);
    }
    return out;
}

BytesPerSecond nic_bandwidth_of(std::string const& text) {
    auto const bandwidth = io::parse_quantity<BytesPerSecond>(text);
    if (!bandwidth || bandwidth->value() <= 0.0) {
        throw InputError{from("--nic-bandwidth"), fmt::format("\"{}\" is no rate above 0", text),
                         io::quantity_help<BytesPerSecond>()};
    }
    return *bandwidth;
}

/// The cluster as the job finds it.
hardware::Cluster cluster_of(Arguments const& arguments) {
    hardware::Catalogue const catalogue{data_folder() + "/platforms"};
    auto cluster = catalogue.cluster(arguments.cluster, from("CLUSTER"));
    if (arguments.nics > cluster.node.chips) {
        throw InputError{from("--nics"),
                         fmt::format("a node of {} has {} chips", cluster.id, cluster.node.chips),
                         "Several chips may share a NIC, but none has two"};
    }
    if (arguments.nics > 0 && cluster.node.chips % arguments.nics != 0) {
        throw InputError{from("--nics"),
                         fmt::format("{} NICs are not shared alike by the {} chips of a node of {}",
                                     arguments.nics, cluster.node.chips, cluster.id)};
    }
    cluster.node.nics = arguments.nics > 0 ? arguments.nics : cluster.node.nics;
    if (!arguments.nic_bandwidth.empty()) {
        cluster.node.nic_bandwidth.value = nic_bandwidth_of(arguments.nic_bandwidth);
    }
    return cluster;
}

/// Ranks that are spread evenly over the chips of each node: each with the NIC that is nearest to it.
parallel::RankSet ranks_of(Arguments const& arguments, hardware::Cluster const& cluster) {
    auto const in_node = cluster.node.chips;
    auto const per_node = arguments.per_node > 0 ? arguments.per_node : in_node;
    if (in_node % per_node != 0) {
        throw InputError{
            from("--per-node"),
            fmt::format("{} ranks do not spread evenly over the {} chips of a node", per_node, in_node),
            "Give a divisor of the chips"};
    }
    auto const most = per_node * cluster.nodes;
    if (arguments.ranks < 2 || arguments.ranks > most) {
        throw InputError{from("--ranks"), fmt::format("{} ranks", arguments.ranks),
                         fmt::format("{} has room for 2 to {}", cluster.id, most)};
    }
    return {ChipIndex{0}, in_node / per_node, arguments.ranks};
}

/// What one rank sends, one way.
struct Sent {
    Bytes inside, beyond;
};

struct Row {
    Collective work;
    Sent sent;
    timing::Duration duration;
};

class Bench {
  public:
    explicit Bench(Arguments const& arguments)
        : cluster_{cluster_of(arguments)}, group_{ranks_of(arguments, cluster_)},
          topology_{{{cluster_, whole_nodes()}}, {}},
          timings_{scenario::load_timings({}, data_folder(), arguments.timings, true)} {}

    [[nodiscard]] parallel::RankSet const& group() const { return group_; }
    [[nodiscard]] timing::Timings const& timings() const { return timings_; }
    [[nodiscard]] int nodes() const { return whole_nodes() / cluster_.node.chips; }

    [[nodiscard]] Sent sent(Collective const& work) const {
        auto const program = parallel::only(work);
        Sent out;
        for (auto const& flow : engine::lower(work, program.classes.front(), topology_).flows) {
            (flow.tier <= Tier::node ? out.inside : out.beyond) += flow.bytes;
        }
        return out;
    }

    /// At most once in a process, since it simulates.
    [[nodiscard]] timing::Duration duration(Collective const& work) const {
        auto const timeline = engine::simulate(parallel::only(work), topology_, timings_);
        timing::Duration out{timeline.step, timing::Evidence::measured, 0.0};
        for (auto const& key : timeline.path_keys) {
            out.evidence = timing::weakest(out.evidence, key.evidence);
            out.sigma += key.time_weighted_sigma / timeline.step.value();
        }
        return out;
    }

  private:
    [[nodiscard]] int whole_nodes() const {
        auto const last = static_cast<int>(group_.stride * (group_.count - 1));
        return (last / cluster_.node.chips + 1) * cluster_.node.chips;
    }

    hardware::Cluster cluster_;
    parallel::RankSet group_;
    hardware::Topology topology_;
    timing::Timings timings_;
};

/// Each simulated in a process of its own.
void fill_in_times(std::vector<Row>& rows, Bench const& bench) {
    std::vector<std::function<std::string()>> jobs;
    for (auto const& row : rows) {
        jobs.emplace_back([&bench, &row] {
            auto const [time, evidence, sigma] = bench.duration(row.work);
            return fmt::format("{} {} {}", time.value(), static_cast<int>(evidence), sigma);
        });
    }
    auto const texts = run_isolated(jobs, workers_or_cores(0));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::istringstream text{texts[i]};
        double seconds = 0.0, sigma = 0.0;
        int evidence = 0;
        expects(static_cast<bool>(text >> seconds >> evidence >> sigma), "a job tells three figures");
        rows[i].duration = {Seconds{seconds}, static_cast<timing::Evidence>(evidence), sigma};
    }
}

BytesPerSecond algorithm_bandwidth(Row const& row) { return row.work.bytes / row.duration.time; }
/// As nccl-tests has it: what a link would carry if each rank had one and the bytes went round a ring.
BytesPerSecond bus_bandwidth(Row const& row) {
    return algorithm_bandwidth(row) *
           timing::rank_bytes_per_byte(row.work.kind, static_cast<int>(row.work.group.count));
}

void print_rows(std::vector<Row> const& rows, Bench const& bench, Arguments const& arguments) {
    using Align = TextTable::Align;
    TextTable table{{{"size", Align::right},
                     {"algorithm"},
                     {"time", Align::right},
                     {"algbw", Align::right},
                     {"busbw", Align::right},
                     {"sent inside", Align::right},
                     {"over the NIC", Align::right},
                     {"evidence"},
                     {"+-", Align::right}}};
    for (auto const& row : rows) {
        table.add_row({io::text_of(row.work.bytes), std::string{name_of(row.work.algorithm)},
                       io::text_of(row.duration.time), io::text_of(algorithm_bandwidth(row)),
                       io::text_of(bus_bandwidth(row)), io::text_of(row.sent.inside),
                       io::text_of(row.sent.beyond), std::string{name_of(row.duration.evidence)},
                       fmt::format("{:.0f} %", 100.0 * row.duration.sigma)});
    }
    fmt::print("{} of {} ranks on {} of {}, nothing beside it\n\n{}", timing::name_of(rows.front().work.kind),
               bench.group().count, bench.nodes() == 1 ? "a node" : fmt::format("{} nodes", bench.nodes()),
               arguments.cluster, table.text());
    fmt::print(
        "\nsize, algbw, busbw: as nccl-tests counts them; sent: by one rank, one way; +-: relative standard "
        "uncertainty.\n");
}

void print_json(std::vector<Row> const& rows, Bench const& bench, Arguments const& arguments) {
    auto list = io::Json::array();
    for (auto const& row : rows) {
        list.add(io::Json::object()
                     .set("bytes", row.work.bytes.value())
                     .set("algorithm", name_of(row.work.algorithm))
                     .set("time_s", row.duration.time.value())
                     .set("algorithm_bytes_per_s", algorithm_bandwidth(row).value())
                     .set("bus_bytes_per_s", bus_bandwidth(row).value())
                     .set("rank_sends_inside_bytes", row.sent.inside.value())
                     .set("rank_sends_over_nic_bytes", row.sent.beyond.value())
                     .set("evidence", name_of(row.duration.evidence))
                     .set("relative_uncertainty", row.duration.sigma));
    }
    fmt::print("{}\n", io::Json::object()
                           .set("cluster", arguments.cluster)
                           .set("collective", timing::name_of(rows.front().work.kind))
                           .set("ranks", bench.group().count)
                           .set("nodes", bench.nodes())
                           .set("times", std::move(list))
                           .text());
}

void time_collective(Arguments const& arguments) {
    auto const kind = kind_of(arguments.collective);
    auto const algorithms = algorithms_of(arguments, kind);
    auto const sizes = sizes_of(arguments);
    Bench const bench{arguments};
    tell_remarks(bench.timings().reports());
    std::vector<Row> rows;
    for (auto const& size : sizes) {
        for (auto const algorithm : algorithms) {
            Collective work{.kind = kind, .bytes = size, .group = bench.group(), .role = "alone"};
            work.algorithm = algorithm;
            rows.push_back({work, bench.sent(work), {}});
        }
    }
    fill_in_times(rows, bench);
    if (arguments.json) {
        print_json(rows, bench, arguments);
    } else {
        print_rows(rows, bench, arguments);
    }
}

} // namespace

CLI::App* add_clusters_time(CLI::App& clusters) {
    auto const arguments = std::make_shared<Arguments>();
    auto* command =
        clusters.add_subcommand("time", "How long one collective takes by each algorithm, nothing beside it");
    command->add_option("CLUSTER", arguments->cluster, "As listed by `moesaic clusters`")->required();
    command->add_option("--collective", arguments->collective,
                        "all_reduce (default), all_gather, reduce_scatter, all_to_all or broadcast");
    command
        ->add_option("--bytes", arguments->bytes,
                     "Size as nccl-tests counts it, such as \"1 GiB\"; several are rows")
        ->required();
    command->add_option("--ranks", arguments->ranks, "Chips that take part, from the first node on")
        ->required()
        ->check(CLI::Range(1, 1'000'000));
    command->add_option("--per-node", arguments->per_node, "Of each node (default: all its chips)")
        ->check(CLI::Range(1, 1'000'000));
    command
        ->add_option("--nics", arguments->nics, "NICs of a node, where they are fewer than the catalogue has")
        ->check(CLI::Range(1, 1'000'000));
    command->add_option("--nic-bandwidth", arguments->nic_bandwidth,
                        "Of each NIC, each way, where it is not the catalogue's, such as \"400 Gbit/s\"");
    command->add_option(
        "--algorithm", arguments->algorithms,
        "automatic (as the library chose where it was measured), ring, tree, direct or hierarchical "
        "(default: all that can carry it out)");
    command->add_option("--timings", arguments->timings, "Further tables or folders of measured times");
    command->add_flag("--json", arguments->json, "One JSON object on stdout; amounts in SI units");
    command->footer(
        "Examples:\n  moesaic clusters time h100_16384 --ranks 64 --bytes \"1 MiB\" \"1 GiB\"\n"
        "  moesaic clusters time gb200_nvl72_4608 --ranks 24 --per-node 8 --bytes \"16 GiB\" --algorithm "
        "ring tree");
    command->callback([arguments] { time_collective(*arguments); });
    return command;
}

} // namespace moesaic::cli
