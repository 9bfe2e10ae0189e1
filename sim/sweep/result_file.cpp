#include "sweep/result_file.hpp"

#include "base/errors.hpp"
#include "io/hdf5.hpp"
#include "sweep/journal.hpp"

#include <algorithm>
#include <cmath>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <set>
#include <unistd.h>

namespace moesaic::sweep {

namespace {

using io::Hdf5Column;
using io::Hdf5Writer;

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

/// The cells of a column while they come in.
class ColumnData {
  public:
    explicit ColumnData(Column column) : column_{std::move(column)} {
        if (column_.kind == CellKind::whole) {
            data_ = std::vector<std::int64_t>{};
        } else if (column_.kind == CellKind::number) {
            data_ = std::vector<double>{};
        } else {
            data_ = std::vector<std::string>{};
        }
    }

    void add(Cell const& cell) {
        if (auto* whole = std::get_if<std::vector<std::int64_t>>(&data_)) {
            auto const* value = std::get_if<std::int64_t>(&cell);
            expects(value != nullptr, "a column of whole numbers has no gaps");
            whole->push_back(*value);
        } else if (auto* numbers = std::get_if<std::vector<double>>(&data_)) {
            auto const* value = std::get_if<double>(&cell);
            auto const* count = std::get_if<std::int64_t>(&cell);
            numbers->push_back(value ? *value : count ? static_cast<double>(*count) : nothing);
        } else {
            auto const* value = std::get_if<std::string>(&cell);
            std::get<std::vector<std::string>>(data_).push_back(value ? *value : "");
        }
    }

    [[nodiscard]] Column const& column() const { return column_; }
    [[nodiscard]] io::Hdf5ColumnData& data() { return data_; }
    /// The one text of all rows that have any; none where they differ.
    [[nodiscard]] std::string common_text() const {
        auto const& texts = std::get<std::vector<std::string>>(data_);
        std::set<std::string> seen(texts.begin(), texts.end());
        seen.erase("");
        return seen.size() == 1 ? *seen.begin() : "";
    }

  private:
    Column column_;
    io::Hdf5ColumnData data_;
};

class Table {
  public:
    explicit Table(std::vector<Column> const& columns) {
        for (auto const& column : columns) {
            columns_.emplace_back(column);
        }
    }
    void add(std::vector<Cell> const& cells) {
        expects(cells.size() == columns_.size(), "a cell for each column");
        for (std::size_t i = 0; i < cells.size(); ++i) {
            columns_[i].add(cells[i]);
        }
    }
    void write(Hdf5Writer& file, std::string const& path, std::string const& description) {
        std::vector<Hdf5Column> out;
        for (auto& column : columns_) {
            out.push_back(
                {column.column().name, {}, {unit_of(column.column()), column.column().description}});
        }
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            out[i].data = std::move(columns_[i].data());
        }
        file.write_table(path, description, out);
    }

