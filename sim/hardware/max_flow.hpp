#pragma once
#include <cstdint>
#include <map>
#include <utility>

namespace moesaic::hardware {

/// Whole bytes per second: max-flow on integers ends exactly, and 2^63 is 9e18 B/s.
using Capacity = std::int64_t;
/// Capacity from one vertex to another, one way; vertices count from 0.
using FlowEdges = std::map<std::pair<int, int>, Capacity>;

/// The most that can flow from source to sink (push-relabel of Boost.Graph).
[[nodiscard]] Capacity max_flow(FlowEdges const& edges, int vertices, int source, int sink);

} // namespace moesaic::hardware
