#pragma once
#include "file_bytes.hpp"
#include "run_program.hpp"
#include "temporary_file.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace moesaic {

/// A folder with a sweep over the first tutorial's scenario.
struct SmallSweep {
    TemporaryFile folder{"sweep"};
    std::string file = folder.path + "/small.toml", output = folder.path + "/small.h5";

    explicit SmallSweep(std::string const& axes) {
        std::filesystem::create_directories(folder.path);
        std::ofstream{file} << "name = \"small\"\ngoal = { highest = \"mfu\" }\nscenario = \""
                            << tutorial("01-one-node.toml") << "\"\n"
                            << axes;
    }
    /// The command with sweep file and result file.
    [[nodiscard]] Ran run(std::string const& command, std::string const& more = "") const {
        return run_program(command + " " + file + " -o " + output + " " + more);
    }
    /// For the end of a command line.
    [[nodiscard]] std::string stdin_of(std::string const& text) const {
        auto const path = folder.path + "/stdin";
        std::ofstream{path} << text;
        return " < " + path;
    }
    /// What an undisturbed sweep writes.
    [[nodiscard]] std::string whole() const {
        auto const path = folder.path + "/whole.h5";
        run_program("sweep " + file + " -q --no-cache -o " + path);
        return bytes_of(path);
    }
};

} // namespace moesaic
