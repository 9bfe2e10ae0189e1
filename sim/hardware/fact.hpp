#pragma once
#include <string>
#include <vector>

namespace moesaic::hardware {

/// How far a figure of the catalogue can be trusted, best first.
enum class Confidence { official, published, press, estimate };

/// A figure with where it comes from. Where sources disagree, the others stand under alternatives, and a
/// scenario may choose one.
template <class T>
struct Fact {
    T value{};
    std::string source;
    Confidence confidence = Confidence::estimate;
    std::string note;
    std::vector<Fact<T>> alternatives;
};

} // namespace moesaic::hardware
