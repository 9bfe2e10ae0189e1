#pragma once
#include "export_control/attribute.hpp"
#include "hardware/chip.hpp"

#include <map>
#include <optional>
#include <string>

namespace moesaic::export_control {

struct Figure {
    Value value;
    std::string source;
};

/// What is known of a chip, by attribute; what is missing here is unknown to every rule.
class Figures {
  public:
    explicit Figures(std::string chip) : chip_{std::move(chip)} {}
    [[nodiscard]] std::string const& chip() const { return chip_; }
    /// null where it is not known
    [[nodiscard]] Figure const* find(Attribute attribute) const&;
    Figure const* find(Attribute attribute) && = delete; ///< it would point into what is gone
    /// Replaces what was known; the sum of memory and I/O bandwidth follows its parts unless it is set itself.
    void set(Attribute attribute, Figure figure);
    void forget(Attribute attribute);

  private:
    void add_up();
    std::string chip_;
    std::map<Attribute, Figure> known_;
    bool sum_is_set_ = false;
};

/// The catalogue's figures. TPP and performance density are the catalogue's own where it has them, else computed
/// from peaks and area, but never from peaks that are estimates: then they stay unknown.
[[nodiscard]] Figures figures_of(hardware::Chip const& chip);

/// Other figures for some chips, as a what-if study assumes them.
using FigureOverrides = std::map<std::string, std::map<Attribute, Figure>, std::less<>>;
[[nodiscard]] Figures figures_of(hardware::Chip const& chip, FigureOverrides const& overrides);
/// [figures.nvidia_h20] tpp = 2400, memory_bandwidth = "3 TB/s"
/// @throws InputError for an unknown attribute or a wrong unit
[[nodiscard]] FigureOverrides read_figure_overrides(io::TomlTable const& table, std::string const& source);

} // namespace moesaic::export_control
