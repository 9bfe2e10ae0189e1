#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace moesaic::io {

/// What the numbers of a dataset are; both must be given. A pure number has the unit "1", words have "text".
struct Hdf5Label {
    std::string unit;
    std::string description;
};

using Hdf5Data = std::variant<double, std::int64_t, std::string, std::vector<double>,
                              std::vector<std::int64_t>, std::vector<std::string>>;
using Hdf5ColumnData = std::variant<std::vector<double>, std::vector<std::int64_t>, std::vector<std::string>>;

struct Hdf5Column {
    std::string name;
    Hdf5ColumnData data;
    Hdf5Label label;
};

/// A HDF5 file while it is written: under a temporary name, until commit() gives it its own, so that a killed
/// write leaves the old file. A device or a pipe, where nothing can be put in place, takes the finished bytes. Same calls, same bytes: no times are stored.
class Hdf5Writer {
  public:
    /// @throws InputError where the file cannot be created
    explicit Hdf5Writer(std::string path);
    ~Hdf5Writer(); ///< without commit() nothing is left
    Hdf5Writer(Hdf5Writer const&) = delete;
    Hdf5Writer& operator=(Hdf5Writer const&) = delete;

    /// A group, with those above it that do not exist yet. `path` as in "/step/classes".
    void group(std::string const& path, std::string const& description);
    /// A dataset of its own, groups above it included. @throws InputError where the disk does not take it
    void write(std::string const& path, Hdf5Data const& data, Hdf5Label const& label);
    /// A group with one dataset per column, all equally long.
    void write_table(std::string const& path, std::string const& description,
                     std::vector<Hdf5Column> const& columns);
    /// Closes the file and puts it in place. @throws InputError where that fails
    void commit();

  private:
    struct File;
    std::unique_ptr<File> file_;
};

/// Reads what Hdf5Writer writes. Every reader throws InputError for a path that is not there or of another kind.
class Hdf5Reader {
  public:
    explicit Hdf5Reader(std::string path);
    ~Hdf5Reader();
    Hdf5Reader(Hdf5Reader const&) = delete;
    Hdf5Reader& operator=(Hdf5Reader const&) = delete;

    /// Paths of all datasets, in the order of their names.
    [[nodiscard]] std::vector<std::string> datasets() const;
    [[nodiscard]] bool has(std::string const& path) const;
    [[nodiscard]] double number(std::string const& path) const;
    [[nodiscard]] std::int64_t integer(std::string const& path) const;
    [[nodiscard]] std::string text(std::string const& path) const;
    [[nodiscard]] std::vector<double> numbers(std::string const& path) const;
    [[nodiscard]] std::vector<std::int64_t> integers(std::string const& path) const;
    [[nodiscard]] std::vector<std::string> texts(std::string const& path) const;
    /// Whatever a dataset holds: one value as such, several (or none) as a vector.
    [[nodiscard]] Hdf5Data data(std::string const& path) const;
    [[nodiscard]] Hdf5Label label(std::string const& path) const;

  private:
    struct File;
    std::unique_ptr<File> file_;
};

} // namespace moesaic::io
