#pragma once
#include "hardware/cluster.hpp"
#include "hardware/fact.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace moesaic::hardware {

/// How tensors get from a chip of one pool to one of another.
///   device_direct  NICs read and write the chips' memory (RDMA)
///   host_memory    copied to the host, sent, copied from the host, one after the other
///   tcp            the same over one TCP connection of one thread per chip (Gloo), whose sender waits
enum class Transport { device_direct, host_memory, tcp };
[[nodiscard]] std::string_view name_of(Transport transport);

/// Of one NIC between chips of unlike makers.
struct DirectRate {
    BytesPerSecond line_rate;
    Fact<BytesPerSecond> rate;
};

/// platforms/transports.toml
struct TransportFigures {
    std::vector<DirectRate> direct; ///< by line rate, slowest first
    Fact<Seconds> direct_startup, host_startup, tcp_startup;
    Fact<BytesPerSecond> tcp_connection;
    Fact<bool> tcp_sender_waits; ///< whoever sends launches no kernels until it is through
};
[[nodiscard]] TransportFigures read_transports(std::string const& platforms_folder);

/// What a chip gets, one way.
struct ChipPath {
    BytesPerSecond rate;
    Seconds startup;
    std::string basis; ///< what the rate rests on, in words
    bool sender_waits = false;
};

/// @throws InputError naming the node type where the rate to its host is needed and not known
[[nodiscard]] ChipPath path_between(NodeType const& a, NodeType const& b, Transport transport,
                                    TransportFigures const& figures);

} // namespace moesaic::hardware
