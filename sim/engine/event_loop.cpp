#include "engine/event_loop.hpp"

#include "base/errors.hpp"

#include <simgrid/kernel/Timer.hpp>
#include <simgrid/kernel/resource/NetworkModelIntf.hpp>
#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>
#include <xbt/log.h>

#include <algorithm>
#include <queue>
#include <unordered_set>

namespace moesaic::engine {

namespace {

namespace s4u = simgrid::s4u;
namespace kernel = simgrid::kernel;
using Token = EventLoop::Token;

/// A latency of zero would lose the weight: CM02 takes the weight from the latency of the route.
constexpr double least_latency = 1e-9;

struct Flow {
    std::vector<kernel::resource::StandardLinkImpl*> path;
    double bytes;
    double weight;
    double latency;
};

/// A zone whose route, weight and latency are those of the flow about to start.
class FlowZone : public kernel::routing::NetZoneImpl {
  public:
    explicit FlowZone(std::string const& name) : NetZoneImpl(name) {}
    void set_next(Flow const* flow) { next_ = flow; }
    /// CM02 shares in proportion to 1/latency of the route: a latency of 1/weight gives the weight.
    void get_local_route(kernel::routing::NetPoint const* /*from*/, kernel::routing::NetPoint const* /*to*/,
                         kernel::routing::Route* into, double* latency) override {
        into->link_list_ = next_->path;
        if (latency != nullptr) {
            *latency += 1.0 / next_->weight;
        }
    }
    /// What turns 1/weight back into the true latency.
    [[nodiscard]] double latency_factor() const { return next_->latency * next_->weight; }

  private:
    Flow const* next_ = nullptr;
};

/// SimGrid 3.32 wants each communication kept alive until time has moved on after its end.
class FlowSlots {
  public:
    FlowSlots(FlowZone* zone, s4u::Host* source, s4u::Host* destination, std::function<void(Token)> on_end)
        : zone_{zone}, source_{source}, destination_{destination}, on_end_{std::move(on_end)} {
        s4u::Activity::on_completion_cb([this](s4u::Activity const& activity) { ended(activity); });
        s4u::Engine::on_time_advance_cb([this](double) { release(); });
    }

    void start(Flow const& flow, Token token) {
        if (free_.empty()) {
            free_.push_back(slots_.size());
            slots_.emplace_back();
        }
        auto const slot = free_.back();
        free_.pop_back();
        zone_->set_next(&flow);
        auto comm = s4u::Comm::sendto_init();
        comm->set_payload_size(std::max<std::uint64_t>(1, static_cast<std::uint64_t>(flow.bytes)));
        comm->set_data(reinterpret_cast<void*>(slot + 1));
        slots_[slot] = {comm, token};
        comm->set_source(source_)->set_destination(destination_); // starts here
    }

  private:
    struct Slot {
        s4u::CommPtr comm;
        Token token = 0;
    };

    void ended(s4u::Activity const& activity) {
        auto const tag = reinterpret_cast<std::uintptr_t>(activity.get_data<void>());
        if (tag == 0) {
            return;
        }
        ended_.push_back(tag - 1);
        on_end_(slots_[tag - 1].token);
    }
    void release() {
        for (auto slot : ended_) {
            slots_[slot].comm = nullptr;
            free_.push_back(slot);
        }
        ended_.clear();
    }

    FlowZone* zone_;
    s4u::Host* source_;
    s4u::Host* destination_;
    std::function<void(Token)> on_end_;
    std::vector<Slot> slots_;
    std::vector<std::uintptr_t> free_;
    std::vector<std::uintptr_t> ended_;
};

/// Timers of our own behind one SimGrid timer, which is set for the earliest of them.
class Calendar {
  public:
    explicit Calendar(std::function<void(Token)> on_end) : on_end_{std::move(on_end)} {}

    void add(double date, Token token) {
        entries_.push({date, sequence_++, token});
        arm();
    }

  private:
    struct Entry {
        double date;
        std::int64_t sequence; ///< equal dates end in the order of their start
        Token token;
        bool operator<(Entry const& other) const {
            return date != other.date ? date > other.date : sequence > other.sequence;
        }
    };

    void arm() {
        if (pumping_ || entries_.empty()) {
            return;
        }
        auto const date = entries_.top().date;
        if (timer_ != nullptr) {
            if (armed_for_ <= date) {
                return;
            }
            timer_->remove();
        }
        armed_for_ = date;
        timer_ = kernel::timer::Timer::set(date, [this] {
            timer_ = nullptr;
            pump();
        });
    }
    void pump() {
        pumping_ = true;
        while (!entries_.empty() && entries_.top().date <= s4u::Engine::get_clock()) {
            auto const token = entries_.top().token;
            entries_.pop();
            on_end_(token);
        }
        pumping_ = false;
        arm();
    }

