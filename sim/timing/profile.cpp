#include "timing/profile.hpp"

#include <filesystem>

namespace moesaic::timing {

void refuse_pipe(std::string const& path) {
    if (std::error_code none; std::filesystem::is_fifo(path, none)) {
        throw InputError{Origin::whole_file(path), "is a pipe, and a trace is read twice",
                         "Write it to a file first"};
    }
}

} // namespace moesaic::timing
