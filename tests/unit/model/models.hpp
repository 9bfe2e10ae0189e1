#pragma once
#include "model/model.hpp"

#include <string>
#include <vector>

/// The shipped models, and small ones that tests write.
namespace moesaic::model {

inline ModelCatalogue shipped_models() { return ModelCatalogue{MOESAIC_SOURCE_DIR "/scenarios/models"}; }

inline Model shipped_model(std::string const& id) {
    return shipped_models().model(id, Origin::whole_file("test"));
}

inline Model model_of(std::string const& toml) { return read_model(io::parse_toml(toml, "test.toml")); }

} // namespace moesaic::model
