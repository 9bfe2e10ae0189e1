#pragma once
#include "engine/event_loop.hpp"
#include "engine/folding.hpp"
#include "engine/link_types.hpp"
#include "engine/lowering.hpp"
#include "timing/timings.hpp"

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace moesaic::engine {

/// A collective of one cell or a message, ready to run: flows that start together; it ends with the last.
struct Transfer {
    std::vector<int> flows; ///< of the event loop; none = takes no time
    std::string key;        ///< "all_to_all h100 leaf": transfers with one key err together
    timing::Evidence evidence = timing::Evidence::measured;
    double sigma = 0.0;
    Seconds alone; ///< time of its slowest side on an idle network
};

struct LinkBytes {
    LinkId link;
    Bytes bytes;
};

/// What the transfers of a program are made from. References outlive it.
struct TransferContext {
    parallel::Program const& program;
    Folding const& folding;
    hardware::Topology const& topology;
    timing::Timings const& timings;
    TrafficCache& traffic;
};

/// Prices the transfers of a program and lays their flows on the links: the links that several flows use become
/// shared resources, and no flow is faster than its kind attains there. Equal transfers of a cell are made once.
class Transfers {
  public:
    explicit Transfers(TransferContext const& context)
        : context_{context}, types_{context.topology, context.folding} {}

    int add(parallel::Collective const& collective, int cell);
    /// @param part of the message's bytes that goes from the one cell to the other
    int add(parallel::Message const& message, int sender, int receiver, double part);
    /// Makes the resources and flows; nothing can be added afterwards.
    void install(EventLoop& loop);
    /// The link's bandwidth changes by a factor at the given second, if any flow uses it.
    void slow_down(LinkId link, double factor, Seconds at, EventLoop& loop);

    [[nodiscard]] Transfer const& at(int transfer) const { return transfers_[transfer]; }
    /// What one run of each transfer puts on the links that stand for all like them. Of links straight to single peers,
    /// used side by side, the first stands for all.
    [[nodiscard]] std::vector<std::vector<LinkBytes>> link_bytes() const;
    [[nodiscard]] parallel::RankClass const& class_of(int cell) const;

  private:
    struct Planned {
        int transfer = 0;
        ClassFlow flow;
        BytesPerSecond cap;
        Seconds latency;
    };
    /// What is carried out, and how.
    struct Carried {
        timing::CollectiveKind kind;
        Bytes bytes; ///< of the whole of it
        timing::Algorithm algorithm = timing::Algorithm::automatic;
        std::optional<timing::TokenExchange> tokens;
        friend auto operator<=>(Carried const&, Carried const&) = default;
    };
    /// Of a transfer: what a rank sends inside its node, or beyond.
    struct Side {
        hardware::Tier tier;
        Bytes bytes;
        int ranks, nodes;
    };
    /// Cell, then what is carried out, pattern and group.
    using CollectiveKey = std::tuple<int, Carried, Pattern, std::int64_t, std::int64_t, std::int64_t>;
    using MessageKey = std::tuple<int, int, double, ChipIndex, ChipIndex, int>;

    [[nodiscard]] ChipIndex partner_of(ChipIndex source, parallel::Message const& message,
                                       int receiver) const;
    int add_to_group(parallel::Message const& message, int sender, int receiver, double part);
    [[nodiscard]] ClassFlow with_types(ClassFlow flow);
    void plan(int transfer, Carried const& carried, ClassFlows const& flows);
    void plan_side(int transfer, Carried const& carried, ClassFlows const& flows, bool inside);
    [[nodiscard]] timing::CollectiveCost cost_of(Carried const& carried, ClassFlows const& flows,
                                                 Side const& side) const;
    FlowSpec spec_of(Planned const& planned, EventLoop& loop);
    int resource_of(LinkId link, EventLoop& loop);
    int resource_of(ClassFlow const& side_by_side, EventLoop& loop);

    TransferContext context_;
    LinkTypes types_;
    std::vector<Transfer> transfers_;
    std::vector<Planned> planned_;
    std::map<CollectiveKey, int> collectives_;
    std::map<MessageKey, int> messages_;
    std::map<LinkId, double> unit_; ///< `times` that count as one use of the link
    std::map<LinkId, int> link_resource_;
    std::map<std::vector<LinkId>, int> parallel_resource_;
};

/// The largest number of which all `times` are whole multiples (to 1e-9), no less than 1/32 of the least of them
/// and 1/256 of the greatest; where there is none, multiples are rounded up.
[[nodiscard]] double common_unit(std::vector<double> const& times);

} // namespace moesaic::engine
