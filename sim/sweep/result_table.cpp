#include "sweep/result_table.hpp"

#include "base/errors.hpp"
#include "base/nearest_names.hpp"
#include "base/overloaded.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace moesaic::sweep {

namespace {

Points points_in(io::Hdf5Reader const& file, std::string const& path) {
    if (!file.has("/sweep/text")) {
        throw InputError{Origin::whole_file(path), "is no result of a sweep",
                         "moesaic sweep SWEEP -o RESULT.h5 makes one"};
    }
    return Points{parse_sweep(file.text("/sweep/text"), file.text("/sweep/file"))};
}

io::Hdf5ColumnData column_data(io::Hdf5Data data) {
    return std::visit(
        overloaded{[](std::vector<double>& values) { return io::Hdf5ColumnData{std::move(values)}; },
                   [](std::vector<std::int64_t>& values) { return io::Hdf5ColumnData{std::move(values)}; },
                   [](std::vector<std::string>& values) { return io::Hdf5ColumnData{std::move(values)}; },
                   [](auto&) -> io::Hdf5ColumnData { throw BugError{"a column of a table is a list"}; }},
        data);
}

} // namespace

ResultFile::ResultFile(std::string const& path) : path_{path}, file_{path}, points_{points_in(file_, path)} {}

std::vector<io::Hdf5Column> ResultFile::read_table(std::string const& table,
                                                   std::vector<std::string> const& further) const {
    auto names = file_.texts("/sweep/axes");
    names.insert(names.begin(), "point");
    names.insert(names.end(), further.begin(), further.end());
    std::vector<io::Hdf5Column> out;
    for (auto const& name : names) {
        auto const path = fmt::format("{}/{}", table, name);
        out.push_back({name, column_data(file_.data(path)), file_.label(path)});
    }
    return out;
}

std::vector<io::Hdf5Column> ResultFile::read_points() const {
    return read_table("/points", file_.texts("/sweep/metrics"));
}

std::vector<io::Hdf5Column> ResultFile::read_failures() const {
    return read_table("/failures", {"kind", "message"});
}

ResultMetric ResultFile::read_metric(std::string const& name) const {
    auto const metrics = file_.texts("/sweep/metrics");
    std::vector<std::string> numbers;
    std::ranges::copy_if(metrics, std::back_inserter(numbers),
                         [&](auto const& metric) { return file_.label("/points/" + metric).unit != "text"; });
    if (std::ranges::find(numbers, name) == numbers.end()) {
        throw InputError{Origin::whole_file(path_),
                         fmt::format("has no metric \"{}\" that is a number", name),
                         suggestion(name, numbers)};
    }
    auto const path = "/points/" + name;
    ResultMetric out{file_.label(path).unit, {}};
    out.values.resize(static_cast<std::size_t>(points_.size()), std::numeric_limits<double>::quiet_NaN());
    auto const points = file_.integers("/points/point");
    auto const data = column_data(file_.data(path));
    auto const* whole = std::get_if<std::vector<std::int64_t>>(&data);
    for (std::size_t row = 0; row < points.size(); ++row) {
        if (points[row] < 0 || points[row] >= points_.size()) {
            throw InputError{Origin::whole_file(path_),
                             fmt::format("holds a point {} that its sweep has not", points[row])};
        }
        auto const value =
            whole ? static_cast<double>((*whole)[row]) : std::get<std::vector<double>>(data)[row];
        out.values[static_cast<std::size_t>(points[row])] = value;
    }
    return out;
}

} // namespace moesaic::sweep
