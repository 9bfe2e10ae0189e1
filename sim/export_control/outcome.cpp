#include "export_control/outcome.hpp"

#include <array>

namespace moesaic::export_control {

namespace {

struct Names {
    std::string_view name;
    std::string_view words;
    std::string_view short_name;
};

/// In the order of the enumeration.
constexpr std::array<Names, 9> table{
    Names{"allowed", "allowed", "ok"},
    Names{"warned", "allowed, but an authority warns against it", "warned"},
    Names{"exception", "allowed under a licence exception", "except."},
    Names{"notified", "allowed under a licence exception after notification", "notify"},
    Names{"licensed", "licence required; licences are granted", "granted"},
    Names{"licence_required", "licence required", "licence"},
    Names{"case_by_case", "licence required, reviewed case by case", "case"},
    Names{"presumption_of_denial", "licence required, presumption of denial", "DENIED"},
    Names{"prohibited", "prohibited", "BANNED"},
};

} // namespace

std::string_view name_of(Outcome outcome) { return table[static_cast<std::size_t>(outcome)].name; }
std::string_view words_of(Outcome outcome) { return table[static_cast<std::size_t>(outcome)].words; }
std::string_view short_name_of(Outcome outcome) {
    return table[static_cast<std::size_t>(outcome)].short_name;
}

std::optional<Outcome> find_outcome(std::string_view name) {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (table[i].name == name) {
            return static_cast<Outcome>(i);
        }
    }
    return std::nullopt;
}

std::vector<std::string> outcome_names() {
    std::vector<std::string> out;
    for (auto const& names : table) {
        out.emplace_back(names.name);
    }
    return out;
}

} // namespace moesaic::export_control
