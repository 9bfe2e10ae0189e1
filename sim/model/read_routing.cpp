#include "base/nearest_names.hpp"
#include "io/csv.hpp"
#include "model/routing.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <iterator>

namespace moesaic::model {

namespace {

double read_positive(io::TomlTable const& table, std::string_view key) {
    double const value = table.number(key);
    if (value <= 0.0) {
        throw InputError{table.origin(key), fmt::format("{} is not allowed (must be above 0)", value)};
    }
    return value;
}

double read_gini(io::TomlTable const& table) {
    double const gini = table.number("gini");
    if (gini < 0.0 || gini > 0.9) {
        throw InputError{table.origin("gini"), fmt::format("{} is not allowed (0 to 0.9)", gini),
                         "Real routers lie between 0.1 and 0.4"};
    }
    return gini;
}

RoutingPreset const& find_preset(std::vector<RoutingPreset> const& presets, std::string const& name,
                                 Origin const& asked_at) {
    auto const at = std::ranges::find(presets, name, &RoutingPreset::name);
    if (at == presets.end()) {
        std::vector<std::string> names;
        std::ranges::transform(presets, std::back_inserter(names), &RoutingPreset::name);
        throw InputError{asked_at, fmt::format("\"{}\" is not known", name),
                         suggestion(name, names) + " (scenarios/routing_presets.toml)"};
    }
    return *at;
}

double number_in(std::string_view field, std::string const& file, int line, std::string_view column) {
    double value = 0.0;
    auto const parsed = std::from_chars(field.begin(), field.end(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != field.end() || !(value >= 0.0) || value > 1e18) {
        throw InputError{Origin{file, line, 1, std::string{column}},
                         fmt::format("'{}' is no number from 0 on", field)};
    }
    return value;
}

std::size_t index_in(std::string_view field, std::string const& file, int line, std::string_view column,
                     int below) {
    double const value = number_in(field, file, line, column);
    auto const index = static_cast<std::size_t>(value);
    if (static_cast<double>(index) != value || value >= below) {
        throw InputError{Origin{file, line, 1, std::string{column}},
                         fmt::format("{} is not allowed (whole, 0 to {})", field, below - 1)};
    }
    return index;
}

MeasuredLoad read_histogram(std::string const& file, Model const& model, Origin const& asked_at) {
    if (!std::filesystem::exists(file)) {
        throw InputError{asked_at, fmt::format("there is no file {}", file)};
    }
    int const experts = model.moe->experts;
    MeasuredLoad out;
    io::read_csv(file, {"layer", "expert", "tokens"}, [&](io::CsvRow const& row) {
        auto const layer = index_in(row.fields[0], file, row.line, "layer", model.layers);
        auto const expert = index_in(row.fields[1], file, row.line, "expert", experts);
        while (out.layers.size() <= layer) {
            out.layers.emplace_back(static_cast<std::size_t>(experts), 0.0);
        }
        out.layers[layer][expert] += number_in(row.fields[2], file, row.line, "tokens");
    });
    std::erase_if(out.layers, [](auto const& layer) {
        return std::ranges::all_of(layer, [](double tokens) { return tokens == 0.0; });
    });
    if (out.layers.empty()) {
        throw InputError{Origin::whole_file(file), "lists no tokens"};
    }
    if (static_cast<int>(out.layers.size()) > moe_layers(model)) {
        throw InputError{Origin::whole_file(file),
                         fmt::format("lists tokens of {} layers, but only {} of {} have experts",
                                     out.layers.size(), moe_layers(model), model.id)};
    }
    return out;
}

} // namespace

std::vector<RoutingPreset> read_routing_presets(io::TomlTable const& table) {
    std::vector<RoutingPreset> out;
    auto const named = table.table("preset");
    for (auto const& name : named.keys()) {
        auto const one = named.table(name);
        out.push_back({name, read_gini(one), one.text_or("note", ""), one.text("source")});
        one.reject_unknown_keys();
    }
    table.reject_unknown_keys();
    return out;
}

Routing read_routing(io::TomlTable const& table, Model const& model, std::string const& folder,
                     std::function<std::vector<RoutingPreset> const&()> const& presets) {
    if (!model.moe) {
        throw InputError{table.origin(), fmt::format("model {} has no experts", model.id)};
    }
    Routing routing;
    auto const kind = table.text("kind");
    if (kind == "zipf") {
        routing.load = ZipfLoad{read_positive(table, "exponent")};
    } else if (kind == "dirichlet") {
        routing.load = DirichletLoad{read_positive(table, "concentration")};
    } else if (kind == "gini") {
        routing.load = GiniLoad{
            table.has("preset") ? find_preset(presets(), table.text("preset"), table.origin("preset")).gini
                                : read_gini(table)};
    } else if (kind == "measured") {
        auto const file = (std::filesystem::path{folder} / table.text("file")).string();
        routing.load = read_histogram(file, model, table.origin("file"));
    } else if (kind != "balanced") {
        throw InputError{table.origin("kind"), fmt::format("\"{}\" is not known", kind),
                         suggestion(kind, {"balanced", "zipf", "dirichlet", "gini", "measured"})};
    }
    if (table.has("capacity_factor")) {
        routing.capacity_factor = table.number("capacity_factor");
        if (*routing.capacity_factor < 1.0) {
            throw InputError{table.origin("capacity_factor"),
                             "is the most that an expert takes over the mean, so it is 1 or more"};
        }
    }
    table.reject_unknown_keys();
    return routing;
}

} // namespace moesaic::model
