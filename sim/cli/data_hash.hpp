#pragma once
#include "io/toml.hpp"

#include <map>
#include <string>
#include <vector>

namespace moesaic::cli {

/// Content hashes of the files that a scenario refers to. Each file is read once.
class DataHash {
  public:
    explicit DataHash(std::string data_folder);

    /// Of a scenario: what it says (not its name, description, assumptions or published figures), the catalogue's files
    /// behind what it names, the timings, and this program.
    /// @param base_folder that the scenario's own files (timings, routing, what-if) are relative to
    /// @param timings further tables or folders of them
    /// @throws InputError where a file cannot be read
    [[nodiscard]] std::string of_scenario(io::TomlTable const& scenario, std::string const& base_folder,
                                          std::vector<std::string> const& timings);

  private:
    [[nodiscard]] std::string const& of_file(std::string const& path);
    /// @param name under which the answer is kept
    [[nodiscard]] std::string const& of_files(std::string const& name, std::vector<std::string> const& files);
    /// Of all TOML files of a folder.
    [[nodiscard]] std::string const& of_facts(std::string const& folder);
    /// Of a table of timings, or of all in a folder.
    [[nodiscard]] std::string const& of_timings(std::string const& path);
    [[nodiscard]] std::string const& of_cluster(std::string const& id, Origin const& asked_at);
    [[nodiscard]] std::string const& of_node(std::string const& id, Origin const& asked_at);
    std::string folder_;
    std::string program_;
    std::map<std::string, std::string> files_;
    std::map<std::string, std::string> clusters_;
    std::map<std::string, std::string> nodes_;
};

} // namespace moesaic::cli
