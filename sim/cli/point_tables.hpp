#pragma once
#include "timing/timings.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace moesaic::cli {

/// The tables of timings that points are simulated with, and by what a result is known again that rests on them. Its basis
/// names the files' content, the groups of rows that the point went through and the content of those: it stands as long as
/// either content is what it was.
class PointTables {
  public:
    /// Gives the loaded tables; called when they are needed first. May throw InputError.
    using Load = std::function<timing::Timings()>;
    /// @param files hash of the files
    PointTables(std::string files, Load load) : files_{std::move(files)}, load_{std::move(load)} {}

    [[nodiscard]] timing::Timings& timings();
    [[nodiscard]] bool are_loaded() const { return timings_.has_value(); }
    /// Of a result that went through these groups (text_of(timing::Consulted)).
    /// @throws BugError for another text
    [[nodiscard]] std::string const& basis_of(std::string const& consulted);
    /// Of a point that failed: nobody knows what it would have gone through, so that any change may help it.
    [[nodiscard]] std::string basis_of_failure() const { return files_; }
    /// Loads the tables only where the files have changed.
    [[nodiscard]] bool is_current(std::string const& basis);

  private:
    [[nodiscard]] std::string const& content_of_group(timing::RowGroup const& group);
    [[nodiscard]] std::string content_of(timing::Consulted const& consulted);
    [[nodiscard]] timing::Consulted without_empty(timing::Consulted const& consulted);
    std::string files_;
    Load load_;
    std::optional<timing::Timings> timings_;
    std::map<timing::RowGroup, std::string> contents_; ///< as they were asked for
    std::map<std::string, std::string> bases_;         ///< by what was consulted: alike for most points
};

} // namespace moesaic::cli
