#pragma once
#include <fstream>
#include <sstream>
#include <string>

namespace moesaic {

/// All that a file holds; nothing where it cannot be read.
inline std::string bytes_of(std::string const& path) {
    std::ostringstream out;
    out << std::ifstream{path, std::ios::binary}.rdbuf();
    return out.str();
}

} // namespace moesaic