  private:
    [[nodiscard]] std::string unit_of(Column const& column) const {
        if (column.unit_column.empty()) {
            return column.unit;
        }
        for (auto const& other : columns_) {
            if (other.column().name == column.unit_column) {
                auto const unit = other.common_text();
                return unit.empty() ? "column " + column.unit_column : unit;
            }
        }
        return column.unit;
    }
    std::vector<ColumnData> columns_;
};

std::vector<Column> columns_of(Points const& points, std::vector<Column> const& further) {
    std::vector<Column> out{{"point", CellKind::whole, "1", "Number of the point in the sweep, from 0", {}}};
    out.insert(out.end(), points.columns().begin(), points.columns().end());
    out.insert(out.end(), further.begin(), further.end());
    return out;
}

std::vector<Cell> row_of(Point const& point, std::vector<Cell> const& further) {
    std::vector<Cell> out{point.index};
    out.insert(out.end(), point.cells.begin(), point.cells.end());
    out.insert(out.end(), further.begin(), further.end());
    return out;
}

void write_sweep(Hdf5Writer& file, Points const& points, ResultOrigin const& origin,
                 Gathered const& gathered) {
    auto const& sweep = points.sweep();
    auto const words = [](std::string description) { return io::Hdf5Label{"text", std::move(description)}; };
    auto const pure = [](std::string description) { return io::Hdf5Label{"1", std::move(description)}; };
    file.group("/sweep", "What was simulated, complete: the same files and version give the same result");
    file.write("/sweep/name", sweep.name, words("Name of the sweep"));
    file.write("/sweep/description", sweep.description, words("What it asks"));
    file.write("/sweep/file", sweep.file, words("Path of the sweep file as given"));
    file.write("/sweep/text", sweep.text, words("The sweep file as read"));
    file.write("/sweep/scenario_file", sweep.scenario_file, words("Path of the base scenario"));
    file.write("/sweep/scenario_text", origin.scenario_text, words("The base scenario as read"));
    file.write("/sweep/timings", origin.timings, words("Tables of kernel timings beside the shipped ones"));
    file.write("/sweep/design", std::string{name_of(sweep.design)}, words("How the points were chosen"));
    file.write("/sweep/seed", static_cast<std::int64_t>(sweep.seed), pure("Seed of the draws"));
    file.write("/sweep/program_version", origin.version, words("Version of MoEsaic"));
    std::vector<std::string> axes;
    for (auto const& column : points.columns()) {
        axes.push_back(column.name);
    }
    std::vector<std::string> metrics;
    std::ranges::transform(origin.metrics, std::back_inserter(metrics), &Column::name);
    file.write("/sweep/axes", axes, words("Columns of /points that are axes"));
    file.write("/sweep/metrics", metrics, words("Columns of /points that are metrics"));
    file.write("/sweep/points", points.size(), pure("Points of the sweep"));
    file.write("/sweep/failed", gathered.failed, pure("Points in /failures"));
    file.write("/sweep/missing", gathered.missing, pure("Points that were never finished"));
}

/// Where the last word on a point stands.
struct Place {
    int journal = -1; ///< -1 = nowhere
    bool failed = false;
    std::int64_t offset = 0;
};

std::vector<Place> places_in(std::vector<std::string> const& journals, std::int64_t points,
                             Ledger const& ledger) {
    std::vector<Place> out(static_cast<std::size_t>(points));
    for (std::size_t j = 0; j < journals.size(); ++j) {
        read_journal(journals[j], [&](Record const& record, std::int64_t offset) {
            if (record.point < 0 || record.point >= points || !ledger.stands(record)) {
                return;
            }
            auto& place = out[static_cast<std::size_t>(record.point)];
            if (place.journal < 0 || place.failed) {
                place = {static_cast<int>(j), has_failed(record.result), offset};
            }
        });
    }
    return out;
}

void sync_path(std::string const& path) {
    auto const file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); // a pipe is not waited for
    if (file >= 0) {
        ::fsync(file);
        ::close(file);
    }
}

} // namespace

Gathered write_result(std::string const& output, Points const& points, ResultOrigin const& origin,
                      Ledger const& ledger) {
    Table table{columns_of(points, origin.metrics)};
    Table failures{
        columns_of(points, {{"kind", CellKind::text, "text", "input, time, memory, crash or bug", {}},
                            {"message", CellKind::text, "text", "Why the point has no metrics", {}}})};
    Gathered gathered;
    auto const journals = journals_in(parts_folder(output));
    auto const places = places_in(journals, points.size(), ledger);
    for (std::int64_t i = 0; i < points.size(); ++i) {
        auto const& place = places[static_cast<std::size_t>(i)];
        if (place.journal < 0) {
            ++gathered.missing;
            continue;
        }
        auto const record = read_journal_at(journals[static_cast<std::size_t>(place.journal)], place.offset);
        expects(record.has_value() && record->point == i, "a journal is only added to");
        if (auto const* failure = std::get_if<Failure>(&record->result)) {
            ++gathered.failed;
            failures.add(row_of(points.at(i), {failure->kind, failure->message}));
        } else {
            ++gathered.ok;
            table.add(row_of(points.at(i), std::get<std::vector<Cell>>(record->result)));
        }
    }
    Hdf5Writer file{output};
    write_sweep(file, points, origin, gathered);
    table.write(file, "/points", "Axes and metrics of every point that could be simulated");
    failures.write(file, "/failures", "Points that could not be simulated, and why");
    file.commit();
    return gathered;
}

void remove_parts(std::string const& output) {
    sync_path(output);
    auto const folder = std::filesystem::path{output}.parent_path();
    sync_path(folder.empty() ? "." : folder.string());
    std::error_code ignored;
    std::filesystem::remove_all(parts_folder(output), ignored);
}

} // namespace moesaic::sweep
