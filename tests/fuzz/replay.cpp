// Stands for libFuzzer where the tests are built without it: gives a target the files that are named, and those of named folders.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

int main(int count, char** arguments) {
    namespace fs = std::filesystem;
    std::vector<fs::path> files;
    for (int i = 1; i < count; ++i) {
        if (!fs::is_directory(arguments[i])) {
            files.emplace_back(arguments[i]);
            continue;
        }
        for (auto const& entry : fs::recursive_directory_iterator{arguments[i]}) {
            if (entry.is_regular_file()) {
                files.push_back(entry.path());
            }
        }
    }
    std::sort(files.begin(), files.end());
    for (auto const& file : files) {
        std::ifstream in{file, std::ios::binary};
        std::string const bytes{std::istreambuf_iterator<char>{in}, {}};
        std::vector<std::uint8_t> const data{bytes.begin(), bytes.end()};
        std::printf("%s: %zu bytes\n", file.c_str(), data.size());
        std::fflush(stdout);
        LLVMFuzzerTestOneInput(data.data(), data.size());
    }
    return files.empty() ? 1 : 0; // nothing was tried
}
