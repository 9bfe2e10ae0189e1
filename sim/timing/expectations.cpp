#include "timing/expectations.hpp"

#include "hardware/read_fact.hpp"

#include <string_view>

namespace moesaic::timing {

namespace {

/// Reads figures of a table by name; whoever read all asks for done().
class Figures {
  public:
    Figures(io::TomlTable const& file, std::string_view key) : table_{file.table(key)} {}
    [[nodiscard]] double number(std::string_view key) const {
        return hardware::read_fact<double>(table_, key).value;
    }
    [[nodiscard]] Seconds time(std::string_view key) const {
        return hardware::read_fact<Seconds>(table_, key).value;
    }
    void done() const { table_.reject_unknown_keys(); }

  private:
    io::TomlTable table_;
};

RooflineShares read_roofline(io::TomlTable const& file) {
    Figures const t{file, "roofline"};
    RooflineShares const out{.products = t.number("products"),
                             .narrow_products = t.number("narrow_products"),
                             .expert_ffn = t.number("expert_ffn"),
                             .narrow_expert_ffn = t.number("narrow_expert_ffn"),
                             .attention = t.number("attention"),
                             .copies = t.number("copies"),
                             .launch = t.time("launch"),
                             .sigma_of_compute = t.number("sigma_of_compute"),
                             .sigma_of_copies = t.number("sigma_of_copies"),
                             .sigma_of_unknown_copies = t.number("sigma_of_unknown_copies")};
    t.done();
    return out;
}

TransferDoubt read_transfer(io::TomlTable const& file) {
    Figures const t{file, "transfer"};
    TransferDoubt const out{.one_die = t.number("one_die"),
                            .one_vendor = t.number("one_vendor"),
                            .other_vendor = t.number("other_vendor"),
                            .per_doubling_of_balance = t.number("per_doubling_of_balance"),
                            .expert_ffn = t.number("expert_ffn"),
                            .latent_attention = t.number("latent_attention"),
                            .attention_forward = t.number("attention_forward"),
                            .narrow_formats_of_other_vendors = t.number("narrow_formats_of_other_vendors")};
    t.done();
    return out;
}

double read_backward(io::TomlTable const& file) {
    Figures const t{file, "backward"};
    auto const sigma = t.number("sigma");
    t.done();
    return sigma;
}

LinkShare read_link(io::TomlTable const& links, std::string_view key) {
    Figures const t{links, key};
    LinkShare const out{.share = t.number("share"),
                        .pair_share = t.number("pair_share"),
                        .startup = t.time("startup"),
                        .pair_startup = t.time("pair_startup")};
    t.done();
    return out;
}

LinkShares read_links(io::TomlTable const& file) {
    auto const links = file.table("links");
    LinkShares const out{.mesh = read_link(links, "mesh"),
                         .switched = read_link(links, "switch"),
                         .network = read_link(links, "network")};
    links.reject_unknown_keys();
    return out;
}

CollectiveFigures read_collectives(io::TomlTable const& file) {
    Figures const t{file, "collectives"};
    CollectiveFigures const out{.sigma = t.number("sigma"),
                                .half_ring_startup = t.number("half_ring_startup"),
                                .all_reduce_startup_per_doubling = t.time("all_reduce_startup_per_doubling"),
                                .all_to_all_startup_per_doubling = t.time("all_to_all_startup_per_doubling"),
                                .ring_steps = t.number("ring_steps"),
                                .ring_steps_one_rank_per_node = t.number("ring_steps_one_rank_per_node"),
                                .sigma_of_other_kind = t.number("sigma_of_other_kind"),
                                .sigma_of_rate_alone = t.number("sigma_of_rate_alone"),
                                .sigma_of_other_ranks_inside = t.number("sigma_of_other_ranks_inside"),
                                .per_doubling_of_ranks_inside = t.number("per_doubling_of_ranks_inside"),
                                .sigma_of_other_nodes = t.number("sigma_of_other_nodes"),
                                .per_doubling_of_nodes = t.number("per_doubling_of_nodes"),
                                .sigma_of_other_fabric_inside = t.number("sigma_of_other_fabric_inside"),
                                .sigma_of_other_network = t.number("sigma_of_other_network"),
                                .per_doubling_of_link = t.number("per_doubling_of_link")};
    t.done();
    return out;
}

ExchangeFigures read_exchange(io::TomlTable const& file) {
    Figures const t{file, "exchange"};
    ExchangeFigures const out{.startup = t.time("startup"),
                              .sigma_of_other_way = t.number("sigma_of_other_way"),
                              .sigma_of_other_chip = t.number("sigma_of_other_chip"),
                              .per_doubling_of_link = t.number("per_doubling_of_link")};
    t.done();
    return out;
}

} // namespace

Expectations read_expectations(io::TomlTable const& file) {
    Expectations const out{.roofline = read_roofline(file),
                           .transfer = read_transfer(file),
                           .sigma_of_backward = read_backward(file),
                           .links = read_links(file),
                           .collectives = read_collectives(file),
                           .exchange = read_exchange(file)};
    file.reject_unknown_keys();
    return out;
}

} // namespace moesaic::timing
