#pragma once
#include "economics/exchange_rates.hpp"
#include "economics/price_book.hpp"
#include "export_control/rule_set.hpp"
#include "hardware/catalogue.hpp"
#include "model/model.hpp"
#include "model/routing_preset.hpp"
#include "parallel/calibration.hpp"
#include "parallel/software.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesaic::scenario {

/// What scenarios refer to by id: platforms/ and scenarios/ below a folder. A file is read when it is first asked for and is
/// as it was then as long as this lives: whoever runs many scenarios keeps one of these, and pays for each file once. For one
/// thread at a time.
class Facts {
  public:
    // NOLINTNEXTLINE(google-explicit-constructor): a folder is all that there is to say of it
    Facts(std::string folder) : folder_{std::move(folder)} {}
    // NOLINTNEXTLINE(google-explicit-constructor): the same
    Facts(char const* folder) : folder_{folder} {}
    [[nodiscard]] std::string const& folder() const { return folder_; }
    [[nodiscard]] std::string platforms() const { return folder_ + "/platforms"; }

    /// @param asked_at where the id was written, for the error; an unknown id lists the nearest known ones
    [[nodiscard]] hardware::Cluster const& cluster(std::string const& id, Origin const& asked_at) const;
    [[nodiscard]] hardware::NodeType const& node(std::string const& id, Origin const& asked_at) const;
    [[nodiscard]] model::Model const& model(std::string const& id, Origin const& asked_at) const;
    /// scenarios/routing_presets.toml
    [[nodiscard]] std::vector<model::RoutingPreset> const& routing_presets() const;
    [[nodiscard]] parallel::Software const& software(std::string const& id, Origin const& asked_at) const;
    [[nodiscard]] economics::PriceBook const& price_book(std::string const& id, Origin const& asked_at) const;
    [[nodiscard]] economics::ExchangeRates const& exchange_rates() const;
    /// Of the whole catalogue, by id.
    [[nodiscard]] std::vector<hardware::Chip> const& chips() const;
    /// All of scenarios/rules/; they name chips that there are.
    [[nodiscard]] export_control::RuleSet const& rules() const;
    /// The shipped constants.
    [[nodiscard]] parallel::Calibration const& calibration() const;

  private:
    std::string folder_;
    mutable std::map<std::string, hardware::Cluster> clusters_;
    mutable std::optional<std::vector<hardware::Chip>> chips_;
    mutable std::map<std::string, hardware::NodeType> nodes_;
    mutable std::map<std::string, model::Model> models_;
    mutable std::optional<std::vector<model::RoutingPreset>> routing_presets_;
    mutable std::map<std::string, parallel::Software> software_;
    mutable std::map<std::string, economics::PriceBook> price_books_;
    mutable std::optional<economics::ExchangeRates> exchange_rates_;
    mutable std::optional<export_control::RuleSet> rules_;
    mutable std::optional<parallel::Calibration> calibration_;
};

} // namespace moesaic::scenario
