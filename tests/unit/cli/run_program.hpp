#pragma once
#include <array>
#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace moesaic {

struct Ran {
    int exit_code = -1;
    std::string out; ///< stdout, and stderr where the command line joins it ("2>&1")
};

/// Runs `moesaic <arguments>` of this build on this source tree's data, as a shell would.
inline Ran run_program(std::string const& arguments) {
    std::string const command = "MOESAIC_DATA='" MOESAIC_SOURCE_DIR "' '" MOESAIC_BINARY "' " + arguments;
    Ran ran;
    auto* pipe = popen(command.c_str(), "r");
    if (!pipe) {
        return ran;
    }
    std::array<char, 4096> buffer{};
    for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        ran.out.append(buffer.data(), got);
    }
    int const status = pclose(pipe);
    ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
}

} // namespace moesaic
