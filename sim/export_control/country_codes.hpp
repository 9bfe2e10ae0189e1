#pragma once
#include <string_view>

namespace moesaic::export_control {

/// Whether the text is a code of two capitals that ISO 3166-1 assigns to a country (CN; not EU, not XX).
[[nodiscard]] bool is_country_code(std::string_view text);

} // namespace moesaic::export_control
