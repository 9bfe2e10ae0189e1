#include "no_tables.hpp"
#include "timing/consulted.hpp"

#include "example_chips.hpp"
#include "hardware/catalogue.hpp"
#include "io/csv.hpp"
#include "io/text_file.hpp"
#include "temporary_file.hpp"
#include "timing/collective_cost.hpp"
#include "timing/kernel_time.hpp"
#include "timing/timings.hpp"
#include "timing/token_exchange.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <functional>

using namespace moesaic;
using namespace moesaic::timing;
using model::Operation;
using model::OpKind;
using model::Pass;

namespace {

/// @param with_series rows of series that are looked at to choose from, too
bool holds(Consulted const& groups, Measurement const& row, bool with_series) {
    return std::ranges::any_of(groups, [&](RowGroup const& group) {
        return (with_series || !group.series_alone) &&
               (group.op == RowGroup::every_op || group.op == row.kernel.op) &&
               (group.chips.empty() || std::ranges::find(group.chips, row.chip) != group.chips.end());
    });
}

/// Times so many times as long; none leaves the row out.
using Change = std::function<std::optional<double>(Measurement const&)>;

/// A table of the same rows, changed.
std::string changed(std::string const& table, Change const& change) {
    std::string rows;
    bool grid = false;
    auto const report = read_timing_table(table, [&](Measurement const& row) {
        auto const& k = row.kernel;
        auto const factor = change(row);
        grid = grid || row.measurements > 0;
        if (factor) {
            rows += fmt::format("{},{},{},{},{},{},{},{},{},{},{}", row.chip, table_op(k.op).name, k.dtype,
                                k.m, k.n, k.k, k.batch, io::csv_field(row.extra),
                                *factor * row.time.value() * 1e6, row.source, row.licence);
            rows += row.measurements > 0 ? fmt::format(",{},{}\n", row.measurements, row.spread) : "\n";
        }
    });
    REQUIRE(report.rows > 0);
    std::string header = table_header;
    header.pop_back();
    return header + (grid ? ",measurements,spread\n" : "\n") + rows;
}

/// The shipped tables, changed.
struct Shipped {
    TimingStore store;
    explicit Shipped(Change const& change) {
        store.read_catalogue(MOESAIC_SOURCE_DIR "/platforms");
        auto const by_name = [&](Measurement const& row) {
            auto named = row;
            named.chip = store.name_of_rows(row.chip);
            return change(named);
        };
        for (auto const& table : tables_at(MOESAIC_SOURCE_DIR "/platforms/timings")) {
            store.parse(changed(table, by_name), table);
        }
    }
};

/// Rows that were consulted stay, those of series that were chosen from take longer, all others go.
struct Rest {
    Consulted const& consulted;
    std::int64_t& longer;
    std::int64_t& gone;
    std::optional<double> operator()(Measurement const& row) const {
        if (holds(consulted, row, false)) {
            return 1.0;
        }
        bool const chosen_from = holds(consulted, row, true);
        ++(chosen_from ? longer : gone);
        return chosen_from ? std::optional{1.3} : std::nullopt;
    }
};

/// Operations of a training step in shapes of their own, measured nowhere, and some that are.
std::vector<Operation> some_operations() {
    std::vector<Operation> out;
    for (auto const dtype : {Dtype::bf16, Dtype::fp8}) {
        for (auto const pass : {Pass::forward, Pass::input_gradient, Pass::weight_gradient}) {
            out.push_back(
                {.kind = OpKind::gemm, .pass = pass, .dtype = dtype, .m = 4096, .n = 7168, .k = 2048});
            out.push_back({.kind = OpKind::grouped_gemm,
                           .pass = pass,
                           .dtype = dtype,
                           .m = 777,
                           .n = 2048,
                           .k = 7168,
                           .batch = 8});
        }
    }
    for (auto const pass : {Pass::forward, Pass::backward}) {
        out.push_back({.kind = OpKind::attention,
                       .pass = pass,
                       .m = 4096,
                       .n = 4096,
                       .k = 128,
                       .batch = 1,
                       .heads = 32,
                       .kv_heads = 8,
                       .causal = true});
        out.push_back({.kind = OpKind::rmsnorm, .pass = pass, .m = 4096, .n = 7168});
    }
    return out;
}

/// All that is known of the answers, to the last bit.
struct Answers {
    std::vector<double> numbers;
    Consulted consulted;
};

Answers ask_kernels(TimingStore const& store, hardware::Chip const& chip) {
    Answers out;
    Estimator const plain{store};
    auto const estimator = plain.noting_in(out.consulted);
    for (auto const& op : some_operations()) {
        if (!hardware::supports(chip, op.dtype)) {
            continue;
        }
        auto const said = operation_time(estimator, chip, op).duration;
        out.numbers.insert(out.numbers.end(),
                           {said.time.value(), said.sigma, static_cast<double>(said.evidence)});
    }
    return out;
}

Answers ask_collectives(TimingStore const& store, hardware::NodeType const& node) {
    Answers out;
    for (auto const kind :
         {CollectiveKind::all_reduce, CollectiveKind::all_gather, CollectiveKind::all_to_all}) {
        for (auto const tier : {hardware::Tier::node, hardware::Tier::leaf}) {
            for (double const bytes : {1e4, 3e7}) {
                int const nodes = tier == hardware::Tier::node ? 1 : 16;
                auto const said = collective_cost(StoreView{store, &out.consulted}, node,
                                                  {kind, tier, Bytes{bytes}, nodes * node.chips, nodes});
                out.numbers.insert(out.numbers.end(),
                                   {said.startup.value(), said.attainable.value(), said.sigma});
            }
        }
    }
    return out;
}

/// Both ways, by any library and by one that few have, in a node and over four.
Answers ask_exchanges(TimingStore const& store, hardware::NodeType const& node) {
    Answers out;
    Estimator const plain{store};
    auto const estimator = plain.noting_in(out.consulted);
    for (bool const sums : {false, true}) {
        for (auto const* library : {"", "hybridep"}) {
            for (int const nodes : {1, 4}) {
                TokenExchange const tokens{.sums = sums,
                                           .tokens = 4096,
                                           .hidden = 2048,
                                           .topk = 8,
                                           .experts = 128,
                                           .library = library};
                auto const tier = nodes > 1 ? hardware::Tier::leaf : hardware::Tier::node;
                auto const said = exchange_cost(
                    estimator, node,
                    {CollectiveKind::all_to_all, tier, Bytes{1e8}, nodes * node.chips, nodes, tokens});
                out.numbers.insert(out.numbers.end(),
                                   {said ? said->startup.value() : -1.0,
                                    said ? said->attainable.value() : -1.0, said ? said->sigma : -1.0});
            }
        }
    }
    return out;
}

} // namespace

