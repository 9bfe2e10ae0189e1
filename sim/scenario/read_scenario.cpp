#include "base/nearest_names.hpp"
#include "hardware/figures.hpp"
#include "hardware/transport.hpp"
#include "io/text_file.hpp"
#include "io/unit_text.hpp"
#include "parallel/expert_split.hpp"
#include "parallel/read_choice.hpp"
#include "parallel/read_open_plan.hpp"
#include "parallel/read_plan.hpp"
#include "parallel/read_precision.hpp"
#include "scenario/check_regime.hpp"
#include "scenario/join_pools.hpp"
#include "scenario/read_pool.hpp"
#include "scenario/read_training.hpp"
#include "scenario/scenario.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <set>
#include <tuple>

namespace moesaic::scenario {

namespace {

constexpr std::int64_t most_rows = 100'000'000; ///< of a micro-batch

int find_pool(std::vector<Pool> const& pools, std::string const& name, Origin const& at) {
    auto const found = std::ranges::find(pools, name, &Pool::name);
    if (found == pools.end()) {
        std::vector<std::string> names;
        std::ranges::transform(pools, std::back_inserter(names), &Pool::name);
        throw InputError{at, fmt::format("there is no pool \"{}\"", name), suggestion(name, names)};
    }
    return static_cast<int>(found - pools.begin());
}

int nics_of(Pool const& pool) {
    auto const& node = pool.cluster.node;
    return std::max(1, pool.chips * node.nics / node.chips);
}

/// Rate and start-up follow from the node types at both ends; how well they are known becomes an assumption of the
/// scenario. `nics` of each end take part (all of the smaller end's), the network between them gives each its line rate.
void settle_transport(io::TomlTable const& t, hardware::SiteLink& link, Scenario& s,
                      std::string const& platforms) {
    using hardware::Transport;
    auto const transport = parallel::one_of<Transport>(t, "transport", Transport::device_direct,
                                                       {{"device_direct", Transport::device_direct},
                                                        {"host_memory", Transport::host_memory},
                                                        {"tcp", Transport::tcp}});
    auto const& a = s.pools[static_cast<std::size_t>(link.pool_a)];
    auto const& b = s.pools[static_cast<std::size_t>(link.pool_b)];
    auto const& [node_a, node_b] = std::tie(a.cluster.node, b.cluster.node);
    auto const path = hardware::path_between(node_a, node_b, transport, hardware::read_transports(platforms));
    auto const nics = static_cast<double>(t.integer_or("nics", std::min(nics_of(a), nics_of(b)), 1));
    auto const line = std::min(node_a.nic_bandwidth.value, node_b.nic_bandwidth.value);
    link.bandwidth = t.optional_quantity<BytesPerSecond>("bandwidth").value_or(line * nics);
    link.latency = t.optional_quantity<Seconds>("latency").value_or(path.startup);
    link.per_chip = path.rate;
    link.sender_waits = path.sender_waits;
    s.assumptions.push_back(fmt::format("Between {} and {}: {}, {} a chip each way ({}).", a.name, b.name,
                                        name_of(transport), io::text_of(path.rate), path.basis));
}

hardware::SiteLink read_site_link(io::TomlTable const& t, Scenario& s, std::string const& platforms) {
    auto const& pools = s.pools;
    auto const ends = t.texts("between");
    if (ends.size() != 2 || ends[0] == ends[1]) {
        throw InputError{t.origin("between"), "must name two different pools"};
    }
    hardware::SiteLink link{find_pool(pools, ends[0], t.origin("between")),
                            find_pool(pools, ends[1], t.origin("between")),
                            {},
                            {},
                            {}};
    (void)t.optional_text("source");
    if (t.has("transport")) {
        settle_transport(t, link, s, platforms);
    } else {
        link.bandwidth = t.quantity<BytesPerSecond>("bandwidth");
        link.latency = t.quantity<Seconds>("latency");
    }
    t.reject_unknown_keys();
    return link;
}

/// @param tokens_per_step by which a rate is a time
Published read_published(io::TomlTable const& t, double tokens_per_step) {
    Published out{.source = t.text("source"),
                  .record = t.text_or("record", ""),
                  .group = t.text_or("group", ""),
                  .party = t.text_or("party", ""),
                  .peer = t.text_or("peer", ""),
                  .peer_step_time = t.optional_quantity<Seconds>("peer_step_time"),
                  .metric = t.text_or("metric", ""),
                  .value = t.number_or("value", 0.0),
                  .unit = t.text_or("unit", ""),
                  .step_time_from = t.text_or("step_time_from", "measured"),
                  .flag = t.text_or("flag", ""),
                  .doubt = t.text_or("doubt", ""),
                  .cost_per_trillion_tokens = t.optional_quantity<Money>("cost_per_trillion_tokens"),
                  .chip_hours_per_trillion_tokens = {},
                  .step_time = t.optional_quantity<Seconds>("step_time"),
                  .tokens_per_s = {},
                  .mfu = {},
                  .effective_training_time = {}};
    auto const above_zero = [&](std::string_view key, double most) -> std::optional<double> {
        if (!t.has(key)) {
            return std::nullopt;
        }
        auto const value = t.number(key);
        if (!(value > 0.0 && value <= most)) {
            throw InputError{t.origin(key), fmt::format("{} is not allowed (above 0{})", value,
                                                        most == 1.0 ? ", at most 1: a share" : "")};
        }
        return value;
    };
    for (auto const& [key, time] :
         {std::pair{"step_time", out.step_time}, std::pair{"peer_step_time", out.peer_step_time}}) {
        if (time && !(*time > Seconds{})) {
            throw InputError{t.origin(key), "must be above zero"};
        }
    }
    constexpr double any = std::numeric_limits<double>::max();
    out.chip_hours_per_trillion_tokens = above_zero("chip_hours_per_trillion_tokens", any);
    out.tokens_per_s = above_zero("tokens_per_s", any);
    out.mfu = above_zero("mfu", 1.0);
    out.effective_training_time = above_zero("effective_training_time", 1.0);
    t.reject_unknown_keys();
    if (out.tokens_per_s && !out.step_time) {
        out.step_time = Seconds{tokens_per_step / *out.tokens_per_s};
        out.step_time_from = "converted";
    }
    return out;
}

void read_training(io::TomlTable const& t, Scenario& s) {
    s.shape.sequence_length = t.count_or("sequence_length", s.model.sequence_length, 1);
    s.shape.global_batch = t.count("global_batch", 1);
    s.tokens = t.optional_quantity<Tokens>("tokens").value_or(Tokens{1e12});
    if (s.tokens.value() <= 0) {
        throw InputError{t.origin("tokens"), "must be above zero"};
    }
}

/// An id of the catalogue, or a model of the scenario's own.
model::Model read_model_of(io::TomlTable const& t, Facts const& facts) {
    return t.is_table("model") ? model::read_model(t.table("model"))
                               : facts.model(t.text("model"), t.origin("model"));
}

/// Of figures that sources give differently, which one counts: [figures.nvidia_h20] "peak.bf16" = 1, the first alternative.
void choose_figures(io::TomlTable const& figures, Scenario& s) {
    std::vector<std::string> known;
    std::ranges::transform(s.pools, std::back_inserter(known),
                           [](Pool const& pool) { return pool.cluster.node.chip.id; });
    for (auto const& id : figures.keys()) {
        if (std::ranges::find(known, id) == known.end()) {
            throw InputError{figures.origin(id), fmt::format("no pool has chips \"{}\"", id),
                             suggestion(id, known)};
        }
        auto const chosen = figures.table(id);
        for (auto const& figure : chosen.keys()) {
            auto const number = static_cast<std::size_t>(chosen.count(figure, 1));
            for (auto& pool : s.pools) {
                auto& chip = pool.cluster.node.chip;
                if (chip.id == id) {
                    chip = hardware::with_alternative(chip, figure, number, chosen.origin(figure));
                }
            }
        }
    }
}

void read_pools(io::TomlTable const& t, Scenario& s, Facts const& facts) {
    for (auto const& pool : t.tables("pools")) {
        s.pools.push_back(read_pool(pool, facts));
        for (std::size_t i = 0; i + 1 < s.pools.size(); ++i) {
            if (s.pools[i].name == s.pools.back().name) {
                throw InputError{pool.origin("name"), fmt::format("a second pool \"{}\"", s.pools[i].name)};
            }
        }
    }
    if (s.pools.empty()) {
        throw InputError{t.origin("pools"), "is missing",
                         "List the chips to use under [[pools]], with name, cluster and chips"};
    }
    if (auto const figures = t.optional_table("figures")) {
        choose_figures(*figures, s);
    }
    for (auto const& link : t.tables("site_links")) {
        s.site_links.push_back(read_site_link(link, s, facts.platforms()));
    }
    join_pools(s);
}

/// A currency without a rate is a typing error.
void check_currency(io::TomlTable const& t, std::string const& currency, Facts const& facts) {
    if (currency.empty()) {
        return;
    }
    std::set<std::string> known;
    for (auto const& rate : facts.exchange_rates().rates) {
        known.insert({rate.from, rate.to});
    }
    if (!known.contains(currency)) {
        throw InputError{t.origin("currency"), fmt::format("there is no exchange rate for \"{}\"", currency),
                         suggestion(currency, {known.begin(), known.end()})};
    }
}

/// What the software does where the plan does not say.
parallel::Plan software_defaults(io::TomlTable const& t, Scenario& s, Facts const& facts) {
    s.software = t.text_or("software", "");
    auto out =
        s.software.empty() ? parallel::Plan{} : facts.software(s.software, t.origin("software")).defaults;
    out.practice.is_known = t.boolean_or("software_known", !s.software.empty());
    if (out.practice.is_known && s.software.empty()) {
        throw InputError{t.origin("software_known"), "has no use without software",
                         "Name a file of scenarios/software/ as software"};
    }
    if (model::has_linear_attention(s.model)) { // the one exchange that it can have
        out.context_exchange = parallel::ContextExchange::all_to_all;
    }
    return out;
}

/// Products of lengths (scores of attention) must be right to the last digit, too.
void check_rows(io::TomlTable const& training, Scenario const& s) {
    for (auto const& kind : s.plan.kinds) {
        auto const rows = s.shape.sequence_length * kind.micro_batch;
        if (rows > most_rows) {
            throw InputError{training.origin("sequence_length"),
                             fmt::format("{} is too large: a micro-batch of {} sequences has {} tokens (must "
                                         "be {} or less)",
                                         s.shape.sequence_length, kind.micro_batch, rows, most_rows)};
        }
    }
}

model::Precision read_formats(io::TomlTable const& training, model::Model const& model) {
    auto const plain = parallel::read_precision(training, {});
    auto const wider = training.optional_table("wider");
    return wider ? parallel::read_wider(*wider, plain, model) : plain;
}

/// What is wider is so beside the plan's own formats.
void check_formats(io::TomlTable const& training, Scenario const& s) {
    auto const wider = training.optional_table("wider");
    if (!wider) {
        return;
    }
    std::vector<model::Precision> used;
    for (auto const& kind : s.plan.kinds) {
        for (auto const& group : kind.stage_groups) {
            used.push_back(group.precision);
        }
        for (auto const& place : kind.apart ? kind.apart->places : std::vector<parallel::ExpertRanks>{}) {
            used.push_back(place.precision);
        }
    }
    parallel::check_wider(*wider, used.empty() ? std::vector{s.precision} : used);
}

parallel::Plan read_plan_of(io::TomlTable const& t, Scenario const& s, parallel::Plan const& defaults,
                            PlanNeed need) {
    if (need != PlanNeed::needed && !t.has("parallel")) {
        return defaults;
    }
    parallel::PlanContext context{.pool_names = {},
                                  .pool_chips = {},
                                  .global_batch = s.shape.global_batch,
                                  .precision = s.precision,
                                  .other_names = {},
                                  .defaults = defaults};
    for (auto const& pool : s.pools) {
        for (auto const& name : pool.other_names) {
            context.other_names.emplace_back(name, static_cast<int>(context.pool_names.size()));
        }
        context.pool_names.push_back(pool.name);
        context.pool_chips.push_back(pool.chips);
    }
    auto const table = t.table("parallel");
    return need != PlanNeed::needed && leaves_layout_open(table, context)
               ? parallel::read_open_plan(table, context)
               : parallel::read_plan(table, context);
}

/// Of experts on ranks of their own: how many each of a group's ranks holds, by MoE layer; attention ranks first.
std::vector<std::vector<int>> experts_of_ranks(parallel::ReplicaKind const& kind, model::Model const& model) {
    auto const& group = kind.stage_groups.front();
    auto const split = parallel::split_experts(model, kind, group);
    std::vector<std::vector<int>> out;
    for (std::size_t layer = 0; layer < split.attention.size(); ++layer) {
        auto& ranks = out.emplace_back(
            static_cast<std::size_t>(parallel::ranks_of_stage(kind, group) / kind.apart->groups),
            split.attention[layer]);
        for (std::size_t p = 0; p < split.places.size(); ++p) {
            ranks.insert(ranks.end(),
                         static_cast<std::size_t>(kind.apart->places[p].ranks / kind.apart->groups),
                         split.places[p][layer]);
        }
    }
    return out;
}

void settle_routing(parallel::ReplicaKind& kind, Scenario const& s, Origin const& at) {
    if (kind.apart) {
        if (kind.apart->by_speed) {
            throw InputError{
                at, "and experts by_speed do not go together yet: which rank is the busiest depends on both",
                "Give numbers of experts per rank"};
        }
        kind.expert_imbalance =
            model::rank_imbalance(*s.routing, s.model, experts_of_ranks(kind, s.model), s.seed);
    } else if (kind.redundant_experts > 0) {
        if ((s.model.moe->experts + kind.redundant_experts) % kind.expert != 0) {
            throw InputError{kind.origin,
                             fmt::format("{} experts and {} redundant ones do not divide over {} ranks",
                                         s.model.moe->experts, kind.redundant_experts, kind.expert)};
        }
        auto const copied =
            model::copy_busy_experts(*s.routing, s.model, kind.expert, kind.redundant_experts, s.seed);
        kind.expert_imbalance = copied.imbalance;
        kind.copied_experts = copied.copied_per_rank;
        kind.expert_copies = copied.copies;
    } else if (s.model.moe->experts % kind.expert == 0) { // what does not divide is told with the program
        kind.expert_imbalance = model::rank_imbalance(*s.routing, s.model, kind.expert, s.seed);
    }
}

/// The busiest expert rank of each replica kind follows from how the router loads the experts.
void settle_routing(io::TomlTable const& t, Scenario& s, Facts const& facts) {
    if (!t.has("routing")) {
        for (auto const& kind : s.plan.kinds) {
            if (kind.redundant_experts > 0) {
                throw InputError{
                    kind.origin,
                    "redundant_experts copies busy experts, and without [routing] none is busier",
                    "Say with [routing] how the router loads the experts"};
            }
        }
        return;
    }
    auto const folder = std::filesystem::path{s.file}.parent_path().string();
    s.routing = model::read_routing(
        t.table("routing"), s.model, folder,
        [&]() -> std::vector<model::RoutingPreset> const& { return facts.routing_presets(); });
    for (auto& kind : s.plan.kinds) {
        if (kind.expert_imbalance != 1.0) {
            throw InputError{t.origin("routing"), "and expert_imbalance say the same thing twice",
                             "Leave out one of them"};
        }
        settle_routing(kind, s, t.origin("routing"));
    }
}

/// What is said of kernels on a chip that nobody has would go unheeded. Another build is called by its chip's id and a remark.
void check_chips_of_practice(io::TomlTable const& parallel, Facts const& facts) {
    for (auto const* key : {"on", "attention"}) {
        for (auto const& part : parallel.tables(key)) {
            for (auto const& written : part.texts("chips")) {
                auto const id = written.substr(0, written.find(" ("));
                std::vector<std::string> ids;
                std::ranges::transform(facts.chips(), std::back_inserter(ids), &hardware::Chip::id);
                if (std::ranges::find(ids, id) == ids.end()) {
                    throw InputError{part.origin("chips"), fmt::format("there is no chip \"{}\"", id),
                                     suggestion(id, ids)};
                }
            }
        }
    }
}

/// Which prices count, and in which currency they are told.
void read_money(io::TomlTable const& t, Scenario& s, Facts const& facts) {
    s.price_book = t.text_or("prices", "");
    s.price_origin = t.origin("prices");
    s.currency = t.text_or("currency", "");
    check_currency(t, s.currency, facts);
    s.currency_origin = t.origin(t.has("exchange_year") ? "exchange_year" : "currency");
    s.exchange_year = t.count_or("exchange_year", 2025, 1990);
}

} // namespace

Scenario read_scenario(std::string const& path, std::vector<io::TomlOverride> const& overrides,
                       Facts const& facts, PlanNeed need) {
    Scenario s;
    s.file = path;
    s.text = io::read_text_file(path);
    s.overrides = overrides;
    auto const t = io::parse_toml(s.text, path, overrides);
    s.name = t.text("name");
    s.description = t.text_or("description", "");
    if (t.has("assumptions")) {
        s.assumptions = t.texts("assumptions");
    }
    s.seed = static_cast<std::uint64_t>(t.integer_or("seed", 1, 0));
    s.model = read_model_of(t, facts);
    auto const training = t.table("training");
    read_training(training, s);
    read_pools(t, s, facts);
    auto const defaults = software_defaults(t, s, facts);
    s.precision = read_formats(training, s.model);
    s.plan = read_plan_of(t, s, defaults, need);
    if (t.has("parallel")) {
        check_chips_of_practice(t.table("parallel"), facts);
    }
    if (s.plan.kinds.empty() && t.has("parallel")) { // the formats of a plan that names no pool
        s.precision = parallel::read_precision(t.table("parallel"), s.precision);
    }
    check_formats(training, s);
    if (auto const search = t.optional_table("search")) {
        s.search = read_search_space(*search, s.model);
    }
    if (auto const simulation = t.optional_table("simulation")) {
        s.simulation = read_simulation(*simulation);
    }
    check_rows(training, s);
    settle_routing(t, s, facts);
    s.batch_ramp = read_batch_ramp(training, s);
    training.reject_unknown_keys();
    read_money(t, s, facts);
    if (auto const reliability = t.optional_table("reliability")) {
        s.reliability = read_reliability(*reliability, s);
    }
    if (auto const published = t.optional_table("published")) {
        s.published = read_published(*published, parallel::tokens_per_step(s.shape).value());
    }
    if (t.has("timings")) {
        for (auto const& file : t.texts("timings")) {
            s.timings.push_back((std::filesystem::path{path}.parent_path() / file).string());
        }
    }
    if (auto const economics = t.optional_table("economics")) {
        s.economics = read_economics(*economics);
    }
    if (need != PlanNeed::searched) {
        s.means = check_regime(t, s, facts);
    } else {
        (void)t.has("regime"); // read when it is known which chips to ask for
        (void)t.has("fleet");
    }
    t.reject_unknown_keys();
    return s;
}

} // namespace moesaic::scenario
