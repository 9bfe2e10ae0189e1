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
    for (std::string const folder : {MOESAIC_SOURCE_DIR, MOESAIC_INSTALL_DATADIR}) {
        if (has_data(folder)) {
            return folder;
        }
    }
    throw InputError{Origin::whole_file(MOESAIC_INSTALL_DATADIR),
                     "the folders platforms/ and scenarios/ were not found",
                     "Set MOESAIC_DATA to the folder that holds them"};
}

} // namespace moesaic::cli
