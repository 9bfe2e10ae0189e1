#include "timing/expectations.hpp"

#include "hardware/read_fact.hpp"

#include <fmt/format.h>
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
    /// Of what a data sheet says: above 0, at most 1.
    [[nodiscard]] double share(std::string_view key) const {
        return within(key, 1.0, "a share: above 0, at most 1");
    }
    /// Of a time that is as many times another's.
    [[nodiscard]] double times(std::string_view key) const {
        return within(key, 1e3, "above 0, at most 1000");
    }
    /// Standard deviation of ln(time).
    [[nodiscard]] double sigma(std::string_view key) const {
        constexpr double most = 3.0; // four of five within a factor of 47
        auto const value = number(key);
        return value <= most ? value : refuse(key, value, "at most 3, a standard deviation of ln(time)");
    }
    [[nodiscard]] Seconds time(std::string_view key) const {
        return hardware::read_fact<Seconds>(table_, key).value;
    }
    void done() const { table_.reject_unknown_keys(); }

  private:
    [[nodiscard]] double within(std::string_view key, double most, std::string_view allowed) const {
        auto const value = number(key);
        return value > 0.0 && value <= most ? value : refuse(key, value, allowed);
    }
    [[noreturn]] double refuse(std::string_view key, double value, std::string_view allowed) const {
        throw InputError{table_.origin(key), fmt::format("{} is not allowed ({})", value, allowed)};
    }
    io::TomlTable table_;
};

RooflineShares read_roofline(io::TomlTable const& file) {
    Figures const t{file, "roofline"};
    RooflineShares const out{.products = t.share("products"),
                             .narrow_products = t.share("narrow_products"),
                             .expert_ffn = t.share("expert_ffn"),
                             .narrow_expert_ffn = t.share("narrow_expert_ffn"),
                             .attention = t.share("attention"),
                             .linear_attention = t.share("linear_attention"),
                             .delta_by_column = t.share("delta_by_column"),
                             .copies = t.share("copies"),
                             .launch = t.time("launch"),
                             .sigma_of_compute = t.sigma("sigma_of_compute"),
                             .sigma_of_copies = t.sigma("sigma_of_copies"),
                             .sigma_of_unknown_copies = t.sigma("sigma_of_unknown_copies")};
    t.done();
    return out;
}

TransferDoubt read_transfer(io::TomlTable const& file) {
    Figures const t{file, "transfer"};
    TransferDoubt const out{.one_die = t.sigma("one_die"),
                            .one_vendor = t.sigma("one_vendor"),
                            .other_vendor = t.sigma("other_vendor"),
                            .per_doubling_of_balance = t.sigma("per_doubling_of_balance"),
                            .expert_ffn = t.sigma("expert_ffn"),
                            .latent_attention = t.sigma("latent_attention"),
                            .attention_forward = t.sigma("attention_forward"),
                            .narrow_formats_of_other_vendors = t.sigma("narrow_formats_of_other_vendors"),
                            .linear_attention = t.sigma("linear_attention")};
    t.done();
    return out;
}

double read_backward(io::TomlTable const& file) {
    Figures const t{file, "backward"};
    auto const sigma = t.sigma("sigma");
    t.done();
    return sigma;
}

LinkShare read_link(io::TomlTable const& links, std::string_view key) {
    Figures const t{links, key};
    LinkShare const out{.share = t.share("share"),
                        .pair_share = t.share("pair_share"),
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
    CollectiveFigures const out{.sigma = t.sigma("sigma"),
                                .half_ring_startup = t.times("half_ring_startup"),
                                .all_reduce_startup_per_doubling = t.time("all_reduce_startup_per_doubling"),
                                .all_to_all_startup_per_doubling = t.time("all_to_all_startup_per_doubling"),
                                .ring_steps = t.times("ring_steps"),
                                .ring_steps_one_rank_per_node = t.times("ring_steps_one_rank_per_node"),
                                .sigma_of_other_kind = t.sigma("sigma_of_other_kind"),
                                .sigma_of_rate_alone = t.sigma("sigma_of_rate_alone"),
                                .sigma_of_other_ranks_inside = t.sigma("sigma_of_other_ranks_inside"),
                                .per_doubling_of_ranks_inside = t.sigma("per_doubling_of_ranks_inside"),
                                .sigma_of_other_nodes = t.sigma("sigma_of_other_nodes"),
                                .per_doubling_of_nodes = t.sigma("per_doubling_of_nodes"),
                                .sigma_of_other_fabric_inside = t.sigma("sigma_of_other_fabric_inside"),
                                .sigma_of_other_network = t.sigma("sigma_of_other_network"),
                                .per_doubling_of_link = t.sigma("per_doubling_of_link")};
    t.done();
    return out;
}

ExchangeFigures read_exchange(io::TomlTable const& file) {
    Figures const t{file, "exchange"};
    ExchangeFigures const out{.startup = t.time("startup"),
                              .sigma_of_other_way = t.sigma("sigma_of_other_way"),
                              .sigma_of_other_chip = t.sigma("sigma_of_other_chip"),
                              .per_doubling_of_link = t.sigma("per_doubling_of_link")};
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
