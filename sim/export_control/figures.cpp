#include "export_control/figures.hpp"

#include "base/nearest_names.hpp"
#include "export_control/processing_performance.hpp"

#include <fmt/format.h>

namespace moesaic::export_control {

Figure const* Figures::find(Attribute attribute) const& {
    auto const found = known_.find(attribute);
    return found == known_.end() ? nullptr : &found->second;
}

void Figures::set(Attribute attribute, Figure figure) {
    expects(!info_of(attribute).of_deal, "the attribute is one of the chip");
    known_.insert_or_assign(attribute, std::move(figure));
    sum_is_set_ = sum_is_set_ || attribute == Attribute::memory_plus_io_bandwidth;
    add_up();
}

void Figures::forget(Attribute attribute) {
    known_.erase(attribute);
    add_up();
}

void Figures::add_up() {
    if (sum_is_set_) {
        return;
    }
    auto const* memory = find(Attribute::memory_bandwidth);
    auto const* io = find(Attribute::io_bandwidth_both_ways);
    known_.erase(Attribute::memory_plus_io_bandwidth);
    if (memory && io) {
        known_.emplace(Attribute::memory_plus_io_bandwidth,
                       Figure{std::get<BytesPerSecond>(memory->value) + std::get<BytesPerSecond>(io->value),
                              fmt::format("sum of {} and {}", memory->source, io->source)});
    }
}

namespace {

template <class T>
void set_known(Figures& out, Attribute attribute, std::optional<hardware::Fact<T>> const& fact) {
    if (fact) {
        out.set(attribute, {Value{fact->value}, fact->source});
    }
}

void set_performance(Figures& out, hardware::Chip const& chip) {
    set_known(out, Attribute::tpp, chip.tpp);
    set_known(out, Attribute::performance_density, chip.performance_density);
    auto const computed = compute_tpp(chip);
    if (!chip.tpp && computed && !computed->estimated) {
        out.set(Attribute::tpp, {computed->tpp, text_of(*computed)});
    }
}

/// Of the TPP and the area that count, where nobody gives the density itself.
void add_density(Figures& out) {
    auto const* const tpp = out.find(Attribute::tpp);
    auto const* const area = out.find(Attribute::applicable_die_area);
    auto const mm2 = area ? std::get<SquareMillimetres>(area->value).value() : 0.0;
    if (tpp && mm2 > 0.0 && !out.find(Attribute::performance_density)) {
        out.set(Attribute::performance_density,
                {std::get<double>(tpp->value) / mm2, "computed: TPP / applicable die area"});
    }
}

void set_area(Figures& out, Attribute attribute, std::optional<hardware::Fact<double>> const& fact) {
    if (fact) {
        out.set(attribute, {SquareMillimetres{fact->value}, fact->source});
    }
}

/// Without what is computed from other figures.
Figures given_figures(hardware::Chip const& chip) {
    auto const own = "file of the chip";
    Figures out{chip.id};
    out.set(Attribute::chip, {chip.id, own});
    out.set(Attribute::vendor, {chip.vendor, own});
    out.set(Attribute::kind, {chip.kind, own});
    if (chip.us_origin) {
        out.set(Attribute::us_origin, {*chip.us_origin, own});
    }
    if (chip.datacenter_designed) {
        out.set(Attribute::datacenter_designed, {*chip.datacenter_designed, own});
    }
    if (chip.launch_date) {
        if (auto const span = parse_date_span(chip.launch_date->value)) {
            out.set(Attribute::launch_date, {*span, chip.launch_date->source});
        }
    }
    set_performance(out, chip);
    set_area(out, Attribute::applicable_die_area, chip.applicable_die_area_mm2);
    set_area(out, Attribute::die_area, chip.die_area_mm2);
    set_known(out, Attribute::non_planar_transistors, chip.non_planar_transistors);
    set_known(out, Attribute::memory_bandwidth, chip.memory_bandwidth);
    set_known(out, Attribute::memory_capacity, chip.memory_capacity);
    set_known(out, Attribute::io_bandwidth_both_ways, chip.io_bandwidth_both_ways);
    set_known(out, Attribute::scale_up_bandwidth, chip.scale_up_bandwidth);
    set_known(out, Attribute::power, chip.power);
    return out;
}

} // namespace

Figures figures_of(hardware::Chip const& chip) { return figures_of(chip, {}); }

Figures figures_of(hardware::Chip const& chip, FigureOverrides const& overrides) {
    auto out = given_figures(chip);
    if (auto const found = overrides.find(chip.id); found != overrides.end()) {
        for (auto const& [attribute, figure] : found->second) {
            out.set(attribute, figure);
        }
    }
    add_density(out);
    return out;
}

namespace {

/// A flag, number, or text with a unit, as TOML writes it.
std::string written_value(io::TomlTable const& table, std::string const& key, ValueType type) {
    if (table.is_text(key)) {
        return table.text(key);
    }
    return type == ValueType::flag ? (table.boolean(key) ? "true" : "false")
                                   : fmt::format("{}", table.number(key));
}

std::map<Attribute, Figure> read_one_chip(io::TomlTable const& table, std::string const& source) {
    std::map<Attribute, Figure> out;
    for (auto const& name : table.keys()) {
        auto const attribute = find_attribute(name);
        if (!attribute || info_of(*attribute).of_deal || attribute == Attribute::chip) {
            throw InputError{table.origin(name), "is no figure of a chip",
                             suggestion(name, attribute_names())};
        }
        auto const type = info_of(*attribute).type;
        auto const written = written_value(table, name, type);
        auto const value = parse_value(type, written);
        if (!value) {
            throw InputError{table.origin(name), fmt::format("\"{}\" is not {}", written, name_of(type)),
                             value_help(type)};
        }
        out.emplace(*attribute, Figure{*value, source});
    }
    return out;
}

} // namespace

FigureOverrides read_figure_overrides(io::TomlTable const& table, std::string const& source) {
    FigureOverrides out;
    for (auto const& chip : table.keys()) {
        out.emplace(chip, read_one_chip(table.table(chip), source));
    }
    return out;
}

} // namespace moesaic::export_control
