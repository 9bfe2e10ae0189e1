#include "hardware/transport.hpp"

#include "hardware/read_fact.hpp"
#include "io/unit_text.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace moesaic::hardware {

std::string_view name_of(Transport transport) {
    constexpr std::string_view names[] = {"device_direct", "host_memory", "tcp"};
    return names[static_cast<std::size_t>(transport)];
}

TransportFigures read_transports(std::string const& platforms_folder) {
    auto const t = io::read_toml_file(platforms_folder + "/transports.toml");
    auto const direct = t.table("device_direct"), host = t.table("host_memory"), tcp = t.table("tcp");
    TransportFigures out{.direct = {},
                         .direct_startup = read_fact<Seconds>(direct, "startup"),
                         .host_startup = read_fact<Seconds>(host, "startup"),
                         .tcp_startup = read_fact<Seconds>(tcp, "startup"),
                         .tcp_connection = read_fact<BytesPerSecond>(tcp, "connection"),
                         .tcp_sender_waits = read_fact<bool>(tcp, "sender_waits")};
    for (auto const& one : direct.tables("rates")) {
        out.direct.push_back(
            {one.quantity<BytesPerSecond>("line_rate"), read_fact<BytesPerSecond>(one, "rate")});
        one.reject_unknown_keys();
    }
    if (out.direct.empty()) {
        throw InputError{direct.origin("rates"), "is missing"};
    }
    std::ranges::sort(out.direct, {}, &DirectRate::line_rate);
    for (auto const* table : {&direct, &host, &tcp, &t}) {
        table->reject_unknown_keys();
    }
    return out;
}

namespace {

double nics_per_chip(NodeType const& node) { return static_cast<double>(node.nics) / node.chips; }

BytesPerSecond nic_rate(NodeType const& node) { return node.nic_bandwidth.value * nics_per_chip(node); }

std::string said(Confidence confidence, std::string const& source) {
    return fmt::format("{}: {}", name_of(confidence), source);
}

/// The record of the nearest slower line rate; of the slowest one its share of the line.
ChipPath direct_path(NodeType const& a, NodeType const& b, TransportFigures const& figures) {
    auto const& slower = a.nic_bandwidth.value < b.nic_bandwidth.value ? a : b;
    auto const line = slower.nic_bandwidth.value;
    auto const chips = std::min(nics_per_chip(a), nics_per_chip(b));
    if (a.chip.vendor == b.chip.vendor) {
        return {line * chips, figures.direct_startup.value, "like makers: the NIC's line rate"};
    }
    auto const* record = &figures.direct.front();
    for (auto const& one : figures.direct) {
        record = one.line_rate <= line * 1.001 ? &one : record;
    }
    auto const& fact = record->rate;
    auto const rate = line < record->line_rate * 0.999 ? fact.value * (line / record->line_rate) : fact.value;
    auto const known = std::abs(line / record->line_rate - 1.0) < 0.001;
    return {std::min(rate, line) * chips, figures.direct_startup.value,
            said(fact.confidence, fact.source) +
                (known ? ""
                       : fmt::format("; no figure for NICs of {}, that of {} is taken", io::text_of(line),
                                     io::text_of(record->line_rate)))};
}

BytesPerSecond host_rate(NodeType const& node) {
    if (!node.host_bandwidth) {
        throw InputError{
            Origin::whole_file(node.file),
            fmt::format("the rate between chips and host memory of {} is not known", node.id),
            "Give host_bandwidth there, or bandwidth and latency of the site link without a transport"};
    }
    return node.host_bandwidth->value;
}

/// Copies and wire one after the other.
ChipPath staged(NodeType const& a, NodeType const& b, BytesPerSecond wire, Fact<Seconds> const& startup) {
    double const per_byte = 1.0 / host_rate(a).value() + 1.0 / wire.value() + 1.0 / host_rate(b).value();
    auto const host = std::max(a.host_bandwidth->confidence, b.host_bandwidth->confidence);
    return {BytesPerSecond{1.0 / per_byte}, startup.value,
            fmt::format("copies over {} and {}, {}; wire {}", io::text_of(host_rate(a)),
                        io::text_of(host_rate(b)), said(host, a.host_bandwidth->source), io::text_of(wire))};
}

} // namespace

ChipPath path_between(NodeType const& a, NodeType const& b, Transport transport,
                      TransportFigures const& figures) {
    auto const nic = std::min(nic_rate(a), nic_rate(b));
    switch (transport) {
    case Transport::device_direct:
        return direct_path(a, b, figures);
    case Transport::host_memory:
        return staged(a, b, nic, figures.host_startup);
    case Transport::tcp:
        break;
    }
    auto const& connection = figures.tcp_connection;
    auto out = staged(a, b, std::min(nic, connection.value), figures.tcp_startup);
    out.basis += ", one TCP connection (" + said(connection.confidence, connection.source) + ")";
    out.sender_waits = figures.tcp_sender_waits.value;
    return out;
}

} // namespace moesaic::hardware
