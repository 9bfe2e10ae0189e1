#include "base/errors.hpp"

#include <fmt/format.h>

namespace moesaic {

std::string Origin::text() const {
    std::string out = file;
    if (line > 0) {
        out += fmt::format(":{}:{}", line, column);
    }
    if (!field.empty()) {
        out += (out.empty() ? "" : ": ") + field;
    }
    return out;
}

namespace {

std::string full_message(Origin const& origin, std::string_view problem, std::string_view hint) {
    auto const where = origin.text();
    return fmt::format("{}{}{}{}{}", where, where.empty() ? "" : ": ", problem, hint.empty() ? "" : ". ",
                       hint);
}

} // namespace

InputError::InputError(Origin origin, std::string_view problem, std::string_view hint)
    : std::runtime_error{full_message(origin, problem, hint)}, origin_{std::move(origin)} {}

void expects(bool condition, std::string_view what, std::source_location where) {
    if (!condition) {
        throw BugError{fmt::format("{}:{}: expected: {}", where.file_name(), where.line(), what)};
    }
}

} // namespace moesaic
