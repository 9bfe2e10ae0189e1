#pragma once
#include <string>

namespace moesaic::io {

/// Where the bytes of a file that the user named end up.
struct OutputPlace {
    std::string path;      ///< a symbolic link to a file is followed, so that it stays one
    bool straight = false; ///< a device, a pipe or the like: opened and written, never replaced by a file
};
/// What is not there yet is a file to be.
[[nodiscard]] OutputPlace output_place(std::string const& named);

} // namespace moesaic::io
