#pragma once
#include <string>
#include <vector>

namespace moesaic::cli {

/// A table for the screen: columns as wide as their widest cell, two blanks between them.
class TextTable {
  public:
    enum class Align { left, right };
    struct Column {
        std::string heading;
        Align align = Align::left;
    };
    explicit TextTable(std::vector<Column> columns);
    /// @throws BugError unless it has a cell per column
    void add_row(std::vector<std::string> cells);
    /// Every line with its line end; no blanks at the end of a line.
    [[nodiscard]] std::string text() const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace moesaic::cli
