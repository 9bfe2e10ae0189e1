#include "sweep/like_failures.hpp"

#include <algorithm>
#include <cctype>
#include <tuple>

namespace moesaic::sweep {

namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

std::string without_numbers(std::string const& message) {
    std::string out;
    for (std::size_t i = 0; i < message.size(); ++i) {
        bool const in_number =
            is_digit(message[i]) || (message[i] == '.' && !out.empty() && out.back() == '#' &&
                                     i + 1 < message.size() && is_digit(message[i + 1]));
        if (!in_number) {
            out += message[i];
        } else if (out.empty() || out.back() != '#') {
            out += '#';
        }
    }
    return out;
}

} // namespace

void FailureGroups::add(std::int64_t point, Failure const& failure) {
    auto const [at, is_new] =
        known_.try_emplace(without_numbers(failure.message), LikeFailures{0, point, failure.message});
    auto& group = at->second;
    ++group.points;
    if (point < group.first) {
        group.first = point;
        group.message = failure.message;
    }
}

std::vector<LikeFailures> FailureGroups::by_frequency() const {
    std::vector<LikeFailures> out;
    for (auto const& [text, group] : known_) {
        out.push_back(group);
    }
    std::ranges::sort(out, {}, [](auto const& group) { return std::tuple{-group.points, group.first}; });
    return out;
}

} // namespace moesaic::sweep
