#include "engine/simgrid_network.hpp"

#include "base/errors.hpp"

#include <simgrid/kernel/Timer.hpp>
#include <simgrid/kernel/resource/NetworkModelIntf.hpp>
#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>
#include <xbt/log.h>

#include <algorithm>
#include <unordered_set>

namespace moesaic::engine {

namespace {

namespace s4u = simgrid::s4u;
namespace kernel = simgrid::kernel;

/// A latency of zero would lose the weight: CM02 takes the weight from the latency of the route.
constexpr double least_latency = 1e-9;

struct Route {
    std::vector<kernel::resource::StandardLinkImpl*> links;
    double weight;
};

/// A zone whose route, weight and latency are those of the flow about to start.
class FlowZone : public kernel::routing::NetZoneImpl {
  public:
    explicit FlowZone(std::string const& name) : NetZoneImpl(name) {}
    void set_next(Route const* route, double latency) {
        next_ = route;
        latency_ = latency;
    }
    /// CM02 shares in proportion to 1/latency of the route: a latency of 1/weight gives the weight.
    void get_local_route(kernel::routing::NetPoint const* /*from*/, kernel::routing::NetPoint const* /*to*/,
                         kernel::routing::Route* into, double* latency) override {
        into->link_list_ = next_->links;
        if (latency != nullptr) {
            *latency += 1.0 / next_->weight;
        }
    }
    /// What turns 1/weight back into the true latency.
    [[nodiscard]] double latency_factor() const { return latency_ * next_->weight; }

  private:
    Route const* next_ = nullptr;
    double latency_ = 0.0;
};

/// SimGrid 3.32 wants each communication kept alive until time has moved on after its end.
class FlowSlots {
  public:
    FlowSlots(FlowZone* zone, s4u::Host* source, s4u::Host* destination,
              std::function<void(std::int64_t)> on_end)
        : zone_{zone}, source_{source}, destination_{destination}, on_end_{std::move(on_end)} {
        s4u::Activity::on_completion_cb([this](s4u::Activity const& activity) { ended(activity); });
        s4u::Engine::on_time_advance_cb([this](double) { release(); });
    }

    void start(Route const& route, double bytes, double latency, std::int64_t token) {
        if (free_.empty()) {
            free_.push_back(slots_.size());
            slots_.emplace_back();
        }
        auto const slot = free_.back();
        free_.pop_back();
        zone_->set_next(&route, std::max(latency, least_latency));
        auto comm = s4u::Comm::sendto_init();
        comm->set_payload_size(std::max<std::uint64_t>(1, static_cast<std::uint64_t>(bytes)));
        // SimGrid keeps the pointer and never follows it.
        comm->set_data(reinterpret_cast<void*>(slot + 1)); // NOLINT(performance-no-int-to-ptr)
        slots_[slot] = {comm, token};
        comm->set_source(source_)->set_destination(destination_); // starts here
    }

  private:
    struct Slot {
        s4u::CommPtr comm;
        std::int64_t token = 0;
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
    std::function<void(std::int64_t)> on_end_;
    std::vector<Slot> slots_;
    std::vector<std::uintptr_t> free_;
    std::vector<std::uintptr_t> ended_;
};

/// Silenced before it starts, so that its own messages do not reach the user's terminal.
s4u::Engine& the_engine() {
    static bool used = false;
    expects(!used, "one simulation per process: SimGrid's clock cannot be set back");
    used = true;
    xbt_log_control_set("root.thres:warning");
    static s4u::Engine engine{"moesaic"};
    expects(s4u::Engine::get_clock() == 0.0, "SimGrid's clock stands at zero");
    return engine;
}

} // namespace

struct SimGridNetwork::Machine {
    s4u::Engine& engine = the_engine();
    FlowZone* zone = nullptr;
    std::vector<s4u::Link*> resources;
    std::vector<Route> routes;
    Handlers handlers;
    std::unique_ptr<FlowSlots> slots;
    kernel::timer::Timer* alarm = nullptr;
};

SimGridNetwork::SimGridNetwork() : machine_{std::make_unique<Machine>()} {
    // The defaults model TCP: a window of 4 MiB and acknowledgements that take bandwidth.
    for (auto const* option : {"network/model:CM02", "network/crosstraffic:0", "network/TCP-gamma:1e30"}) {
        s4u::Engine::set_config(option);
    }
    auto* root = s4u::create_full_zone("world");
    machine_->zone = new FlowZone("cluster"); // SimGrid owns and deletes it
    machine_->zone->set_parent(root->get_impl());
}

SimGridNetwork::~SimGridNetwork() = default;

int SimGridNetwork::add_resource(std::string const& name, double bandwidth) {
    expects(bandwidth > 0.0, "a resource has bandwidth");
    auto& all = machine_->resources;
    // names carry their number: SimGrid refuses a name twice
    all.push_back(
        machine_->zone->get_iface()->create_link(std::to_string(all.size()) + " " + name, bandwidth));
    return static_cast<int>(all.size()) - 1;
}

int SimGridNetwork::add_route(std::vector<int> const& resources, double weight) {
    expects(weight >= 1e-3 && weight <= 1e6, "a flow's weight lies where SimGrid's solver is exact");
    Route route{{}, weight};
    for (auto const resource : resources) {
        route.links.push_back(machine_->resources.at(resource)->get_impl());
    }
    machine_->routes.push_back(std::move(route));
    return static_cast<int>(machine_->routes.size()) - 1;
}

void SimGridNetwork::set_bandwidth(int resource, double bandwidth) {
    machine_->resources[resource]->set_bandwidth(bandwidth);
}

void SimGridNetwork::start_flow(int route, double bytes, double latency, std::int64_t token) {
    machine_->slots->start(machine_->routes[route], bytes, latency, token);
}

void SimGridNetwork::set_alarm(double date) {
    auto& m = *machine_;
    if (m.alarm != nullptr) {
        m.alarm->remove();
    }
    m.alarm = kernel::timer::Timer::set(date, [&m] {
        m.alarm = nullptr;
        m.handlers.alarm();
    });
}

double SimGridNetwork::now() const { return s4u::Engine::get_clock(); }

void SimGridNetwork::run(Handlers handlers) {
    auto& m = *machine_;
    m.handlers = std::move(handlers);
    auto* zone = m.zone->get_iface();
    auto* source =
        zone->create_host("source", 1e9); // two end points stand for all: the flows carry their links
    auto* destination = zone->create_host("destination", 1e9);
    zone->seal();
    zone->get_network_model()->set_lat_factor_cb(
        [z = m.zone](double, s4u::Host const*, s4u::Host const*, std::vector<s4u::Link*> const&,
                     std::unordered_set<s4u::NetZone*> const&) { return z->latency_factor(); });
    m.slots = std::make_unique<FlowSlots>(m.zone, source, destination,
                                          [&m](std::int64_t token) { m.handlers.flow_end(token); });
    m.handlers.start();
    m.engine.run();
}

} // namespace moesaic::engine
