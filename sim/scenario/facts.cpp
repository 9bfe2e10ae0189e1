#include "scenario/facts.hpp"

#include <filesystem>
#include <fmt/format.h>

namespace moesaic::scenario {

namespace {

/// What `read` gives for the key, read once. What cannot be read is read again by who asks again.
template <class Value, class Read>
Value const& once(std::map<std::string, Value>& known, std::string const& key, Read const& read) {
    auto at = known.find(key);
    if (at == known.end()) {
        at = known.emplace(key, read()).first;
    }
    return at->second;
}

parallel::Software read_software_of(std::string const& folder, std::string const& id,
                                    Origin const& asked_at) {
    auto const file = fmt::format("{}/scenarios/software/{}.toml", folder, id);
    if (!std::filesystem::exists(file)) {
        throw InputError{asked_at, fmt::format("\"{}\" is not known", id),
                         "Known is what has a file in scenarios/software/"};
    }
    auto software = parallel::read_software(io::read_toml_file(file));
    if (software.id != id) {
        throw InputError{Origin::whole_file(file),
                         fmt::format("its id is \"{}\", not the file's name", software.id)};
    }
    return software;
}

} // namespace

hardware::Cluster const& Facts::cluster(std::string const& id, Origin const& asked_at) const {
    return once(clusters_, id, [&] { return hardware::Catalogue{platforms()}.cluster(id, asked_at); });
}

hardware::NodeType const& Facts::node(std::string const& id, Origin const& asked_at) const {
    return once(nodes_, id, [&] { return hardware::Catalogue{platforms()}.node(id, asked_at); });
}

model::Model const& Facts::model(std::string const& id, Origin const& asked_at) const {
    return once(models_, id,
                [&] { return model::ModelCatalogue{folder_ + "/scenarios/models"}.model(id, asked_at); });
}

std::vector<model::RoutingPreset> const& Facts::routing_presets() const {
    if (!routing_presets_) {
        routing_presets_ =
            model::read_routing_presets(io::read_toml_file(folder_ + "/scenarios/routing_presets.toml"));
    }
    return *routing_presets_;
}

parallel::Software const& Facts::software(std::string const& id, Origin const& asked_at) const {
    return once(software_, id, [&] { return read_software_of(folder_, id, asked_at); });
}

economics::PriceBook const& Facts::price_book(std::string const& id, Origin const& asked_at) const {
    return once(price_books_, id, [&] { return economics::find_price_book(platforms(), id, asked_at); });
}

economics::ExchangeRates const& Facts::exchange_rates() const {
    if (!exchange_rates_) {
        exchange_rates_ = economics::find_exchange_rates(platforms());
    }
    return *exchange_rates_;
}

std::vector<hardware::Chip> const& Facts::chips() const {
    if (!chips_) {
        chips_ = hardware::Catalogue{platforms()}.all_chips();
    }
    return *chips_;
}

export_control::RuleSet const& Facts::rules() const {
    if (!rules_) {
        rules_ =
            export_control::read_rules(folder_ + "/scenarios/rules", export_control::known_words(chips()));
    }
    return *rules_;
}

parallel::Calibration const& Facts::calibration() const {
    if (!calibration_) {
        calibration_ = parallel::read_calibration(io::read_toml_file(platforms() + "/calibration.toml"));
    }
    return *calibration_;
}

} // namespace moesaic::scenario
