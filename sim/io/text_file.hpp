#pragma once
#include <string>
#include <string_view>

namespace moesaic::io {

/// The whole content. @throws InputError where the file cannot be read
[[nodiscard]] std::string read_text_file(std::string const& path);

/// Writes to a temporary name beside it and renames, so that a killed write leaves the old file.
/// @throws InputError where the folder cannot be written or is full
void write_text_file(std::string const& path, std::string_view content);

} // namespace moesaic::io
