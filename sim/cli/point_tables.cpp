#include "cli/point_tables.hpp"

#include "base/errors.hpp"
#include "base/sha256.hpp"

#include <array>
#include <fmt/format.h>

namespace moesaic::cli {

namespace {

constexpr char between = '|'; // in no hash and in no text of groups

/// Files, content of the groups, groups.
std::optional<std::array<std::string, 3>> parts_of(std::string const& basis) {
    auto const first = basis.find(between);
    auto const second = first == std::string::npos ? first : basis.find(between, first + 1);
    if (second == std::string::npos) {
        return std::nullopt;
    }
    return std::array{basis.substr(0, first), basis.substr(first + 1, second - first - 1),
                      basis.substr(second + 1)};
}

} // namespace

timing::Timings& PointTables::timings() {
    if (!timings_) {
        timings_.emplace(load_());
    }
    return *timings_;
}

std::string const& PointTables::content_of_group(timing::RowGroup const& group) {
    auto at = contents_.find(group);
    if (at == contents_.end()) {
        at = contents_.emplace(group, timings().content_of(group)).first;
    }
    return at->second;
}

std::string PointTables::content_of(timing::Consulted const& consulted) {
    Sha256 sum;
    for (auto const& group : consulted) {
        sum.add(content_of_group(group));
    }
    return sum.hex();
}

/// Most chips that were asked have no rows of the operation: one word for all of these, which changes as soon as one of them
/// has.
timing::Consulted PointTables::without_empty(timing::Consulted const& consulted) {
    static auto const nothing = sha256("");
    timing::Consulted out;
    for (auto const& group : consulted) {
        bool const of_op = group.op != timing::RowGroup::every_op && !group.chips.empty();
        out.insert(of_op && content_of_group(group) == nothing ? timing::RowGroup{group.op, {}, true}
                                                               : group);
    }
    return out;
}

std::string const& PointTables::basis_of(std::string const& consulted) {
    if (auto const at = bases_.find(consulted); at != bases_.end()) {
        return at->second;
    }
    auto const all = timing::find_consulted(consulted);
    expects(all.has_value(), "a point tells which groups it consulted");
    auto const groups = without_empty(*all);
    return bases_
        .emplace(consulted,
                 fmt::format("{}{}{}{}{}", files_, between, content_of(groups), between, text_of(groups)))
        .first->second;
}

bool PointTables::is_current(std::string const& basis) {
    auto const parts = parts_of(basis);
    if (!parts) {
        return basis == files_; // of a failure
    }
    auto const& [files, content, consulted] = *parts;
    if (files == files_) {
        return true;
    }
    auto const groups = timing::find_consulted(consulted);
    return groups && content_of(*groups) == content;
}

} // namespace moesaic::cli