    std::function<void(Token)> on_end_;
    std::priority_queue<Entry> entries_;
    std::int64_t sequence_ = 0;
    kernel::timer::Timer* timer_ = nullptr;
    double armed_for_ = 0.0;
    bool pumping_ = false;
};

/// Said before the engine starts, so that its own messages do not reach the user's terminal.
s4u::Engine& quiet_engine() {
    static bool used = false;
    expects(!used, "one simulation per process: SimGrid's clock cannot be set back");
    used = true;
    xbt_log_control_set("root.thres:warning");
    static s4u::Engine engine{"moesaic"};
    expects(s4u::Engine::get_clock() == 0.0, "SimGrid's clock stands at zero");
    return engine;
}

} // namespace

struct EventLoop::Machine {
    s4u::Engine& engine = quiet_engine();
    FlowZone* zone = nullptr;
    std::vector<s4u::Link*> resources;
    std::vector<Flow> flows;
    std::function<void(Token)> handler;
    std::unique_ptr<FlowSlots> slots;
    std::unique_ptr<Calendar> calendar;
};

EventLoop::EventLoop() : machine_{std::make_unique<Machine>()} {
    // The defaults model TCP: a window of 4 MiB and acknowledgements that take bandwidth.
    for (auto const* option : {"network/model:CM02", "network/crosstraffic:0", "network/TCP-gamma:1e30"}) {
        s4u::Engine::set_config(option);
    }
    auto* root = s4u::create_full_zone("world");
    machine_->zone = new FlowZone("cluster"); // NOLINT: SimGrid owns and deletes it
    machine_->zone->set_parent(root->get_impl());
}

EventLoop::~EventLoop() = default;

int EventLoop::add_resource(std::string const& name, double bandwidth) {
    expects(bandwidth > 0.0, "a resource has bandwidth");
    auto& all = machine_->resources;
    // names carry their number: SimGrid refuses a name twice
    all.push_back(
        machine_->zone->get_iface()->create_link(std::to_string(all.size()) + " " + name, bandwidth));
    return static_cast<int>(all.size()) - 1;
}

int EventLoop::add_flow(FlowSpec spec) {
    expects(spec.weight >= 1e-3 && spec.weight <= 1e6,
            "a flow's weight lies where SimGrid's solver is exact");
    Flow flow{{}, spec.bytes, spec.weight, std::max(spec.latency, least_latency)};
    // A flow's first link must be its own. Where flows start or end in the same instant, SimGrid 3.32 looks again
    // at the links of a flow only if its first link has not been touched yet in that instant, and would otherwise
    // ignore the capacity of the further ones (lmm, selective update).
    flow.path.push_back(machine_->resources[add_resource("flow", spec.cap)]->get_impl());
    for (auto const& use : spec.uses) {
        auto* link = machine_->resources.at(use.resource)->get_impl();
        flow.path.insert(flow.path.end(), use.times, link);
    }
    machine_->flows.push_back(std::move(flow));
    return static_cast<int>(machine_->flows.size()) - 1;
}

void EventLoop::start_timer(double seconds, Token token) { machine_->calendar->add(now() + seconds, token); }

void EventLoop::start_flow(int flow, Token token) { machine_->slots->start(machine_->flows[flow], token); }

double EventLoop::now() const { return s4u::Engine::get_clock(); }

void EventLoop::run(std::function<void()> const& start, std::function<void(Token)> handler) {
    auto& m = *machine_;
    m.handler = std::move(handler);
    auto* zone = m.zone->get_iface();
    auto* source =
        zone->create_host("source", 1e9); // two end points stand for all: the flows carry their links
    auto* destination = zone->create_host("destination", 1e9);
    zone->seal();
    zone->get_network_model()->set_lat_factor_cb(
        [z = m.zone](double, s4u::Host const*, s4u::Host const*, std::vector<s4u::Link*> const&,
                     std::unordered_set<s4u::NetZone*> const&) { return z->latency_factor(); });
    auto const on_end = [&m](Token token) { m.handler(token); };
    m.slots = std::make_unique<FlowSlots>(m.zone, source, destination, on_end);
    m.calendar = std::make_unique<Calendar>(on_end);
    start();
    m.engine.run();
}

} // namespace moesaic::engine
