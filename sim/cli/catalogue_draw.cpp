#include "cli/catalogue_draw.hpp"

#include "base/random.hpp"
#include "hardware/figures.hpp"

#include <fmt/format.h>
#include <map>
#include <utility>

namespace moesaic::cli {

namespace {

/// The value of one of the alternatives in the place of the figure's own; number 0 leaves it.
template <class T>
void choose(hardware::Fact<T>& fact, std::uint64_t number) {
    if (number > 0) {
        auto& other = fact.alternatives[number - 1];
        std::swap(fact.value, other.value);
        std::swap(fact.source, other.source);
        std::swap(fact.confidence, other.confidence);
        std::swap(fact.note, other.note);
    }
}

} // namespace

std::string draw_catalogue(scenario::Scenario& scenario, std::uint64_t seed, std::int64_t draw) {
    std::map<std::string, std::string> drawn;
    auto const drawing = [&](std::string const& owner) {
        return [&, owner](std::string_view name, auto* fact) {
            if (!fact || fact->alternatives.empty()) {
                return;
            }
            auto const figure = fmt::format("{} {}", owner, name);
            auto const others = fact->alternatives.size();
            auto const number =
                Rng{seed, fmt::format("catalogue {} draw {}", figure, draw)}.below(others + 1);
            choose(*fact, number);
            drawn[figure] = fmt::format("{} {}/{}", figure, number, others);
        };
    };
    for (auto& pool : scenario.pools) {
        auto& node = pool.cluster.node;
        hardware::for_each_figure(node.chip, drawing(node.chip.id));
        hardware::for_each_node_figure(node, drawing(node.id));
    }
    std::string out;
    for (auto const& [figure, text] : drawn) {
        out += (out.empty() ? "" : ", ") + text;
    }
    return out;
}

} // namespace moesaic::cli
