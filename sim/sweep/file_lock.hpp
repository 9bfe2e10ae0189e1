#pragma once
#include <string>

/// Locks of files (flock): the system lets go of them with the process, however that ends.
namespace moesaic::sweep {

enum class LockKind { alone, shared };

/// Opens a file to write, with its folder, and makes what is missing. @return its descriptor
/// @throws InputError where it cannot be
[[nodiscard]] int open_to_write(std::string const& path);

/// Takes the lock of an open file; waits a moment, since the workers of a killed sweep end within moments of it.
/// @return false where another process keeps it
/// @throws InputError where the file cannot be locked
[[nodiscard]] bool take_lock(int file, std::string const& path, LockKind kind);

/// What is at work on a result: a whole sweep or a merge, alone, or parts of one sweep beside each other.
/// Held until its end.
class OutputLock {
  public:
    /// @param output the result file. @throws InputError where others are at work on it, naming them
    OutputLock(std::string const& output, LockKind kind);
    ~OutputLock();
    OutputLock(OutputLock const&) = delete;
    OutputLock& operator=(OutputLock const&) = delete;

  private:
    /// @return whether the file locked is the one that others find
    [[nodiscard]] bool is_in_place() const;
    [[noreturn]] void refuse() const;
    std::string path_;
    int file_ = -1;
};

} // namespace moesaic::sweep
