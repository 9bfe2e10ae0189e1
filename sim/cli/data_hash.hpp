#pragma once
#include "io/toml.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace moesaic::cli {

/// Content hashes of the files that a scenario refers to. Each file is read once for its hash, and again by who runs the
/// scenario: whether it is the same then can be asked, so that what was computed with another content is not kept under
/// the hash of this one.
class DataHash {
  public:
    explicit DataHash(std::string data_folder) : folder_{std::move(data_folder)} {}

    /// Of a scenario: what it says (not its name, description, assumptions or published figures), the catalogue's files
    /// behind what it names, the calibration, and this program. Not of the timings.
    /// @param base_folder that the scenario's own files (routing, what-if) are relative to
    /// @throws InputError where a file cannot be read
    [[nodiscard]] std::string of_scenario(io::TomlTable const& scenario, std::string const& base_folder);
    /// Of the shipped tables of timings and of these further ones, or folders of them.
    /// @throws InputError where a file cannot be read
    [[nodiscard]] std::string of_timings(std::vector<std::string> const& further);
    /// Of the figures of all chips, between which timings are transferred.
    [[nodiscard]] std::string const& of_chips();
    [[nodiscard]] std::string const& of_file(std::string const& path);

    /// @throws InputError naming a file that is not as it was hashed: told by its time of change, size and place on the disk, not
    /// by its content. Not of tables of timings, which who loads them compares.
    void check_unchanged() const;

  private:
    /// What changes with every write: seconds and nanoseconds of the last one, bytes, number of the file.
    using FileState = std::array<std::int64_t, 4>;
    [[nodiscard]] static FileState state_of(std::string const& path);
    [[nodiscard]] std::string const& of_program();
    struct File {
        std::string hash;
        FileState state; ///< when it was hashed
        bool watched = false;
    };
    /// Not watched by this alone.
    [[nodiscard]] File& hashed(std::string const& path);
    /// Of the names and contents of all, under the name of their folder.
    template <class HashOf>
    [[nodiscard]] std::string const& of_folder(std::string const& folder,
                                               std::vector<std::string> const& files, HashOf const& hash_of);
    /// Of all TOML files of a folder.
    [[nodiscard]] std::string const& of_facts(std::string const& folder);
    /// Of a table of timings, or of all in a folder.
    [[nodiscard]] std::string const& of_tables_at(std::string const& path);
    [[nodiscard]] std::string const& of_cluster(std::string const& id, Origin const& asked_at);
    [[nodiscard]] std::string const& of_node(std::string const& id, Origin const& asked_at);
    std::string folder_;
    std::string program_; ///< empty = not asked for yet
    std::map<std::string, File> files_;
    std::map<std::string, std::string> folders_;
    std::map<std::string, std::string> clusters_;
    std::map<std::string, std::string> nodes_;
};

} // namespace moesaic::cli
