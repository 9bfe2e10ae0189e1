#include "cli/command.hpp"
#include "cli/figure_text.hpp"
#include "economics/price_book.hpp"
#include "hardware/catalogue.hpp"
#include "hardware/figures.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <set>

namespace moesaic::cli {

namespace {

using hardware::Chip;
using hardware::Fact;

struct Options {
    bool json = false;
    std::string id;
};

std::string platforms() { return data_folder() + "/platforms"; }
hardware::Catalogue catalogue() { return hardware::Catalogue{platforms()}; }
Origin const on_command_line{"command line", 0, 0, "ID"};

/// The number in the column's unit with the mark of its confidence, "-" where it is not known.
template <class Q>
std::string cell(Fact<Q> const* fact, double unit) {
    return fact ? fmt::format("{:.5g}{}", fact->value.value() / unit, mark_of(fact->confidence)) : "-";
}
template <class Q>
Fact<Q> const* known(std::optional<Fact<Q>> const& fact) {
    return fact ? &*fact : nullptr;
}

void print_list(hardware::Catalogue const& all) {
    using Align = TextTable::Align;
    TextTable table{{{"id"},
                     {"bf16 TFLOP/s", Align::right},
                     {"fp8 TFLOP/s", Align::right},
                     {"memory GiB", Align::right},
                     {"HBM GB/s", Align::right},
                     {"scale-up GB/s", Align::right},
                     {"NIC GB/s", Align::right},
                     {"power W", Align::right},
                     {"vendor"},
                     {"name"}}};
    for (auto const& id : all.chip_ids()) {
        auto const chip = all.chip(id, on_command_line);
        table.add_row(
            {chip.id, cell(find_peak(chip, Dtype::bf16), 1e12), cell(find_peak(chip, Dtype::fp8), 1e12),
             cell(known(chip.memory_capacity), bytes_per_gib), cell(known(chip.memory_bandwidth), 1e9),
             cell(known(chip.scale_up_bandwidth), 1e9), cell(known(chip.nic_bandwidth), 1e9),
             cell(known(chip.power), 1.0), chip.vendor, chip.name});
    }
    fmt::print("{}\nDense peaks; links each way per chip. {}\n`moesaic chips show ID` gives every source.\n",
               table.text(), mark_legend);
}

/// One line of the list: SI units, null where not known, and the confidences beside them.
io::Json list_entry(Chip const& chip) {
    auto out = io::Json::object();
    auto confidence = io::Json::object();
    out.set("id", chip.id).set("vendor", chip.vendor).set("name", chip.name).set("status", chip.status);
    auto const add = [&](std::string const& name, std::string const& unit, auto const* fact) {
        out.set(name + unit, fact ? io::Json{fact->value.value()} : io::Json{});
        if (fact) {
            confidence.set(name, name_of(fact->confidence));
        }
    };
    add("peak_bf16", "_flop_per_s", find_peak(chip, Dtype::bf16));
    add("peak_fp8", "_flop_per_s", find_peak(chip, Dtype::fp8));
    add("memory", "_bytes", known(chip.memory_capacity));
    add("memory_bandwidth", "_bytes_per_s", known(chip.memory_bandwidth));
    add("scale_up_each_way", "_bytes_per_s", known(chip.scale_up_bandwidth));
    add("nic_each_way", "_bytes_per_s", known(chip.nic_bandwidth));
    add("power", "_w", known(chip.power));
    return out.set("confidence", std::move(confidence));
}

void list_chips(bool json) {
    auto const all = catalogue();
    if (!json) {
        print_list(all);
        return;
    }
    auto chips = io::Json::array();
    for (auto const& id : all.chip_ids()) {
        chips.add(list_entry(all.chip(id, on_command_line)));
    }
    fmt::print("{}\n", io::Json::object().set("chips", std::move(chips)).text());
}

std::string_view yes_or_no(std::optional<bool> value) { return !value ? "not known" : *value ? "yes" : "no"; }

/// visit(book, "rent" or "purchase", price) for every price of the chip in any book.
template <class Visit>
void for_each_price(std::string const& chip, Visit visit) {
    auto const of_chip = [&](economics::PriceBook const& book, std::string_view kind, auto const& prices) {
        for (auto const& price : prices) {
            if (price.chip == chip) {
                visit(book, kind, price);
            }
        }
    };
    for (auto const& id : economics::price_book_ids(platforms())) {
        auto const book = economics::find_price_book(platforms(), id, on_command_line);
        of_chip(book, "rent", book.rents);
        of_chip(book, "purchase", book.purchases);
    }
}

/// The names of all documents behind the fact and its alternatives.
template <class T>
void collect_sources(Fact<T> const& fact, std::set<std::string>& names) {
    names.insert(fact.source);
    for (auto const& other : fact.alternatives) {
        names.insert(other.source);
    }
}

std::set<std::string> sources_of(Chip const& chip) {
    std::set<std::string> names;
    for_each_figure(chip, [&](std::string_view, auto const* fact) {
        if (fact) {
            collect_sources(*fact, names);
        }
    });
    for_each_price(chip.id,
                   [&](auto const&, auto, auto const& price) { collect_sources(price.amount, names); });
    return names;
}

void print_addresses(std::set<std::string> const& names) {
    auto const sources = catalogue().sources();
    std::string lines;
    for (auto const& name : names) {
        auto const* source = find_source(sources, name);
        if (source && !source->url.empty()) {
            lines += fmt::format("  {}\n      {}\n", name, source->url);
        }
    }
    fmt::print("{}{}", lines.empty() ? "" : "\naddresses of the sources:\n", lines);
}

void print_prices(Chip const& chip) {
    TextTable table{{{"price"}, {"amount"}, {"confidence"}, {"source (note)"}}};
    bool any = false;
    for_each_price(chip.id, [&](auto const& book, std::string_view kind, auto const& price) {
        add_figure_rows(table, fmt::format("{}, {} ({})", book.id, kind, price.date), price.amount);
        any = true;
    });
    fmt::print("\n{}", any ? table.text() : "no price book has this chip\n");
}

void print_chip(Chip const& chip) {
    fmt::print("{}: {} ({}, {}, {})\n", chip.id, chip.name, chip.vendor, chip.kind, chip.status);
    fmt::print("US origin: {}   made for data centres: {}\n", yes_or_no(chip.us_origin),
               yes_or_no(chip.datacenter_designed));
    fmt::print("memory type: {}   in timing tables: {}\n", chip.memory_type.value_or("not known"),
               chip.timing_names.empty() ? "not listed"
                                         : fmt::format("{}", fmt::join(chip.timing_names, ", ")));
    fmt::print("file: {}\n\n", chip.file);
    auto table = figure_table();
    std::vector<std::string> missing;
    for_each_figure(chip, [&](std::string_view name, auto const* fact) {
        if (fact) {
            add_figure_rows(table, name, *fact);
        } else {
            missing.emplace_back(name);
        }
    });
    fmt::print("{}", table.text());
    if (!missing.empty()) {
        fmt::print("\nnot known: {}\n", fmt::join(missing, ", "));
    }
    print_prices(chip);
    print_addresses(sources_of(chip));
}

io::Json prices_json(Chip const& chip) {
    auto prices = io::Json::array();
    for_each_price(chip.id, [&](auto const& book, std::string_view kind, auto const& price) {
        prices.add(io::Json::object()
                       .set("book", book.id)
                       .set("kind", kind)
                       .set("place", price.place)
                       .set("date", price.date)
                       .set("price", figure_json(price.amount)));
    });
    return prices;
}

io::Json chip_json(Chip const& chip) {
    auto out = io::Json::object();
    out.set("id", chip.id).set("vendor", chip.vendor).set("name", chip.name).set("kind", chip.kind);
    out.set("status", chip.status).set("us_origin", io::Json::optional(chip.us_origin));
    out.set("datacenter_designed", io::Json::optional(chip.datacenter_designed));
    out.set("memory_type", io::Json::optional(chip.memory_type));
    auto names = io::Json::array();
    for (auto const& name : chip.timing_names) {
        names.add(name);
    }
    out.set("timing_names", std::move(names)).set("file", chip.file);
    auto figures = io::Json::object();
    for_each_figure(chip, [&](std::string_view name, auto const* fact) {
        figures.set(std::string{name}, fact ? figure_json(*fact) : io::Json{});
    });
    out.set("figures", std::move(figures)).set("prices", prices_json(chip));
    auto addresses = io::Json::object();
    auto const sources = catalogue().sources();
    for (auto const& name : sources_of(chip)) {
        auto const* source = find_source(sources, name);
        addresses.set(name, source && !source->url.empty() ? io::Json{source->url} : io::Json{});
    }
    return out.set("source_addresses", std::move(addresses));
}

void show_chip(Options const& options) {
    auto const chip = catalogue().chip(options.id, on_command_line);
    if (options.json) {
        fmt::print("{}\n", chip_json(chip).text());
    } else {
        print_chip(chip);
    }
}

} // namespace

void add_chips_command(CLI::App& app, Outcome& /*outcome*/) {
    auto const options = std::make_shared<Options>();
    auto* chips = app.add_subcommand("chips", "The chips of the catalogue, figure by figure with its source");
    chips->add_flag("--json", options->json, "One JSON object on stdout; amounts in SI units");
    chips->footer(
        "Examples:\n  moesaic chips\n  moesaic chips show nvidia_h20\n"
        "  moesaic chips show huawei_ascend_910b2 --json\n\n"
        "Figures that sources dispute keep their alternatives; what nobody published is not filled in.");
    auto* show = chips->add_subcommand("show", "Every figure of one chip: source, confidence, alternatives");
    show->add_option("ID", options->id, "As listed by `moesaic chips`")->required();
    show->fallthrough();
    show->footer("Example:\n  moesaic chips show nvidia_h800_sxm5");
    chips->callback([chips, show, options] {
        if (chips->got_subcommand(show)) {
            show_chip(*options);
        } else {
            list_chips(options->json);
        }
    });
}

} // namespace moesaic::cli
