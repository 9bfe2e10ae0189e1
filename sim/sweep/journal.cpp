#include "sweep/journal.hpp"

#include "base/errors.hpp"
#include "base/sha256.hpp"
#include "io/text_file.hpp"
#include "sweep/file_lock.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <sstream>
#include <tuple>
#include <unistd.h>

namespace moesaic::sweep {

namespace {

namespace fs = std::filesystem;

constexpr char by_hash = '#';
constexpr std::size_t long_basis = 100;

std::string path_of_basis(std::string const& journal, std::string const& hash) {
    return (fs::path{journal}.parent_path() / "bases" / hash).string();
}

/// Puts long bases back in place of their hashes.
class Bases {
  public:
    explicit Bases(std::string journal) : journal_{std::move(journal)} {}

    void fill(Record& record) {
        if (!record.basis.starts_with(by_hash)) {
            return;
        }
        auto const hash = record.basis.substr(1);
        auto at = known_.find(hash);
        if (at == known_.end()) {
            std::ostringstream content;
            content << std::ifstream{path_of_basis(journal_, hash), std::ios::binary}.rdbuf();
            auto text = std::move(content).str();
            at = known_.emplace(hash, sha256(text) == hash ? std::move(text) : record.basis).first;
        }
        record.basis = at->second;
    }

  private:
    std::string journal_;
    std::map<std::string, std::string> known_;
};

/// @return the bytes of all whole lines at the start of the file
std::int64_t scan(std::string const& path, std::function<void(Record&&, std::int64_t)> const& each) {
    Bases bases{path};
    std::ifstream in{path, std::ios::binary};
    std::int64_t whole = 0;
    for (std::string line; std::getline(in, line);) {
        auto record = read_record(line);
        if (in.eof() || !record) { // the line end is missing, or the line is broken
            break;
        }
        if (each) {
            bases.fill(*record);
            each(std::move(*record), whole);
        }
        whole += static_cast<std::int64_t>(line.size()) + 1;
    }
    return whole;
}

} // namespace

Journal::Journal(std::string path) : path_{std::move(path)}, file_{open_to_write(path_)} {
    if (!take_lock(file_, path_, LockKind::alone)) {
        ::close(file_);
        throw InputError{Origin::whole_file(path_), "another process is writing this part of the sweep",
                         "Wait for it, or choose another result file with -o"};
    }
    cut_off_rest();
}

Journal::~Journal() {
    ::fdatasync(file_);
    ::close(file_);
}

void Journal::fail(int error) const {
    throw InputError{Origin::whole_file(path_), fmt::format("cannot be written ({})", std::strerror(error)),
                     "Finished points are kept; the same command goes on from there"};
}

void Journal::cut_off_rest() {
    length_ = scan(path_, {});
    if (::ftruncate(file_, length_) != 0 || ::lseek(file_, length_, SEEK_SET) != length_) {
        fail(errno);
    }
}

Record Journal::with_short_basis(Record const& record) {
    auto out = record;
    if (record.basis.size() < long_basis) {
        return out;
    }
    auto const hash = sha256(record.basis);
    if (bases_.insert(hash).second) { // first: a record never points at nothing
        auto const path = path_of_basis(path_, hash);
        std::error_code ignored;
        fs::create_directories(fs::path{path}.parent_path(), ignored);
        io::write_text_file(path, record.basis);
    }
    out.basis = by_hash + hash;
    return out;
}

std::int64_t Journal::add(Record const& record) {
    auto const line = line_of(with_short_basis(record)) + '\n';
    std::size_t done = 0;
    while (done < line.size()) {
        auto const written = ::write(file_, line.data() + done, line.size() - done);
        if (written < 0 && errno != EINTR) {
            auto const error = errno;
            std::ignore = ::ftruncate(file_, length_); // else cut off at the next start
            fail(error);
        }
        done += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    }
    auto const place = length_;
    length_ += static_cast<std::int64_t>(line.size());
    return place;
}

void Journal::sync() {
    if (::fdatasync(file_) != 0 && errno != EINVAL &&
        errno != EROFS) { // the two: a file that cannot be synced
        fail(errno);
    }
}

void read_journal(std::string const& path, std::function<void(Record&&, std::int64_t)> const& each) {
    scan(path, each);
}

std::optional<Record> read_journal_at(std::string const& path, std::int64_t place) {
    std::ifstream in{path, std::ios::binary};
    in.seekg(place);
    std::string line;
    auto record = std::getline(in, line) ? read_record(line) : std::nullopt;
    if (record) {
        Bases{path}.fill(*record);
    }
    return record;
}

std::string parts_folder(std::string const& output) { return output + ".parts"; }

std::vector<std::string> journals_in(std::string const& folder) {
    std::vector<std::string> out;
    std::error_code error;
    for (fs::directory_iterator at{folder, error}; !error && at != fs::directory_iterator{};
         at.increment(error)) {
        if (at->path().extension() == ".journal") {
            out.push_back(at->path().string());
        }
    }
    std::ranges::sort(out);
    return out;
}

} // namespace moesaic::sweep
