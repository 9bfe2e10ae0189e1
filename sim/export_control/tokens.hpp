#pragma once
#include "export_control/predicate.hpp"

#include <string>
#include <vector>

namespace moesaic::export_control {

enum class TokenKind { word, amount, relation, open, close, open_set, close_set, comma, end };

struct Token {
    TokenKind kind;
    std::string text; ///< amounts as number, blank, unit: "1400 GB/s"; dates as they are
    std::size_t at;   ///< first character
};

/// The last token is `end`. @throws InputError for a character that begins no token
[[nodiscard]] std::vector<Token> tokens_of(PredicateText const& text);

} // namespace moesaic::export_control
