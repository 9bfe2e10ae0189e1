#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace moesaic::io {

/// A JSON value to be written: objects keep the order in which their keys were set, so that the same input gives
/// the same bytes. What is not known is null.
///     Json::object().set("chips", 8).set("latency_s", 1e-6).text()
class Json {
  public:
    Json() = default; ///< null
    Json(bool value) : value_{value} {}
    Json(int value) : value_{std::int64_t{value}} {}
    Json(std::int64_t value) : value_{value} {}
    Json(std::size_t value) : value_{static_cast<std::int64_t>(value)} {}
    Json(double value) : value_{value} {}
    Json(char const* value) : value_{std::string{value}} {}
    Json(std::string_view value) : value_{std::string{value}} {}
    Json(std::string value) : value_{std::move(value)} {}
    [[nodiscard]] static Json object();
    [[nodiscard]] static Json array();
    /// The value, or null where the optional (anything with has_value and *) is empty.
    template <class Optional>
    [[nodiscard]] static Json optional(Optional const& value) {
        return value.has_value() ? Json{*value} : Json{};
    }

    /// @throws BugError unless this is an object without this key
    Json& set(std::string key, Json value);
    /// @throws BugError unless this is an array
    Json& add(Json value);
    /// Indented by two blanks a level, numbers as short as they can be read back exactly.
    /// @throws BugError for a number that is not finite
    [[nodiscard]] std::string text() const;
    /// The same without blanks and line ends.
    [[nodiscard]] std::string line() const;

    using Array = std::vector<Json>;
    using Object = std::vector<std::pair<std::string, Json>>;
    using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object>;
    [[nodiscard]] Value const& value() const { return value_; }

  private:
    Value value_;
};

/// A JSON file as others or we wrote it; the order of keys is kept.
/// @throws InputError where it cannot be read or is no JSON
[[nodiscard]] Json read_json_file(std::string const& path);

} // namespace moesaic::io
