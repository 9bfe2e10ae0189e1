#pragma once
#include "sweep/cell.hpp"
#include "sweep/sweep_file.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesaic::sweep {

/// One scenario of the sweep.
struct Point {
    std::int64_t index = 0;
    std::int64_t draw = 0; ///< number of the draw in a drawn design
    std::vector<io::TomlOverride> settings;
    std::vector<Cell> cells; ///< one for each of Points::columns()
};

/// The points of a sweep, each made when it is asked for: memory does not grow with their number, except for eight
/// bytes a point where axes have conditions.
class Points {
  public:
    /// @throws InputError for more than ten million points
    explicit Points(Sweep sweep);
    [[nodiscard]] std::int64_t size() const { return size_; }
    /// @throws BugError outside [0, size())
    [[nodiscard]] Point at(std::int64_t index) const;
    [[nodiscard]] std::vector<Column> const& columns() const { return columns_; }
    [[nodiscard]] Sweep const& sweep() const { return sweep_; }
    /// Which axes apply to the point.
    [[nodiscard]] std::vector<bool> applying(std::int64_t index) const;

  private:
    struct Choice;
    [[nodiscard]] std::vector<Choice> choices_at(std::int64_t index) const;
    void sort_axes();
    void count_points();
    void list_codes(std::size_t position, std::int64_t code, std::vector<Choice>& chosen);
    void make_columns();
    Sweep sweep_;
    std::vector<std::size_t>
        stepped_; ///< axes that go through their rows: all of a grid, the crossed ones else
    std::vector<std::size_t> drawn_;
    std::vector<std::string> streams_; ///< of the drawn axes
    std::int64_t draws_ = 1;
    std::vector<std::int64_t> codes_; ///< numbers of the rows' combinations that stand; empty = all
    std::int64_t size_ = 0;
    std::vector<Column> columns_;
};

} // namespace moesaic::sweep
