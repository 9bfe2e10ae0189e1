#pragma once
#include "sweep/points.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace moesaic::test {

/// A folder of its own that goes with the object.
class Folder {
  public:
    Folder() {
        static int number = 0;
        path_ = std::filesystem::temp_directory_path() /
                ("moesaic_sweep_" + std::to_string(::getpid()) + "_" + std::to_string(++number));
        std::filesystem::create_directories(path_);
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(Folder const&) = delete;
    Folder& operator=(Folder const&) = delete;
    [[nodiscard]] std::string file(std::string const& name) const { return (path_ / name).string(); }
    std::string write(std::string const& name, std::string const& text) const {
        std::ofstream{path_ / name} << text;
        return file(name);
    }

  private:
    std::filesystem::path path_;
};

/// The sweep that a file with this text holds; name and scenario are put before it.
inline sweep::Sweep sweep_of(std::string const& text) {
    Folder const folder;
    return sweep::read_sweep(folder.write("sweep.toml", "name = \"s\"\nscenario = \"base.toml\"\n" + text));
}

/// "a=1 b=2" of every point.
inline std::vector<std::string> settings_of(sweep::Points const& points) {
    std::vector<std::string> out;
    for (std::int64_t i = 0; i < points.size(); ++i) {
        std::string line;
        for (auto const& set : points.at(i).settings) {
            line += (line.empty() ? "" : " ") + set.path + "=" + set.value;
        }
        out.push_back(line);
    }
    return out;
}

/// The message of an InputError without the file's folder; "no error" where none is thrown.
template <class Action>
std::string message_of(Action const& action) {
    try {
        action();
    } catch (InputError const& error) {
        std::string const text = error.what();
        auto const at = text.find("sweep.toml");
        return at == std::string::npos ? text : text.substr(at);
    }
    return "no error";
}

} // namespace moesaic::test
