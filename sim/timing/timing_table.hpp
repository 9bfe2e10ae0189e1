#pragma once
#include "base/errors.hpp"
#include "timing/kernel.hpp"

#include <functional>
#include <string>
#include <vector>

namespace moesaic::timing {

/// The tables (*.csv, *.h5) of a folder in the order of their names, or the file itself.
[[nodiscard]] std::vector<std::string> tables_at(std::string const& path);

/// How far a source can be trusted: a = many shapes, clean method; b = usable with caveats; c = a few points.
enum class Grade { a, b, c };

/// A row of a table: one measured kernel.
struct Measurement {
    std::string chip;
    Kernel kernel;
    std::string extra; ///< as the table has it
    Seconds time;
    std::string source;
    std::string licence;
    int line = 0;
    /// Of a condensed grid: how many measurements it stands for and how far ln(time) of those lies about it.
    /// 0 = a measurement itself.
    int measurements = 0;
    double spread = 0;
};

/// Rows of a table that share a remark.
struct Remark {
    std::string text;
    std::int64_t rows = 0;
    Origin first;
};
void count(std::vector<Remark>& remarks, std::string_view text, Origin const& origin);

struct TableReport {
    std::string file;
    std::int64_t rows = 0;       ///< taken
    std::vector<Remark> refused; ///< by reason
    std::vector<Remark> noticed; ///< taken, but worth a word
};

/// Reads a table of columns chip,op,dtype,m,n,k,batch,extra,time_us,source,licence row by row, CSV or (by its name, *.h5)
/// HDF5 with the columns as datasets of the group "/timings". A condensed grid has
/// the columns measurements,spread as well, and its rows leave out (empty) what is as in the row above.
/// Unknown operations and shapes that cannot be are counted, not taken.
/// @throws InputError for a missing column, text that is no number, or a time that is negative, zero or not finite
[[nodiscard]] TableReport read_timing_table(std::string const& path,
                                            std::function<void(Measurement const&)> const& each);
/// Writes the rows of a CSV table without grid columns under this name, as HDF5 where it ends in .h5.
/// @throws InputError where the file cannot be written
void write_timing_table(std::string const& path, std::string_view csv);
[[nodiscard]] TableReport parse_timing_table(std::string_view content, std::string const& name,
                                             std::function<void(Measurement const&)> const& each);

} // namespace moesaic::timing
