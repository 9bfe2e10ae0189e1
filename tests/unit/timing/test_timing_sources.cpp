#include "timing/store.hpp"
#include "timing/timing_sources.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::timing;

namespace {

TimingSources sources_in(std::string const& text) {
    return read_timing_sources(io::parse_toml(text, "sources.toml"));
}

constexpr auto table_header = "chip,op,dtype,m,n,k,batch,extra,time_us,source,licence\n";

} // namespace

TEST_CASE("a source that is not listed has the lowest grade", "[timing]") {
    auto const sources = sources_in("[source.lab]\ngrade = \"a\"\n");
    CHECK(sources.source("lab").grade == Grade::a);
    CHECK(sources.source("somebody").grade == Grade::c);
    CHECK(sources.library("any").not_training.empty());
    CHECK(sources.machine("any") == UnlikeFabric::nowhere);
}

TEST_CASE("a wrong entry of the sources is refused with its place", "[timing]") {
    for (auto const& [text, problem] :
         {std::pair{"[source.lab]\ngrade = \"d\"\n",
                    "sources.toml:2:9: source.lab.grade: there is no grade \"d\". Known: a, b, c"},
          std::pair{"[library.x]\nnot_training = [\"norm\"]\n",
                    "sources.toml:2:16: library.x.not_training: there is no operation \"norm\""},
          std::pair{"[machine.x]\nunlike_fabric = \"never\"\n",
                    "sources.toml:2:17: machine.x.unlike_fabric: \"never\" is not known. Known: always, "
                    "between_nodes"},
          std::pair{"[source.lab]\nnote = 1\n", "sources.toml:2:8: source.lab.note: is not a known key"}}) {
        CHECK_THROWS_WITH(sources_in(text), Catch::StartsWith(problem));
    }
}

TEST_CASE("rows have the traits of their source, library and machine", "[timing]") {
    TimingStore store;
    store.set_sources(sources_in("[source.lab]\ngrade = \"b\"\nlibrary_is_a_winner = true\n"
                                 "collectives_hold_host_time = true\n"
                                 "[library.slow]\nnot_training = [\"rmsnorm\"]\n"
                                 "[machine.pair]\nunlike_fabric = \"always\"\n"));
    store.parse(std::string{table_header} + "X,gemm,bf16,64,64,64,1,kern=one,5,lab,MIT\n"
                                            "X,gemm,bf16,64,64,128,1,kern=two,6,lab,MIT\n"
                                            "X,rmsnorm_fwd,bf16,64,64,0,1,kern=slow,5,other,MIT\n"
                                            "pair,all_reduce,bf16,4096,0,0,2,,50,lab,MIT\n",
                "t.csv");
    REQUIRE(store.all().size() == 3);
    CHECK(store.stored(0).samples.size() == 2); // both libraries are one series
    CHECK(store.stored(0).grade == Grade::b);
    CHECK(store.stored(0).trains);
    CHECK_FALSE(store.stored(1).trains);
    CHECK(store.stored(1).grade == Grade::c);
    CHECK(store.stored(2).holds_host_time);
    CHECK(store.stored(2).unlike_fabric == UnlikeFabric::always);
}

TEST_CASE("the catalogue's own sources can be read", "[timing]") {
    TimingStore store;
    store.read_catalogue(MOESAIC_SOURCE_DIR "/platforms");
    CHECK_FALSE(store.reference_chips().empty());
}
