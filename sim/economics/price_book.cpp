#include "economics/price_book.hpp"

#include "base/date.hpp"
#include "hardware/read_entry.hpp"
#include "hardware/read_fact.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moesaic::economics {

namespace {

template <class Amount>
void check_price(io::TomlTable const& entry, hardware::Fact<Amount> const& price) {
    auto const negative = [](auto const& fact) { return fact.value.amount < 0; };
    if (negative(price) || std::ranges::any_of(price.alternatives, negative)) {
        throw InputError{entry.origin("price"), "must not be negative"};
    }
}

/// A date as in base/date.hpp, or two: "2023-08 to 2023-11", "2023-2024".
bool is_time_of_price(std::string_view text) {
    for (std::string_view const between : {" to ", "-"}) {
        auto const at = between == "-" ? std::size_t{4} : text.find(between);
        if (at < text.size() && text.substr(at).starts_with(between) &&
            (between != "-" || text.size() == 9)) {
            auto const from = parse_date_span(text.substr(0, at));
            auto const until = parse_date_span(text.substr(at + between.size()));
            return from && until && from->first <= until->last;
        }
    }
    return parse_date_span(text).has_value();
}

std::string read_time_of_price(io::TomlTable const& entry) {
    auto text = entry.text("date");
    if (!is_time_of_price(text)) {
        throw InputError{entry.origin("date"), fmt::format("\"{}\" is no date", text),
                         "Write it like \"2025-04-15\", \"2025-04\", \"2025\" or \"2025-04 to 2025-07\""};
    }
    return text;
}

template <class Amount>
std::vector<Price<Amount>> read_prices(io::TomlTable const& table, std::string_view kind) {
    std::vector<Price<Amount>> out;
    for (auto const& entry : table.tables(kind)) {
        Price<Amount> price{.chip = entry.text("chip"),
                            .place = entry.text("place"),
                            .date = read_time_of_price(entry),
                            .amount = hardware::read_fact<Amount>(entry, "price")};
        check_price(entry, price.amount);
        if (std::ranges::any_of(out, [&](auto const& other) { return other.chip == price.chip; })) {
            throw InputError{entry.origin("chip"), fmt::format("a second {} for chip {}", kind, price.chip),
                             "Keep it under alternatives, or write another book"};
        }
        entry.reject_unknown_keys();
        out.push_back(std::move(price));
    }
    return out;
}

bool read_server_included(io::TomlTable const& table) {
    auto const what = table.text_or("purchases_include", "chip");
    if (what != "chip" && what != "server") {
        throw InputError{table.origin("purchases_include"), fmt::format("\"{}\" is not known", what),
                         "It is \"chip\" (bare, or on its module) or \"server\" (a chip's share of one)"};
    }
    return what == "server";
}

} // namespace

PriceBook read_price_book(io::TomlTable const& table) {
    PriceBook book{.id = table.text("id"),
                   .name = table.text("name"),
                   .note = table.text_or("note", ""),
                   .server_included = read_server_included(table),
                   .rents = read_prices<MoneyPerHour>(table, "rent"),
                   .purchases = read_prices<Money>(table, "purchase"),
                   .file = table.origin().file};
    table.reject_unknown_keys();
    return book;
}

std::vector<std::string> price_book_ids(std::string const& platforms_folder) {
    return hardware::entries_of(platforms_folder + "/prices");
}

PriceBook find_price_book(std::string const& platforms_folder, std::string const& id,
                          Origin const& asked_at) {
    return read_price_book(hardware::read_entry(platforms_folder + "/prices", "price book", id, asked_at));
}

Price<MoneyPerHour> const& rent_of(PriceBook const& book, std::string const& chip, Origin const& asked_at) {
    std::vector<std::string> known;
    for (auto const& rent : book.rents) {
        if (rent.chip == chip) {
            return rent;
        }
        known.push_back(rent.chip);
    }
    throw InputError{asked_at, fmt::format("price book {} has no rent for chip {}", book.id, chip),
                     known.empty() ? "It has none at all"
                                   : fmt::format("It has one for {}", fmt::join(known, ", "))};
}

} // namespace moesaic::economics
