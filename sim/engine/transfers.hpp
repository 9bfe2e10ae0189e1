#pragma once
#include "engine/event_loop.hpp"
#include "engine/lowering.hpp"
#include "timing/timings.hpp"

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace moesaic::engine {

/// A collective of one class or a message, ready to run: flows that start together; it ends with the last.
struct Transfer {
    std::vector<int> flows; ///< of the event loop; none = takes no time
    std::string key;        ///< "all_to_all h100 leaf": transfers with one key err together
    timing::Evidence evidence = timing::Evidence::measured;
    double sigma = 0.0;
    Seconds alone; ///< time of the slowest flow on an idle network
};

/// Prices the transfers of a program and lays their flows on the links: the links that several flows use
/// become shared resources, and each transfer has one private resource per side (scale-up, NIC) with the
/// bandwidth that its kind attains there. Equal transfers of a class are made once.
class Transfers {
  public:
    Transfers(hardware::Topology const& topology, timing::Timings const& timings)
        : topology_{topology}, timings_{timings} {}

    int add(parallel::Collective const& collective, parallel::RankClass const& rank_class, int class_index);
    int add(parallel::Message const& message, parallel::Program const& program);
    /// Makes the resources and flows; nothing can be added afterwards.
    void install(EventLoop& loop);
    [[nodiscard]] Transfer const& at(int transfer) const { return transfers_[transfer]; }

  private:
    struct Planned {
        int transfer = 0;
        ClassFlow flow;
        BytesPerSecond cap;
        Seconds latency;
    };
    using CollectiveKey =
        std::tuple<int, timing::CollectiveKind, double, std::int64_t, std::int64_t, std::int64_t>;
    using MessageKey = std::tuple<ClassId, ClassId, double, ChipIndex, ChipIndex>;

    void plan(int transfer, std::vector<ClassFlow> const& flows, timing::CollectiveKind kind,
              ClassFlows const& shape);
    FlowSpec spec_of(Planned const& planned, EventLoop& loop);
    int resource_of(LinkId link, EventLoop& loop);
    int resource_of(ClassFlow const& side_by_side, EventLoop& loop);

    hardware::Topology const& topology_;
    timing::Timings const& timings_;
    std::vector<Transfer> transfers_;
    std::vector<Planned> planned_;
    std::map<CollectiveKey, int> collectives_;
    std::map<MessageKey, int> messages_;
    std::map<LinkId, double> unit_; ///< `times` that count as one use of the link
    std::map<LinkId, int> link_resource_;
    std::map<std::vector<LinkId>, int> parallel_resource_;
};

/// The largest number of which all `times` are whole multiples (to 1e-9), no less than 1/32 of the least of
/// them and 1/256 of the greatest; where there is none, multiples are rounded up.
[[nodiscard]] double common_unit(std::vector<double> const& times);

} // namespace moesaic::engine
