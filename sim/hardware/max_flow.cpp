#include "hardware/max_flow.hpp"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>

namespace moesaic::hardware {

namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using EdgeProperties =
    boost::property<boost::edge_capacity_t, Capacity,
                    boost::property<boost::edge_residual_capacity_t, Capacity,
                                    boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>;
using FlowGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, EdgeProperties>;

} // namespace

Capacity max_flow(FlowEdges const& edges, int vertices, int source, int sink) {
    FlowGraph flow(static_cast<std::size_t>(vertices));
    auto capacity = get(boost::edge_capacity, flow);
    auto reverse = get(boost::edge_reverse, flow);
    for (auto const& [ends, rate] : edges) {
        auto const there = add_edge(ends.first, ends.second, flow).first;
        auto const back = add_edge(ends.second, ends.first, flow).first;
        capacity[there] = rate;
        capacity[back] = 0;
        reverse[there] = back;
        reverse[back] = there;
    }
    return boost::push_relabel_max_flow(flow, source, sink);
}

} // namespace moesaic::hardware
