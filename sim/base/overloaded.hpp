#pragma once

namespace moesaic {

/// std::visit(overloaded{[](A) {}, [](B) {}}, variant)
template <class... Ts>
struct overloaded : Ts... {
    using Ts::operator()...;
};
template <class... Ts>
overloaded(Ts...) -> overloaded<Ts...>;

} // namespace moesaic
