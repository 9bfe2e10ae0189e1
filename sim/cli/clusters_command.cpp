#include "cli/clusters_parts.hpp"
#include "cli/command.hpp"
#include "cli/figure_text.hpp"
#include "hardware/catalogue.hpp"
#include "hardware/figures.hpp"
#include "hardware/tier_summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>

namespace moesaic::cli {

namespace {

using hardware::Cluster;
using hardware::Fabric;
using hardware::FabricKind;
using hardware::Fact;
using hardware::Provenance;

struct Options {
    bool json = false;
    std::string id;
};

/// What the topology of the whole cluster says about it.
struct Network {
    std::vector<hardware::TierSummary> tiers;
    BytesPerSecond bisection;
    BytesPerSecond per_chip; ///< bisection over the chips of one half
};

hardware::Catalogue catalogue() { return hardware::Catalogue{data_folder() + "/platforms"}; }
Origin const on_command_line{"command line", 0, 0, "ID"};

Network look_at(Cluster const& cluster) {
    int const chips = chips_of(cluster);
    hardware::Topology const topology{{{cluster, chips}}, {}};
    auto const bisection = topology.bisection(PoolId{0});
    return {summarize_tiers(topology, PoolId{0}), bisection, bisection / std::max(1.0, chips / 2.0)};
}

io::Json provenance_json(Provenance const& from) {
    return io::Json::object()
        .set("confidence", name_of(from.confidence))
        .set("source", from.source)
        .set("note", from.note);
}

io::Json list_entry(Cluster const& cluster) {
    return io::Json::object()
        .set("id", cluster.id)
        .set("name", cluster.name)
        .set("chips", chips_of(cluster))
        .set("nodes", cluster.nodes)
        .set("node", cluster.node.id)
        .set("chip", cluster.node.chip.id)
        .set("fabric", name_of(cluster.fabric.kind))
        .set("oversubscription", cluster.fabric.oversubscription)
        .set("confidence", name_of(cluster.layout.confidence));
}

void list_clusters(bool json) {
    auto const all = catalogue();
    auto clusters = io::Json::array();
    using Align = TextTable::Align;
    TextTable table{{{"id"},
                     {"chips", Align::right},
                     {"nodes", Align::right},
                     {"node"},
                     {"chip"},
                     {"fabric"},
                     {"oversubscription", Align::right},
                     {"name"}}};
    for (auto const& id : all.cluster_ids()) {
        auto const cluster = all.cluster(id, on_command_line);
        clusters.add(list_entry(cluster));
        table.add_row(
            {id, fmt::format("{}{}", chips_of(cluster), mark_of(cluster.layout.confidence)),
             fmt::format("{}", cluster.nodes), cluster.node.id, cluster.node.chip.id,
             fmt::format("{}{}", name_of(cluster.fabric.kind), mark_of(cluster.fabric.layout.confidence)),
             fmt::format("{:g}", cluster.fabric.oversubscription), cluster.name});
    }
    if (json) {
        fmt::print("{}\n", io::Json::object().set("clusters", std::move(clusters)).text());
    } else {
        fmt::print("{}\n{}\n`moesaic clusters show ID` gives bandwidth per tier and every source.\n",
                   table.text(), mark_legend);
    }
}

std::string provenance_text(Provenance const& from) {
    return fmt::format("{}, {}{}", name_of(from.confidence), from.source,
                       from.note.empty() ? "" : " (" + from.note + ")");
}

std::string shape_of(Fabric const& fabric) {
    if (fabric.torus) {
        return fmt::format("{} nodes", fmt::join(fabric.torus->shape, " x "));
    }
    auto out = fmt::format("{} nodes per leaf", fabric.nodes_per_leaf);
    if (fabric.kind != FabricKind::dragonfly) {
        out += fmt::format(", oversubscription {:g}", fabric.oversubscription);
    }
    if (fabric.groups) {
        out += fmt::format(", groups of {} leaves", fabric.groups->leaves);
        if (fabric.groups->oversubscription > 1.0) {
            out += fmt::format(" with oversubscription {:g} beyond", fabric.groups->oversubscription);
        }
    }
    return out;
}

/// The figures of the fabric's links, each with what it is.
std::vector<std::pair<std::string, Fact<BytesPerSecond> const*>> bandwidths_of(Fabric const& fabric) {
    std::vector<std::pair<std::string, Fact<BytesPerSecond> const*>> out;
    if (fabric.groups && fabric.groups->local_link) {
        out.emplace_back("fabric.groups.local_link", &*fabric.groups->local_link);
        out.emplace_back("fabric.groups.global_links", &*fabric.groups->global_links);
    }
    if (fabric.torus) {
        out.emplace_back("fabric.link", &fabric.torus->link);
    }
    return out;
}
std::vector<std::pair<std::string, Fact<Seconds> const*>> latencies_of(Fabric const& fabric) {
    if (fabric.torus) {
        return {{"fabric.hop_latency", &fabric.torus->hop_latency}};
    }
    std::vector<std::pair<std::string, Fact<Seconds> const*>> out{
        {"fabric.spine_latency", &fabric.spine_latency}};
    if (fabric.groups) {
        out.emplace_back("fabric.groups.latency", &fabric.groups->latency);
    }
    return out;
}

void print_head(Cluster const& cluster) {
    auto const& node = cluster.node;
    auto const& fabric = cluster.fabric;
    fmt::print("{}: {}\n", cluster.id, cluster.name);
    fmt::print("{} nodes of {} chips = {} chips\n    {}\n", cluster.nodes, node.chips, chips_of(cluster),
               provenance_text(cluster.layout));
    fmt::print("node {}: {}\n    {} chips ({}), {} scale-up, {} NICs: {}\n", node.id, node.name, node.chips,
               node.chip.id, name_of(node.scale_up.kind), node.nics, provenance_text(node.layout));
    fmt::print("fabric {}: {}\n    {}\n", name_of(fabric.kind), shape_of(fabric),
               provenance_text(fabric.layout));
}

void print_cluster(Cluster const& cluster) {
    print_head(cluster);
    auto const network = look_at(cluster);
    using Align = TextTable::Align;
    TextTable tiers{{{"tier"},
                     {"one pair alone", Align::right},
                     {"per chip, all at once", Align::right},
                     {"latency", Align::right}}};
    for (auto const& tier : network.tiers) {
        tiers.add_row({std::string{name_of(tier.tier)}, io::text_of(tier.alone),
                       io::text_of(tier.all_at_once), io::text_of(tier.latency)});
    }
    fmt::print("\nFrom one chip to another, each way:\n{}", tiers.text());
    fmt::print("bisection {} each way, {} per chip of a half\n\n", io::text_of(network.bisection),
               io::text_of(network.per_chip));
    auto table = figure_table();
    for_each_node_figure(cluster.node, [&](std::string_view name, auto const* fact) {
        if (fact) {
            add_figure_rows(table, name, *fact);
        }
    });
    for (auto const& [name, fact] : bandwidths_of(cluster.fabric)) {
        add_figure_rows(table, name, *fact);
    }
    for (auto const& [name, fact] : latencies_of(cluster.fabric)) {
        add_figure_rows(table, name, *fact);
    }
    fmt::print("{}\nfiles: {}\n       {}\n       {}\n", table.text(), cluster.file, cluster.node.file,
               cluster.node.chip.file);
}

io::Json tiers_json(Network const& network) {
    auto tiers = io::Json::array();
    for (auto const& tier : network.tiers) {
        tiers.add(io::Json::object()
                      .set("tier", name_of(tier.tier))
                      .set("one_pair_alone_bytes_per_s", tier.alone.value())
                      .set("per_chip_all_at_once_bytes_per_s", tier.all_at_once.value())
                      .set("latency_s", tier.latency.value()));
    }
    return tiers;
}

io::Json cluster_json(Cluster const& cluster) {
    auto const network = look_at(cluster);
    auto const& node = cluster.node;
    auto figures = io::Json::object();
    for_each_node_figure(node, [&](std::string_view name, auto const* fact) {
        figures.set(std::string{name}, fact ? figure_json(*fact) : io::Json{});
    });
    for (auto const& [name, fact] : bandwidths_of(cluster.fabric)) {
        figures.set(name, figure_json(*fact));
    }
    for (auto const& [name, fact] : latencies_of(cluster.fabric)) {
        figures.set(name, figure_json(*fact));
    }
    auto out = list_entry(cluster);
    out.set("chips_per_node", node.chips).set("nics_per_node", node.nics);
    out.set("scale_up", name_of(node.scale_up.kind)).set("nodes_per_leaf", cluster.fabric.nodes_per_leaf);
    out.set("tiers", tiers_json(network)).set("bisection_bytes_per_s_each_way", network.bisection.value());
    out.set("bisection_per_chip_bytes_per_s", network.per_chip.value()).set("figures", std::move(figures));
    auto layouts = io::Json::object();
    layouts.set("cluster", provenance_json(cluster.layout)).set("node", provenance_json(node.layout));
    layouts.set("fabric", provenance_json(cluster.fabric.layout));
    return out.set("layout_sources", std::move(layouts)).set("file", cluster.file);
}

void show_cluster(Options const& options) {
    auto const cluster = catalogue().cluster(options.id, on_command_line);
    if (options.json) {
        fmt::print("{}\n", cluster_json(cluster).text());
    } else {
        print_cluster(cluster);
    }
}

} // namespace

void add_clusters_command(CLI::App& app, Outcome& /*outcome*/) {
    auto const options = std::make_shared<Options>();
    auto* clusters =
        app.add_subcommand("clusters", "The clusters of the catalogue: nodes, bandwidth per tier, bisection");
    clusters->add_flag("--json", options->json, "One JSON object on stdout; amounts in SI units");
    clusters->footer("Examples:\n  moesaic clusters\n  moesaic clusters show h800_4096\n"
                     "  moesaic clusters show deepseek_h800_2048 --json\n"
                     "  moesaic clusters time h100_16384 --ranks 64 --bytes \"1 GiB\"\n\n"
                     "A pool of a scenario takes the first chips of a cluster.");
    auto* show = clusters->add_subcommand("show", "Node, fabric, bandwidth per tier, bisection, sources");
    show->add_option("ID", options->id, "As listed by `moesaic clusters`")->required();
    show->fallthrough();
    show->footer("Example:\n  moesaic clusters show h20_4096");
    auto const* time = add_clusters_time(*clusters);
    clusters->callback([clusters, show, time, options] {
        if (clusters->got_subcommand(show)) {
            show_cluster(*options);
        } else if (!clusters->got_subcommand(time)) {
            list_clusters(options->json);
        }
    });
}

} // namespace moesaic::cli
