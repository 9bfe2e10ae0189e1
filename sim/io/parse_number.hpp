#pragma once
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

/// Numbers in text, read as std::from_chars does: no blanks before them, no plus sign, whatever the locale.
namespace moesaic::io {

template <class T>
struct LeadingNumber {
    T value;
    std::string_view rest; ///< what follows it
};

/// "50 GB/s" -> 50 and " GB/s"; none where the text does not begin with a number, or with one that T does not hold. A double
/// may be infinite or no number at all ("inf", "nan").
template <class T>
[[nodiscard]] std::optional<LeadingNumber<T>> parse_leading_number(std::string_view text) {
    T value{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} ? std::optional{LeadingNumber<T>{
                                      value, text.substr(static_cast<std::size_t>(end - text.data()))}}
                                : std::nullopt;
}

/// The number that the whole text is; none otherwise.
template <class T>
[[nodiscard]] std::optional<T> parse_number(std::string_view text) {
    auto const number = parse_leading_number<T>(text);
    return number && number->rest.empty() ? std::optional{number->value} : std::nullopt;
}

} // namespace moesaic::io
