#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::io {

/// An object of a long JSON array while it is read: keys of nested objects joined by "." ("args.device"), arrays as
/// compact JSON text ("[[4096,7168],[]]"), numbers as they stand. The views live until the next object.
class JsonRecord {
  public:
    /// Empty where the key is absent.
    [[nodiscard]] std::string_view text(std::string_view key) const;
    /// none where the key is absent or holds no number.
    [[nodiscard]] std::optional<double> number(std::string_view key) const;

    struct Field {
        std::string key, text;
        double number = 0;
        bool is_number = false;
    };
    [[nodiscard]] std::vector<Field>& fields() { return fields_; }

  private:
    std::vector<Field> fields_; // a few dozen
};

/// Reads the objects of one array of a JSON file, of any length, one by one: nothing else is kept.
/// @param array key of the array in the outermost object; the outermost value may also be the array itself
/// @throws InputError where the file cannot be read, is compressed, or is cut off or no JSON (with the byte where)
void read_json_array(std::string const& path, std::string_view array,
                     std::function<void(JsonRecord const&)> const& each);

} // namespace moesaic::io
