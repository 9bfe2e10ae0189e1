#include "base/nearest_names.hpp"
#include "model/model.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace moesaic::model {

ModelCatalogue::ModelCatalogue(std::string folder) : folder_{std::move(folder)} {
    if (!std::filesystem::is_directory(folder_)) {
        throw InputError{Origin::whole_file(folder_), "is not a folder of models"};
    }
}

std::vector<std::string> ModelCatalogue::ids() const {
    std::vector<std::string> ids;
    for (auto const& entry : std::filesystem::directory_iterator{folder_}) {
        if (entry.path().extension() == ".toml") {
            ids.push_back(entry.path().stem().string());
        }
    }
    std::ranges::sort(ids);
    return ids;
}

Model ModelCatalogue::model(std::string const& id, Origin const& asked_at) const {
    auto const known = ids();
    if (!std::ranges::binary_search(known, id)) {
        throw InputError{asked_at, fmt::format("model '{}' is not known", id), suggestion(id, known)};
    }
    auto const table = io::read_toml_file(fmt::format("{}/{}.toml", folder_, id));
    auto model = read_model(table);
    if (model.id != id) {
        throw InputError{table.origin("id"), fmt::format("'{}' is not the file's name", model.id)};
    }
    return model;
}

} // namespace moesaic::model
