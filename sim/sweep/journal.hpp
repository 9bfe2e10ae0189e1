#pragma once
#include "sweep/record.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moesaic::sweep {

/// Finished points, appended to a file as they come, one line each. A line is whole or not there: what a kill leaves
/// half written is cut off when the file is opened again. One process at a time writes a journal (a lock that goes with
/// the process). A long basis, which most points share, stands once in a file of its own beside the journals, under its hash: a
/// record whose file is gone or broken has a basis that nobody knows, so that its point is computed again.
class Journal {
  public:
    /// @throws InputError where the file cannot be written or another process has it
    explicit Journal(std::string path);
    ~Journal();
    Journal(Journal const&) = delete;
    Journal& operator=(Journal const&) = delete;

    /// Written when it returns: it survives the end of this process. @throws InputError where the disk is full; what
    /// was added before stays
    /// @return where it stands, for read_journal_at()
    std::int64_t add(Record const& record);
    [[nodiscard]] std::string const& path() const { return path_; }
    /// Until here, it survives the loss of power as well.
    void sync();

  private:
    void cut_off_rest();
    /// The record as the journal has it: a long basis by its hash.
    [[nodiscard]] Record with_short_basis(Record const& record);
    [[noreturn]] void fail(int error) const;
    std::string path_;
    int file_;
    std::int64_t length_ = 0;
    std::set<std::string> bases_; ///< that are written
};

/// Every whole line with its place, up to the first broken one; nothing where there is no such file.
void read_journal(std::string const& path, std::function<void(Record&&, std::int64_t place)> const& each);
[[nodiscard]] std::optional<Record> read_journal_at(std::string const& path, std::int64_t place);

/// Where a sweep with this result file keeps its journals until it is complete.
[[nodiscard]] std::string parts_folder(std::string const& output);
/// All journals of that folder, in the order of their names.
[[nodiscard]] std::vector<std::string> journals_in(std::string const& folder);

} // namespace moesaic::sweep
