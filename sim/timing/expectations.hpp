#pragma once
#include "base/units.hpp"
#include "io/toml.hpp"

namespace moesaic::timing {

/// Shares of the peak and of the memory bandwidth for kernels that no chip has rows of.
struct RooflineShares {
    double products, narrow_products, expert_ffn, narrow_expert_ffn, attention, linear_attention,
        delta_by_column, copies;
    Seconds launch;
    double sigma_of_compute, sigma_of_copies, sigma_of_unknown_copies;
};

/// How far apart two chips are, as the standard deviation of ln(time / roofline time).
struct TransferDoubt {
    double one_die, one_vendor, other_vendor;
    double per_doubling_of_balance; ///< of FLOP to bytes
    double expert_ffn, latent_attention, attention_forward, narrow_formats_of_other_vendors; ///< beside those
    double
        linear_attention; ///< beside all of them: its kernels change from one release of their libraries to the next
};

/// What a kind of link gives where nothing like it was measured.
struct LinkShare {
    double share, pair_share; ///< of the link, for large messages: of collectives, and between two chips
    Seconds startup;          ///< of an all_reduce, at 8 ranks of a node or between two nodes
    Seconds pair_startup;
};

struct LinkShares {
    LinkShare mesh, switched, network;
};

struct CollectiveFigures {
    double sigma;             ///< of LinkShare
    double half_ring_startup; ///< of all_gather, reduce_scatter and broadcast, over that of an all_reduce
    Seconds all_reduce_startup_per_doubling, all_to_all_startup_per_doubling; ///< of the nodes
    double ring_steps, ring_steps_one_rank_per_node; ///< as measured, over those of NCCL's cost model
    double sigma_of_other_kind, sigma_of_rate_alone;
    double sigma_of_other_ranks_inside, per_doubling_of_ranks_inside;
    double sigma_of_other_nodes, per_doubling_of_nodes;
    double sigma_of_other_fabric_inside, sigma_of_other_network, per_doubling_of_link;
};

/// Of kernels that send each token once.
struct ExchangeFigures {
    Seconds startup;
    double sigma_of_other_way, sigma_of_other_chip, per_doubling_of_link;
};

/// What is expected of kernels and links where no table tells: platforms/timings/expectations.toml, which says for each
/// figure where it comes from.
struct Expectations {
    RooflineShares roofline;
    TransferDoubt transfer;
    double sigma_of_backward; ///< of a backward pass that is told from the forward pass
    LinkShares links;
    CollectiveFigures collectives;
    ExchangeFigures exchange;
};

/// @throws InputError for a figure that is missing, unknown, negative or without a source
[[nodiscard]] Expectations read_expectations(io::TomlTable const& file);

} // namespace moesaic::timing
