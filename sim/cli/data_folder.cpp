#include "base/errors.hpp"
#include "cli/command.hpp"

#include <cstdlib>
#include <filesystem>

namespace moesaic::cli {

std::string data_folder() {
    auto const has_data = [](std::string const& folder) {
        return std::filesystem::is_directory(folder + "/platforms");
    };
    if (char const* chosen = std::getenv("MOESAIC_DATA")) {
        if (!has_data(chosen)) {
            throw InputError{Origin::whole_file(chosen), "has no folder platforms/",
                             "MOESAIC_DATA must name the folder that holds platforms/ and scenarios/"};
        }
        return chosen;
    }
    auto const program = std::filesystem::read_symlink("/proc/self/exe");
    auto const installed = (program.parent_path().parent_path() / "share" / "moesaic").string();
    for (auto const& folder : {installed, std::string{MOESAIC_SOURCE_DIR}}) {
        if (has_data(folder)) {
            return folder;
        }
    }
    throw InputError{Origin::whole_file(installed), "the folders platforms/ and scenarios/ were not found",
                     "Set MOESAIC_DATA to the folder that holds them"};
}

} // namespace moesaic::cli
