#pragma once
#include "cli/text_table.hpp"
#include "hardware/fact.hpp"
#include "io/json.hpp"
#include "io/unit_text.hpp"

#include <fmt/format.h>
#include <string>
#include <string_view>

/// How figures of the catalogue are shown: on the screen with a mark for their confidence, in JSON with all they
/// carry.
namespace moesaic::cli {

inline std::string value_text(std::string const& value) { return value; }
inline std::string value_text(bool value) { return value ? "yes" : "no"; }
inline std::string value_text(int value) { return fmt::format("{}", value); }
inline std::string value_text(double value) { return fmt::format("{:.10g}", value); }
template <class Amount>
std::string value_text(Amount const& value) {
    return io::text_of(value);
}

inline io::Json value_json(std::string const& value) { return value; }
inline io::Json value_json(bool value) { return value; }
inline io::Json value_json(int value) { return value; }
inline io::Json value_json(double value) { return value; }
template <class Tag>
io::Json value_json(Quantity<Tag> value) {
    return value.value();
}
inline io::Json value_json(Money const& value) {
    return io::Json::object().set("amount", value.amount).set("currency", value.currency);
}
inline io::Json value_json(MoneyPerHour const& value) {
    return io::Json::object().set("amount_per_hour", value.amount).set("currency", value.currency);
}

inline constexpr std::string_view mark_legend = "~ press   ? estimate   no mark: official or published";
/// "" for official and published, "~" for press, "?" for an estimate.
[[nodiscard]] std::string_view mark_of(hardware::Confidence confidence);

/// value, source, confidence, note and alternatives; amounts in SI units.
template <class T>
[[nodiscard]] io::Json figure_json(hardware::Fact<T> const& fact) {
    auto out = io::Json::object();
    out.set("value", value_json(fact.value)).set("text", value_text(fact.value));
    out.set("confidence", name_of(fact.confidence)).set("source", fact.source).set("note", fact.note);
    auto alternatives = io::Json::array();
    for (auto const& other : fact.alternatives) {
        alternatives.add(figure_json(other));
    }
    return out.set("alternatives", std::move(alternatives));
}

/// The columns of tables to which add_figure_rows() adds.
[[nodiscard]] TextTable figure_table();

/// A row for the figure and one for each of its alternatives.
template <class T>
void add_figure_rows(TextTable& table, std::string_view name, hardware::Fact<T> const& fact,
                     bool alternative = false) {
    table.add_row({alternative ? std::string{"  or"} : std::string{name}, value_text(fact.value),
                   std::string{name_of(fact.confidence)},
                   fact.source + (fact.note.empty() ? "" : " (" + fact.note + ")")});
    for (auto const& other : fact.alternatives) {
        add_figure_rows(table, name, other, true);
    }
}

} // namespace moesaic::cli
