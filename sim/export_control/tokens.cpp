#include "export_control/tokens.hpp"

#include <array>
#include <fmt/format.h>
#include <optional>

namespace moesaic::export_control {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

template <class Accept>
std::string_view run_of(std::string_view text, std::size_t from, Accept accept) {
    auto end = from;
    while (end < text.size() && accept(text[end])) {
        ++end;
    }
    return text.substr(from, end - from);
}

bool is_keyword(std::string_view word) {
    return word == "and" || word == "or" || word == "not" || word == "in";
}

/// A number with the unit behind it, or a date. @returns the characters that it takes
std::size_t add_amount(std::string_view text, std::size_t at, std::vector<Token>& out) {
    if (text.substr(at).size() >= 10 && parse_date(text.substr(at, 10))) {
        out.push_back({TokenKind::amount, std::string{text.substr(at, 10)}, at});
        return 10;
    }
    auto const number = run_of(text, at, [](char c) { return is_digit(c) || c == '.' || c == '-'; });
    auto length = number.size();
    std::string written{number};
    // 1e9 and 1.5E-3
    auto const exponent = text.substr(at + length);
    if (exponent.size() > 1 && (exponent[0] == 'e' || exponent[0] == 'E')) {
        auto const sign = exponent[1] == '+' || exponent[1] == '-' ? std::size_t{1} : std::size_t{0};
        auto const power = run_of(exponent, 1 + sign, is_digit);
        if (!power.empty()) {
            written += exponent.substr(0, 1 + sign + power.size());
            length += 1 + sign + power.size();
        }
    }
    auto const blanks = run_of(text, at + length, [](char c) { return c == ' '; }).size();
    auto const unit =
        run_of(text, at + length + blanks, [](char c) { return is_letter(c) || is_digit(c) || c == '/'; });
    if (!unit.empty() && is_letter(unit.front()) && !is_keyword(unit)) {
        written += ' ' + std::string{unit};
        length += blanks + unit.size();
    }
    out.push_back({TokenKind::amount, written, at});
    return length;
}

std::optional<Token> symbol_at(std::string_view text, std::size_t at) {
    for (std::string_view const two : {"<=", ">=", "==", "!="}) {
        if (text.substr(at, 2) == two) {
            return Token{TokenKind::relation, std::string{two}, at};
        }
    }
    constexpr std::array singles{std::pair{'<', TokenKind::relation}, std::pair{'>', TokenKind::relation},
                                 std::pair{'(', TokenKind::open},     std::pair{')', TokenKind::close},
                                 std::pair{'{', TokenKind::open_set}, std::pair{'}', TokenKind::close_set},
                                 std::pair{',', TokenKind::comma}};
    for (auto const& [character, kind] : singles) {
        if (text[at] == character) {
            return Token{kind, std::string{character}, at};
        }
    }
    return std::nullopt;
}

} // namespace

std::vector<Token> tokens_of(PredicateText const& input) {
    std::string_view const text = input.text;
    std::vector<Token> out;
    std::size_t at = 0;
    while (at < text.size()) {
        if (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
            ++at;
        } else if (is_letter(text[at])) {
            auto const word = run_of(text, at, [](char c) { return is_letter(c) || is_digit(c); });
            out.push_back({TokenKind::word, std::string{word}, at});
            at += word.size();
        } else if (is_digit(text[at])) {
            at += add_amount(text, at, out);
        } else if (auto symbol = symbol_at(text, at)) {
            at += symbol->text.size();
            out.push_back(std::move(*symbol));
        } else {
            auto const hint = text[at] == '=' ? "Equality is written ==" : "";
            auto const plain = text[at] > ' ' && text[at] <= '~';
            throw InputError{input.origin(at),
                             plain ? fmt::format("'{}' is not part of the language", text[at])
                                   : std::string{"holds a character that is not part of the language"},
                             hint};
        }
    }
    out.push_back({TokenKind::end, "", text.size()});
    return out;
}

} // namespace moesaic::export_control
