#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::hardware {

/// How far a figure of the catalogue can be trusted, best first. official: the vendor or a government itself;
/// published: a paper, database, public repository or measured result; press: news; estimate: derived or
/// assumed.
enum class Confidence { official, published, press, estimate };
[[nodiscard]] std::string_view name_of(Confidence confidence);
[[nodiscard]] std::optional<Confidence> find_confidence(std::string_view name);
[[nodiscard]] std::vector<std::string> confidence_names();

/// A figure with where it comes from. Where sources disagree, the others stand under alternatives, and a
/// scenario may choose one.
template <class T>
struct Fact {
    T value{};
    std::string source;
    Confidence confidence = Confidence::estimate;
    std::string note;
    std::vector<Fact<T>> alternatives;

    friend bool operator==(Fact const&, Fact const&) = default;
};

} // namespace moesaic::hardware
