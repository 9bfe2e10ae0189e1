#pragma once
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

namespace moesaic::io {

/// The file, to be read from its beginning.
/// @throws InputError where it cannot be read, is a folder, or compressed (gzip)
[[nodiscard]] std::ifstream open_file(std::string const& path);

/// The whole content. @throws InputError as open_file()
[[nodiscard]] std::string read_text_file(std::string const& path);

/// Of a foreign text that is held as a whole, and of a line of it: what is longer is no such text.
inline constexpr std::uintmax_t most_text_bytes = std::uintmax_t{1} << 30;
inline constexpr std::size_t most_line_bytes = std::size_t{1} << 20;
/// The whole content of a file of at most most_text_bytes; a pipe is read no further.
/// @param advice what to do with a longer one
/// @throws InputError as open_file(), or where it is longer
[[nodiscard]] std::string read_bounded_text(std::string const& path, std::string_view advice);

/// Writes to a temporary name beside it and renames, so that a killed write leaves the old file. Links to files stay, and
/// what is no file (a device, a pipe) is written straight, here and in TextFileWriter.
/// @throws InputError where the folder cannot be written or is full
void write_text_file(std::string const& path, std::string_view content);

/// A text file written piece by piece, for what is too long to be held: under a temporary name, until commit() gives it
/// its own.
class TextFileWriter {
  public:
    /// @throws InputError where the file cannot be created
    explicit TextFileWriter(std::string path);
    ~TextFileWriter(); ///< without commit() nothing is left
    TextFileWriter(TextFileWriter const&) = delete;
    TextFileWriter& operator=(TextFileWriter const&) = delete;

    void write(std::string_view piece);
    /// @throws InputError where the disk did not take all of it
    void commit();

  private:
    struct File;
    std::unique_ptr<File> file_;
};

} // namespace moesaic::io
