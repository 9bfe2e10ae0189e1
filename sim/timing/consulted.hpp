#pragma once
#include "timing/table_op.hpp"

#include <compare>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::timing {

/// Rows that a look-up goes through, whether it finds any there or not: who is nearest may change with a row that is new.
struct RowGroup {
    TableOpId op = every_op;
    std::vector<std::string> chips; ///< the names under which tables list the chip; empty = all chips
    /// Not the rows, but which series they make (chip, format, source, options; whether it has more than a few shapes):
    /// enough to choose among them.
    bool series_alone = false;
    static constexpr TableOpId every_op = -1;
    friend auto operator<=>(RowGroup const&, RowGroup const&) = default;
};

/// All that answers rest on: rows outside of these groups may come, change and go without changing one.
using Consulted = std::set<RowGroup>;

/// "gemm:H800-SXM,nvidia_h800_sxm5;rmsnorm_fwd:*;rmsnorm_fwd:?", without spaces or tabs; * = all chips, ? = the series of all.
[[nodiscard]] std::string text_of(Consulted const& consulted);
/// none for anything that text_of() does not write, as an operation that no table has
[[nodiscard]] std::optional<Consulted> find_consulted(std::string_view text);

} // namespace moesaic::timing
