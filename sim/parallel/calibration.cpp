#include "parallel/calibration.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace moesaic::parallel {

namespace {

CalibrationConstant read_constant(io::TomlTable const& t) {
    CalibrationConstant out{.name = t.text("name"),
                            .chips = t.texts("chips"),
                            .dies = {},
                            .precision = t.text("precision"),
                            .stack = t.text_or("stack", ""),
                            .factor = t.number("factor"),
                            .origin = t.text("origin"),
                            .sources = {},
                            .records = {}};
    if (!(out.factor > 0.0 && out.factor < 10.0)) {
        throw InputError{t.origin("factor"), "must be above 0 and below 10"};
    }
    if (out.precision != "16-bit" && out.precision != "8-bit" && out.precision != "4-bit") {
        throw InputError{t.origin("precision"), "is 16-bit, 8-bit or 4-bit"};
    }
    if (t.has("dies")) {
        out.dies = t.texts("dies");
    }
    if (t.has("records")) {
        out.records = t.texts("records");
        out.sources = t.texts("sources");
    }
    t.reject_unknown_keys();
    return out;
}

ModelError read_model_error(io::TomlTable const& t) {
    ModelError const out{t.number("calibrated"), t.number("otherwise")};
    t.reject_unknown_keys();
    return out;
}

bool is_among(std::vector<std::string> const& names, std::string const& name) {
    return std::ranges::find(names, name) != names.end();
}

bool holds(CalibrationConstant const& c, std::string_view precision, std::string const& stack) {
    return c.precision == precision && c.stack == stack;
}

} // namespace

std::string_view precision_class(Dtype format) {
    auto const bytes = bytes_per_element(format);
    return bytes >= 2.0 ? "16-bit" : bytes >= 1.0 ? "8-bit" : "4-bit";
}

CalibrationConstant const* Calibration::find(hardware::Chip const& chip, Dtype format,
                                             std::string const& stack) const {
    auto const precision = precision_class(format);
    auto const first = [&](auto const& is_for) -> CalibrationConstant const* {
        for (auto const& wanted : {stack, std::string{}}) {
            auto const at = std::ranges::find_if(
                constants, [&](auto const& c) { return holds(c, precision, wanted) && is_for(c); });
            if (at != constants.end()) {
                return &*at;
            }
        }
        return nullptr;
    };
    auto const* own = first([&](CalibrationConstant const& c) { return is_among(c.chips, chip.id); });
    return own != nullptr
               ? own
               : first([&](CalibrationConstant const& c) { return is_among(c.dies, die_of(chip)); });
}

double Calibration::error_of(hardware::Chip const& chip, Dtype products, Practice const& practice,
                             bool has_experts) const {
    auto const* constant = find(chip, products, practice.stack);
    bool const learnt = constant != nullptr && !constant->records.empty();
    auto const& error = has_experts ? experts : dense;
    double const known = learnt ? error.calibrated : error.otherwise;
    return practice.is_known ? known : std::max(known, unknown_software);
}

Calibration read_calibration(io::TomlTable const& table) {
    Calibration out;
    auto const errors = table.table("model_error");
    out.dense = read_model_error(errors.table("dense"));
    out.experts = read_model_error(errors.table("experts"));
    out.unknown_software = errors.number("unknown_software");
    errors.reject_unknown_keys();
    for (auto const& t : table.tables("constant")) {
        auto constant = read_constant(t);
        for (auto const& chip : constant.chips) {
            bool const twice = std::ranges::any_of(out.constants, [&](auto const& c) {
                return holds(c, constant.precision, constant.stack) && is_among(c.chips, chip);
            });
            if (twice) {
                throw InputError{t.origin("chips"), fmt::format("a second constant for {}, {}, \"{}\"", chip,
                                                                constant.precision, constant.stack)};
            }
        }
        out.constants.push_back(std::move(constant));
    }
    table.reject_unknown_keys();
    return out;
}

} // namespace moesaic::parallel
