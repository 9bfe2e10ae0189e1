#pragma once
#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace moesaic {

struct Ran {
    int exit_code = -1;
    std::string out; ///< stdout, and stderr where the command line joins it ("2>&1")
    std::string err; ///< stderr otherwise
};

/// Runs `moesaic <arguments>` of this build on this source tree's data, as a shell would.
inline Ran run_program(std::string const& arguments) {
    std::string const command = "MOESAIC_DATA='" MOESAIC_SOURCE_DIR "' '" MOESAIC_BINARY "' " + arguments;
    auto const errors = "/tmp/moesaic_test_" + std::to_string(getpid()) + ".err";
    Ran ran;
    auto* pipe = popen(("{ " + command + "; } 2>" + errors).c_str(), "r");
    if (!pipe) {
        return ran;
    }
    std::array<char, 4096> buffer{};
    for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        ran.out.append(buffer.data(), got);
    }
    int const status = pclose(pipe);
    ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::ostringstream said;
    said << std::ifstream{errors}.rdbuf();
    ran.err = said.str();
    std::remove(errors.c_str());
    return ran;
}

inline std::string tutorial(std::string const& name) {
    return MOESAIC_SOURCE_DIR "/scenarios/tutorial/" + name;
}

} // namespace moesaic
