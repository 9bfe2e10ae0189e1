#include "base/nearest_names.hpp"
#include "cli/command.hpp"
#include "cli/rules_report.hpp"
#include "hardware/catalogue.hpp"
#include "io/text_file.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <utility>

namespace moesaic::cli {

namespace {

using namespace export_control;

struct Options {
    std::string date;
    std::string to = "CN";
    std::string headquarters;
    std::string from = "US";
    std::string end_use = "commercial";
    std::vector<std::string> jurisdictions{"US"};
    std::vector<std::string> chips;
    std::vector<std::string> alternatives;
    std::string what_if;
    std::string svg;
    bool timeline = false;
    bool each_rule = false;
    bool list = false;
    bool attributes = false;
    bool tpp = false;
    bool json = false;
};

std::string country(std::string const& text, std::string const& option) {
    if (!parse_value(ValueType::country, text)) {
        throw InputError{Origin::whole_file(option), fmt::format("\"{}\" is no country", text),
                         value_help(ValueType::country)};
    }
    return text;
}

/// The day asked for, else the last one on which the rules changed: one day for all deals, so that they can be compared.
Date date_of(Options const& options, RuleSet const& rules) {
    if (options.date.empty()) {
        return last_change(rules);
    }
    if (auto const found = parse_date(options.date)) {
        return *found;
    }
    throw InputError{Origin::whole_file("--date"), fmt::format("\"{}\" is no date", options.date),
                     "Write it like 2025-04-15"};
}

void check_known(std::string const& name, std::vector<std::string> const& known, std::string const& option) {
    if (!std::ranges::count(known, name)) {
        throw InputError{Origin::whole_file(option), fmt::format("there is no \"{}\"", name),
                         suggestion(name, known)};
    }
}

Regime regime_of(Options const& options) {
    auto const destination = country(options.to, "--to");
    auto words = known_words(hardware::Catalogue{data_folder() + "/platforms"}.all_chips());
    auto regime =
        make_regime(read_rules(data_folder() + "/scenarios/rules", std::move(words)), Date{}, destination);
    if (!options.headquarters.empty()) {
        regime.deal.headquarters = country(options.headquarters, "--headquarters");
    }
    regime.deal.exported_from = country(options.from, "--from");
    check_known(options.end_use, end_use_names(), "--end-use");
    regime.deal.end_use = options.end_use;
    for (auto const& one : options.jurisdictions) {
        check_known(one, regime.rules.jurisdictions(), "--jurisdiction");
    }
    regime.jurisdictions = options.jurisdictions;
    for (auto const& choice : options.alternatives) {
        auto const equals = choice.find('=');
        if (equals == std::string::npos) {
            throw InputError{Origin::whole_file("--alternative " + choice), "has no \"=\"",
                             "Write it like us_2025_04_letters=bill_4100"};
        }
        choose_alternative(regime.rules, choice.substr(0, equals), choice.substr(equals + 1),
                           Origin::whole_file("--alternative"));
    }
    regime.deal.date = date_of(options, regime.rules);
    return regime;
}

std::vector<hardware::Chip> chips_of(Options const& options) {
    hardware::Catalogue const catalogue{data_folder() + "/platforms"};
    std::vector<hardware::Chip> out;
    for (auto const& id : options.chips.empty() ? catalogue.chip_ids() : options.chips) {
        out.push_back(catalogue.chip(id, Origin::whole_file("--chip")));
    }
    return out;
}

/// The same deal by the rules that the destination itself made; none where it made none or they count already.
std::optional<Regime> import_regime(Regime const& regime) {
    auto const& place = regime.deal.destination;
    if (!std::ranges::count(regime.rules.jurisdictions(), place) ||
        std::ranges::count(regime.jurisdictions, place)) {
        return std::nullopt;
    }
    auto out = regime;
    out.jurisdictions = {place};
    return out;
}

void print_table(Options const& options, Regime const& published, Regime const& regime) {
    auto const imports = import_regime(regime);
    RulesReport report{regime, {}};
    for (auto const& chip : chips_of(options)) {
        ChipStatus status{evaluate(chip, regime), std::nullopt, std::nullopt};
        if (imports) {
            status.import_side = evaluate(chip, *imports);
        }
        if (!options.what_if.empty()) {
            status.baseline = evaluate(chip, published);
        }
        report.chips.push_back(std::move(status));
    }
    fmt::print("{}{}", options.json ? json_of(report).text() : text_of(report), options.json ? "\n" : "");
}

void print_timeline(Options const& options, Regime const& regime) {
    auto const timeline = make_timeline(chips_of(options), regime);
    if (!options.svg.empty()) {
        io::write_text_file(
            options.svg,
            timeline_svg(timeline,
                         fmt::format("Export to {} under the rules of {}{}", regime.deal.destination,
                                     fmt::join(regime.jurisdictions, " and "),
                                     regime.assumptions.empty() ? "" : ", in a hypothetical world"),
                         regime.assumptions));
        fmt::print(stderr, "wrote {}\n", options.svg);
    }
    if (options.json) {
        fmt::print("{}\n", timeline_json(timeline, regime).text());
    } else {
        fmt::print("{}", timeline_text(timeline, regime));
    }
}

void run_rules(Options const& options) {
    if (options.attributes) {
        fmt::print("{}", attribute_list_text());
        return;
    }
    if (options.tpp) {
        fmt::print("{}", performance_text(chips_of(options)));
        return;
    }
    auto const published = regime_of(options);
    auto regime = published;
    if (!options.what_if.empty()) {
        apply_what_if(regime, io::read_toml_file(options.what_if));
    }
    if (options.list) {
        fmt::print("{}",
                   options.json ? rule_list_json(regime.rules).text() + "\n" : rule_list_text(regime.rules));
    } else if (options.timeline || !options.svg.empty()) {
        print_timeline(options, regime);
    } else if (options.each_rule) {
        fmt::print("{}", each_rule_text(regime, chips_of(options)));
    } else {
        print_table(options, published, regime);
    }
}

void add_deal_options(CLI::App& rules, Options& options) {
    rules.add_option("--date", options.date,
                     "Day of the deal, as 2025-04-15 (default: the last change of the rules)");
    rules.add_option("--to", options.to, "Country that the chip goes to, as two capitals")
        ->capture_default_str();
    rules.add_option("--headquarters", options.headquarters,
                     "Country of the buyer or its ultimate parent (default: the destination)");
    rules.add_option("--from", options.from, "Country that it is shipped from")->capture_default_str();
    rules.add_option("--end-use", options.end_use, fmt::format("{}", fmt::join(end_use_names(), ", ")))
        ->capture_default_str();
    rules.add_option("--jurisdiction", options.jurisdictions, "Whose rules decide; several may be given")
        ->capture_default_str();
    rules.add_option("--alternative", options.alternatives,
                     "Thresholds that sources disagree on: RULE=NAME, as --list names them");
    rules.add_option("--what-if", options.what_if,
                     "TOML file that edits, adds or removes rules or assumes figures; shows what it changes");
}

} // namespace

void add_rules_command(CLI::App& app, Outcome&) {
    auto const options = std::make_shared<Options>();
    auto* const rules = app.add_subcommand("rules", "Which chips the export rules of a date allow, and why");
    rules->description(
        "For each chip: the outcome under the rules of a date and destination, the rule and the figure that "
        "decide,\n"
        "figures within 10 % of a limit, and figures that would have to be known.\n"
        "Examples: moesaic rules --date 2025-04-15 --to CN --chip nvidia_h20\n"
        "          moesaic rules --timeline --svg timeline.svg\n"
        "          moesaic rules --date 2025-06-01 --what-if limit_4tb.toml, where the file holds\n"
        "            [[edit]]\n"
        "            rule = \"us_2025_04_letters\"\n"
        "            limits = { memory_limit = \"4.5 TB/s\" }");
    add_deal_options(*rules, *options);
    rules->add_option("--chip", options->chips, "Only these chips, by id")->delimiter(',');
    rules->add_flag("--timeline", options->timeline,
                    "Each chip's status from one change of the rules to the next");
    rules->add_option("--svg", options->svg, "Draw the timeline into this file");
    rules->add_flag("--each-rule", options->each_rule, "Every rule in force for every chip, with the reason");
    rules->add_flag("--list", options->list, "The rules themselves: dates, predicate in words, source");
    rules->add_flag("--attributes", options->attributes, "What a predicate can ask for");
    rules->add_flag("--tpp", options->tpp,
                    "TPP and performance density computed as BIS defines them, compared");
    rules->add_flag("--json", options->json, "One JSON object on stdout");
    rules->callback([=] { run_rules(*options); });
}

} // namespace moesaic::cli
