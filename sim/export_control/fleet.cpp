#include "export_control/fleet.hpp"

#include "base/nearest_names.hpp"
#include "export_control/country_groups.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

namespace moesaic::export_control {

bool Fleet::empty() const { return stock.empty() && supply.empty() && rented.empty() && licences.empty(); }

std::vector<Date> deliveries(Supply const& supply, Date date) {
    namespace chrono = std::chrono;
    std::vector<Date> out;
    auto const last = supply.until ? std::min(date, *supply.until) : date;
    chrono::year_month_day const from{supply.from};
    for (auto quarter = from + chrono::months{3};; quarter += chrono::months{3}) {
        auto const day = quarter.ok() ? Date{quarter} : Date{quarter.year() / quarter.month() / chrono::last};
        if (day > last) {
            return out;
        }
        out.push_back(day);
    }
}

std::vector<Arrival> arrivals(Fleet const& fleet, std::string const& chip, Date date) {
    std::vector<Arrival> out;
    for (auto const& item : fleet.stock) {
        if (item.chip == chip && item.owned_since <= date) {
            out.push_back({item.owned_since, item.count, true, item.price});
        }
    }
    for (auto const& item : fleet.supply) {
        if (item.chip == chip) {
            for (auto const day : deliveries(item, date)) {
                out.push_back({day, item.per_quarter, false, item.price});
            }
        }
    }
    std::ranges::stable_sort(out, {}, [](Arrival const& a) { return std::pair{!a.paid, a.day}; });
    return out;
}

std::int64_t for_this_job(Fleet const& fleet, std::int64_t chips) {
    return static_cast<std::int64_t>(
        std::floor(static_cast<double>(chips) * fleet.share_for_this_job + 1e-9));
}

std::int64_t owned(Fleet const& fleet, std::string const& chip, Date date) {
    std::int64_t sum = 0;
    for (auto const& arrival : arrivals(fleet, chip, date)) {
        sum += arrival.count;
    }
    return sum;
}

std::int64_t licence_quota(Fleet const& fleet, std::string const& chip, Date date) {
    std::int64_t sum = 0;
    for (auto const& licence : fleet.licences) {
        auto const holds = licence.from <= date && (!licence.until || date < *licence.until);
        sum += licence.chip == chip && holds ? licence.quota : 0;
    }
    return sum;
}

Date start_of(Fleet const& fleet, Date regime_date) {
    if (fleet.start && *fleet.start < regime_date) {
        throw InputError{fleet.start_origin,
                         fmt::format("{} is before the date of the regime, {}", iso_text(*fleet.start),
                                     iso_text(regime_date)),
                         "Give the regime the date on which the chips are bought"};
    }
    return fleet.start.value_or(regime_date);
}

namespace {

/// A billion chips of one kind are a typing error.
int read_count(io::TomlTable const& table, std::string_view key) {
    auto const count = table.integer_from(key, 1);
    constexpr std::int64_t most = 100'000'000;
    if (count > most) {
        throw InputError{table.origin(key), fmt::format("{} is more than {}", count, most)};
    }
    return static_cast<int>(count);
}

/// none where the key is absent
template <class Price>
std::optional<Price> read_price(io::TomlTable const& table) {
    auto price = table.optional_quantity<Price>("price");
    if (price && price->amount < 0) {
        throw InputError{table.origin("price"), "must not be negative"};
    }
    return price;
}

std::optional<Date> read_until(io::TomlTable const& table, Date from) {
    if (!table.has("until")) {
        return std::nullopt;
    }
    auto const until = table.date("until");
    if (until <= from) {
        throw InputError{table.origin("until"), fmt::format("ends on {}, not after its beginning on {}",
                                                            iso_text(until), iso_text(from))};
    }
    return until;
}

StockItem read_stock(io::TomlTable const& table) {
    return {.chip = table.text("chip"),
            .count = read_count(table, "count"),
            .owned_since = table.date("owned_since"),
            .price = read_price<Money>(table),
            .note = table.text_or("note", ""),
            .origin = table.origin("chip"),
            .owned_origin = table.origin("owned_since")};
}

Supply read_supply(io::TomlTable const& table) {
    auto const from = table.date("from");
    return {.chip = table.text("chip"),
            .per_quarter = read_count(table, "per_quarter"),
            .from = from,
            .until = read_until(table, from),
            .price = read_price<Money>(table),
            .note = table.text_or("note", ""),
            .origin = table.origin("chip")};
}

Rental read_rental(io::TomlTable const& table) {
    return {.chip = table.text("chip"),
            .count = read_count(table, "count"),
            .place = read_country(table, "place"),
            .price = read_price<MoneyPerHour>(table),
            .note = table.text_or("note", ""),
            .origin = table.origin("chip")};
}

Licence read_licence(io::TomlTable const& table) {
    auto const from = table.date("from");
    return {.chip = table.text("chip"),
            .quota = read_count(table, "quota"),
            .from = from,
            .until = read_until(table, from),
            .note = table.text_or("note", ""),
            .origin = table.origin("chip")};
}

template <class Item>
std::vector<Item> read_list(io::TomlTable const& table, std::string_view key,
                            Item (*read)(io::TomlTable const&)) {
    std::vector<Item> out;
    for (auto const& one : table.tables(key)) {
        out.push_back(read(one));
        one.reject_unknown_keys();
    }
    return out;
}

Acquisition read_acquisition(io::TomlTable const& table) {
    auto const name = table.text_or("acquisition", "either");
    std::vector<std::string> const names{"buy", "rent", "either"};
    auto const found = std::ranges::find(names, name);
    if (found == names.end()) {
        throw InputError{table.origin("acquisition"), fmt::format("there is no way to acquire \"{}\"", name),
                         suggestion(name, names)};
    }
    return static_cast<Acquisition>(found - names.begin());
}

} // namespace

Fleet read_fleet(io::TomlTable const& table) {
    Fleet fleet{.stock = read_list(table, "stock", read_stock),
                .supply = read_list(table, "supply", read_supply),
                .rented = read_list(table, "rented", read_rental),
                .licences = read_list(table, "licences", read_licence),
                .budget = table.optional_quantity<Money>("budget"),
                .budget_origin = table.origin("budget"),
                .acquisition = read_acquisition(table),
                .start = table.has("start") ? std::optional{table.date("start")} : std::nullopt,
                .start_origin = table.origin("start"),
                .share_for_this_job = table.number_or("share_for_this_job", 1.0)};
    if (!(fleet.share_for_this_job > 0.0 && fleet.share_for_this_job <= 1.0)) {
        throw InputError{table.origin("share_for_this_job"),
                         fmt::format("{} is no share (above 0, at most 1)", fleet.share_for_this_job)};
    }
    if (fleet.budget && fleet.budget->amount < 0) {
        throw InputError{table.origin("budget"), "must not be negative"};
    }
    table.reject_unknown_keys();
    return fleet;
}

} // namespace moesaic::export_control
