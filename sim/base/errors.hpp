#pragma once
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace moesaic {

/// Where in the user's input something stands. Line and column count from 1; 0 = unknown or the whole file.
struct Origin {
    std::string file;
    int line = 0;
    int column = 0;
    std::string field; ///< dotted path of the key, as in "parallel.pipeline"

    [[nodiscard]] static Origin whole_file(std::string path) { return {std::move(path), 0, 0, {}}; }
    /// "moe.toml:4:12: parallel.pipeline", leaving out what is unknown.
    [[nodiscard]] std::string text() const;
    friend bool operator==(Origin const&, Origin const&) = default;
};

/// Something that the user can put right; the command line prints it and exits with 2.
class InputError : public std::runtime_error {
  public:
    InputError(Origin origin, std::string_view problem, std::string_view hint = {});
    [[nodiscard]] Origin const& origin() const { return origin_; }

  private:
    Origin origin_;
};

/// A mistake of ours; the command line asks for a report and exits with 3.
class BugError : public std::logic_error {
  public:
    using std::logic_error::logic_error;
};

/// @throws BugError naming the caller's file and line when the condition does not hold.
void expects(bool condition, std::string_view what,
             std::source_location where = std::source_location::current());

} // namespace moesaic
