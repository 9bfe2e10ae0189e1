#include "hardware/figures.hpp"

#include "base/nearest_names.hpp"

#include <fmt/format.h>

namespace moesaic::hardware {

namespace {

template <class T>
void exchange_with(Fact<T>& fact, std::size_t index) {
    auto chosen = std::move(fact.alternatives[index]);
    auto others = std::move(fact.alternatives);
    others[index] =
        Fact<T>{std::move(fact.value), std::move(fact.source), fact.confidence, std::move(fact.note), {}};
    fact = std::move(chosen);
    fact.alternatives = std::move(others);
}

} // namespace

Chip with_alternative(Chip chip, std::string_view figure, std::size_t number, Origin const& asked_at) {
    bool done = false;
    std::vector<std::string> known;
    for_each_figure(chip, [&](std::string_view name, auto* fact) {
        if (!fact || fact->alternatives.empty()) {
            return;
        }
        known.emplace_back(name);
        if (name == figure) {
            if (number < 1 || number > fact->alternatives.size()) {
                throw InputError{asked_at, fmt::format("{} of chip {} has no alternative {} (there are {})",
                                                       figure, chip.id, number, fact->alternatives.size())};
            }
            exchange_with(*fact, number - 1);
            done = true;
        }
    });
    if (!done) {
        throw InputError{asked_at,
                         fmt::format("chip {} has no figure \"{}\" with alternatives", chip.id, figure),
                         suggestion(figure, known)};
    }
    return chip;
}

} // namespace moesaic::hardware