TEST_CASE("what was consulted reads back from its text, whatever users call their chips", "[timing]") {
    Consulted const consulted{{*find_table_op("gemm"), {"H800-SXM", "a b;c:d,e|f%g\th\xc3\xa9"}},
                              {*find_table_op("rmsnorm_fwd"), {}},
                              {*find_table_op("rmsnorm_fwd"), {}, true},
                              {RowGroup::every_op, {"*"}},
                              {RowGroup::every_op, {"?"}},
                              {RowGroup::every_op, {}}};
    auto const text = text_of(consulted);
    CHECK(text.find_first_of(" \t\n|") == std::string::npos);
    REQUIRE(find_consulted(text));
    CHECK(*find_consulted(text) == consulted);
    CHECK(find_consulted("")->empty());
    for (auto const* wrong : {"gemm", "gemm:*;", "gem:*", "gemm:%4", "gemm:%zz", "gemm:a b", "gemm:*:*"}) {
        INFO(wrong);
        CHECK_FALSE(find_consulted(wrong));
    }
}

TEST_CASE("kernel times rest on the rows that they consulted and on no others", "[timing]") {
    Shipped const all{[](Measurement const&) { return 1.0; }};
    auto const& whole = all.store;
    std::int64_t all_longer = 0;
    for (auto const* id : {"nvidia_h800_sxm5", "nvidia_h20", "nvidia_a800_sxm4_80", "huawei_ascend_910b2",
                           "alibaba_ppu", "amd_mi300x", "nvidia_b300"}) {
        INFO(id);
        auto const& chips = whole.reference_chips();
        auto const chip = std::ranges::find(chips, std::string{id}, &hardware::Chip::id);
        REQUIRE(chip != chips.end());
        auto const answers = ask_kernels(whole, *chip);
        REQUIRE(answers.numbers.size() > 20);
        std::int64_t longer = 0, gone = 0;
        Shipped const alone{Rest{answers.consulted, longer, gone}};
        all_longer += longer;
        CHECK(gone > 0); // or there is nothing to see
        auto const again = ask_kernels(alone.store, *chip);
        CHECK(again.numbers == answers.numbers);
        CHECK(again.consulted == answers.consulted);
        Shipped const others{[&](Measurement const& row) {
            return holds(answers.consulted, row, false) ? std::nullopt : std::optional{1.0};
        }};
        CHECK(ask_kernels(others.store, *chip).numbers != answers.numbers); // they do rest on them
    }
    CHECK(all_longer > 0);
}

