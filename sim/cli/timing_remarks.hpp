#pragma once
#include "timing/timing_table.hpp"

#include <string>
#include <vector>

namespace moesaic::cli {

/// To stderr: what was refused or worth a word, the first place of each.
void tell_remarks(std::vector<timing::TableReport> const& reports);

/// The same of a user's tables or folders, read for that alone: a command that loads them for answers tells the reports of
/// what it has loaded.
void tell_remarks_on(std::vector<std::string> const& tables);

} // namespace moesaic::cli
