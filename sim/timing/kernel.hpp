#pragma once
#include "hardware/chip.hpp"
#include "timing/table_op.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace moesaic::timing {

/// The column `extra` of a table, taken apart. Zero or empty = not stated.
struct Options {
    int heads = 0, kv_heads = 0, v_dim = 0, window = 0;
    bool causal = false;
    bool gated = true;
    int topk = 0, experts = 0, ep = 0;
    int nodes = 1, sms = 0;
    std::string library; ///< kern=
    /// All other keys that part kernels which do not compare: "cold=weights;det=1", sorted.
    std::string variant;
    friend bool operator==(Options const&, Options const&) = default;
};

/// @throws InputError where a known key does not hold a number
[[nodiscard]] Options parse_options(std::string_view extra, Origin const& origin);

/// As the column `extra` has them: what parse_options() reads back.
[[nodiscard]] std::string extra_text(Options const& options);

/// A kernel and its shape, as a row of a table names it.
struct Kernel {
    TableOpId op = 0;
    std::string dtype; ///< as in the tables, which know formats that the model room does not (w4, …)
    std::int64_t m = 0, n = 0, k = 0, batch = 1;
    Options options;
};

/// "4096 x 7168 x 2048, 8 of them, topk=8" for messages; without operation, format and library.
[[nodiscard]] std::string shape_text(Kernel const& kernel);

struct Work {
    Flop flop;
    Bytes bytes;
};
/// Work of the matrix units, and least traffic to device memory.
[[nodiscard]] Work work_of(Kernel const& kernel);

/// What bounds a kernel on a chip. A chip that the catalogue lacks gets a roofline from its fastest rows.
struct Roofline {
    double flop_per_second = 0;
    double bytes_per_second = 0;
};
/// @throws InputError where the chip has no figure for the dtype's peak or the memory bandwidth
[[nodiscard]] Roofline roofline_of(hardware::Chip const& chip, Kernel const& kernel);
/// As above, none instead of an error.
[[nodiscard]] std::optional<Roofline> find_roofline(hardware::Chip const& chip, Kernel const& kernel);
[[nodiscard]] Seconds roofline_time(Roofline const& roofline, Work const& work);

/// Coordinates in which kernels of one family are near or far: log2 of sizes.
constexpr int max_coordinates = 6;
using Coordinates = std::array<double, max_coordinates>;
[[nodiscard]] Coordinates coordinates_of(Kernel const& kernel);

/// The kernel that the tables would call this operation; pass forward or backward only.
/// none where no table lists such an operation
[[nodiscard]] std::optional<Kernel> kernel_of(model::Operation const& op);

} // namespace moesaic::timing