TEST_CASE("costs of collectives rest on the rows that they consulted and on no others", "[timing]") {
    Shipped const all{[](Measurement const&) { return 1.0; }};
    auto const& whole = all.store;
    hardware::Catalogue const catalogue{MOESAIC_SOURCE_DIR "/platforms"};
    for (auto const* id : {"hgx_h800", "hgx_h20", "hgx_a100", "atlas_800t_a2", "ppu_16", "oam_mi300x"}) {
        INFO(id);
        auto const node = catalogue.node(id, {});
        auto const answers = ask_collectives(whole, node);
        std::int64_t longer = 0, gone = 0;
        Shipped const alone{Rest{answers.consulted, longer, gone}};
        CHECK(gone > 0);
        CHECK(ask_collectives(alone.store, node).numbers == answers.numbers);
        Shipped const others{[&](Measurement const& row) {
            return holds(answers.consulted, row, false) ? std::nullopt : std::optional{1.0};
        }};
        CHECK(ask_collectives(others.store, node).numbers != answers.numbers);
    }
}

TEST_CASE("costs of exchanges rest on the rows that they consulted and on no others", "[timing]") {
    Shipped const all{[](Measurement const&) { return 1.0; }};
    hardware::Catalogue const catalogue{MOESAIC_SOURCE_DIR "/platforms"};
    for (auto const* id : {"hgx_h800", "hgx_h200", "hgx_b200", "gb300_nvl72", "oam_mi355x"}) {
        INFO(id);
        auto const node = catalogue.node(id, {});
        auto const answers = ask_exchanges(all.store, node);
        CHECK(std::ranges::any_of(answers.numbers, [](double n) { return n > 0; }));
        std::int64_t longer = 0, gone = 0;
        Shipped const alone{Rest{answers.consulted, longer, gone}};
        CHECK(gone > 0);
        CHECK(ask_exchanges(alone.store, node).numbers == answers.numbers);
        Shipped const others{[&](Measurement const& row) {
            return holds(answers.consulted, row, false) ? std::nullopt : std::optional{1.0};
        }};
        CHECK(ask_exchanges(others.store, node).numbers != answers.numbers);
    }
}

TEST_CASE("the content of a group changes with its rows and with no others", "[timing]") {
    auto const load = [](std::string const& rows) {
        Timings timings;
        timings.set_reference_chips({example_chip("X"), example_chip("Y")});
        TemporaryFile const table{"rows.csv"};
        io::write_text_file(table.path, table_header + rows);
        timings.load(table.path);
        return timings;
    };
    std::string const x = "X,gemm,bf16,4096,4096,4096,1,kern=t,2069,aiconfigurator,MIT\n";
    std::string const y = "Y,gemm,bf16,4096,4096,4096,1,kern=t,2069,aiconfigurator,MIT\n";
    std::string const norm = "X,rmsnorm_fwd,bf16,4096,4096,0,1,kern=t,90,aiconfigurator,MIT\n";
    auto const gemm = *find_table_op("gemm");
    RowGroup const gemm_of_x{gemm, {"X"}}, gemm_of_all{gemm, {}}, all_of_x{RowGroup::every_op, {"X"}};
    auto const before = load(x + y + norm);
    struct Case {
        std::string rows;
        bool gemm_of_x, gemm_of_all, all_of_x; ///< stay
    };
    for (auto const& [rows, stays_gemm_of_x, stays_gemm_of_all, stays_all_of_x] : {
             Case{"# a comment moves lines\n" + x + y + norm, true, true, true},
             Case{x + "Y,gemm,bf16,4096,4096,4096,1,kern=t,2070,aiconfigurator,MIT\n" + norm, true, false,
                  true},
             Case{x + y, true, true, false},
             Case{"X,gemm,bf16,4096,4096,4096,1,kern=u,2069,aiconfigurator,MIT\n" + y + norm, false, false,
                  false},
             Case{x + x + y + norm, false, false, false},
             Case{y + norm, false, false, false},
         }) {
        INFO(rows);
        auto const after = load(rows);
        CHECK((after.content_of(gemm_of_x) == before.content_of(gemm_of_x)) == stays_gemm_of_x);
        CHECK((after.content_of(gemm_of_all) == before.content_of(gemm_of_all)) == stays_gemm_of_all);
        CHECK((after.content_of(all_of_x) == before.content_of(all_of_x)) == stays_all_of_x);
    }
}

TEST_CASE("an answer from memory is noted like one that is new", "[timing]") {
    auto timings = test::no_tables();
    auto const x = example_chip("X");
    timings.set_reference_chips({x, example_chip("Y")});
    Operation const gemm{.kind = OpKind::gemm, .m = 4096, .n = 4096, .k = 4096};
    timings.note_consulted();
    (void)timings.duration(x, gemm);
    auto const first = timings.consulted();
    // no table has a row: the chip itself, its twin Y and others to borrow from were asked all the same
    CHECK(first.contains(RowGroup{*find_table_op("gemm"), {"X"}}));
    CHECK(first.contains(RowGroup{*find_table_op("gemm"), {"Y"}}));
    timings.note_consulted();
    CHECK(timings.consulted().empty());
    (void)timings.duration(x, gemm);
    CHECK(timings.consulted() == first);
    (void)timings.duration(x, gemm);
    CHECK(timings.consulted() == first);
}
