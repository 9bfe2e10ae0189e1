#include "sweep/record.hpp"

#include "base/errors.hpp"
#include "base/overloaded.hpp"
#include "base/random.hpp"
#include "io/parse_number.hpp"

#include <fmt/format.h>

namespace moesaic::sweep {

namespace {

std::vector<std::string_view> fields_of(std::string_view line) {
    std::vector<std::string_view> out;
    for (;;) {
        auto const tab = line.find('\t');
        out.push_back(line.substr(0, tab));
        if (tab == std::string_view::npos) {
            return out;
        }
        line.remove_prefix(tab + 1);
    }
}

std::string checksum(std::string_view text) { return fmt::format("{:016x}", stable_hash(text)); }

std::string text_in(std::string_view field) {
    auto const cell = cell_of(field);
    auto const* text = std::get_if<std::string>(&cell);
    if (!text) {
        throw InputError{Origin{}, "no text"};
    }
    return *text;
}

} // namespace

std::string text_of(PointResult const& result) {
    return std::visit(overloaded{[](std::vector<Cell> const& cells) {
                                     std::string out = "ok";
                                     for (auto const& cell : cells) {
                                         out += '\t' + text_of(cell);
                                     }
                                     return out;
                                 },
                                 [](Failure const& failure) {
                                     return fmt::format("failed\t{}\t{}", text_of(Cell{failure.kind}),
                                                        text_of(Cell{failure.message}));
                                 }},
                      result);
}

PointResult result_of(std::string_view text) {
    auto const fields = fields_of(text);
    if (fields[0] == "failed" && fields.size() == 3) {
        return Failure{text_in(fields[1]), text_in(fields[2])};
    }
    if (fields[0] != "ok") {
        throw InputError{Origin{}, fmt::format("\"{}\" is no result of a point", text)};
    }
    std::vector<Cell> cells;
    for (std::size_t i = 1; i < fields.size(); ++i) {
        cells.push_back(cell_of(fields[i]));
    }
    return cells;
}

std::string line_of(Record const& record) {
    expects(record.basis.find_first_of("\t\n") == std::string::npos, "a basis stays in its field");
    auto line =
        fmt::format("{}\t{}\t{}\t{}", record.point, record.hash, record.basis, text_of(record.result));
    line += '\t' + checksum(line);
    return line;
}

std::optional<Record> read_record(std::string_view line) {
    auto const last = line.rfind('\t');
    if (last == std::string_view::npos || checksum(line.substr(0, last)) != line.substr(last + 1)) {
        return std::nullopt;
    }
    line = line.substr(0, last);
    auto const first = line.find('\t');
    auto const second = line.find('\t', first + 1);
    auto const third = second == std::string_view::npos ? second : line.find('\t', second + 1);
    if (third == std::string_view::npos) {
        return std::nullopt;
    }
    auto const point = io::parse_number<std::int64_t>(line.substr(0, first));
    if (!point) {
        return std::nullopt;
    }
    Record record;
    record.point = *point;
    record.hash = line.substr(first + 1, second - first - 1);
    try {
        record.basis = line.substr(second + 1, third - second - 1);
        record.result = result_of(line.substr(third + 1));
    } catch (InputError const&) {
        return std::nullopt;
    }
    return record;
}

} // namespace moesaic::sweep
