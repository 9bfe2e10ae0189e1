#include "timing/collective.hpp"

#include <algorithm>
#include <iterator>

namespace moesaic::timing {

namespace {
constexpr std::string_view names[] = {"all_reduce", "all_gather", "reduce_scatter",
                                      "all_to_all", "broadcast",  "send_recv"};
}

std::string_view name_of(CollectiveKind kind) { return names[static_cast<int>(kind)]; }

std::optional<CollectiveKind> find_collective(std::string_view name) {
    auto const at = std::ranges::find(names, name);
    return at == std::end(names) ? std::nullopt
                                 : std::optional{static_cast<CollectiveKind>(at - std::begin(names))};
}

} // namespace moesaic::timing
