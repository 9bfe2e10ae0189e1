#pragma once
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace moesaic::cli {

/// A process with its stdin and stdout in our hands; stderr is ours too.
class Subprocess {
  public:
    /// @param command its first word is the program's path
    /// @throws InputError where it cannot be started
    explicit Subprocess(std::vector<std::string> const& command);
    ~Subprocess(); ///< closes its stdin and waits for its end
    Subprocess(Subprocess const&) = delete;
    Subprocess& operator=(Subprocess const&) = delete;

    /// @return false where it takes nothing more
    bool write(std::string const& text);
    /// The next line without its end; none when it has closed its stdout.
    [[nodiscard]] std::optional<std::string> read_line();
    /// Closes its stdin. @return its exit code; 128 + signal where one ended it
    int wait();

  private:
    void close_input();
    pid_t pid_ = -1;
    int input_ = -1;
    int output_ = -1;
    std::string text_; ///< read, not yet returned
};

/// The program `moesaic` beside this one.
[[nodiscard]] std::string moesaic_path();

} // namespace moesaic::cli
