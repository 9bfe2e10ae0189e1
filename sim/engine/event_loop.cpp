#include "engine/event_loop.hpp"

#include "base/errors.hpp"
#include "engine/calendar.hpp"
#include "engine/simgrid_network.hpp"

#include <optional>

namespace moesaic::engine {

namespace {

/// A flow that ends this soon is left to its end: SimGrid's clock is no finer.
constexpr double too_late_to_share = 1e-9;

struct Flow {
    std::vector<ResourceUse> uses; ///< the first is the flow's own
    double bytes;
    double latency;
    double rate; ///< alone
    int route;   ///< of SimGrid
};

/// A flow under way.
struct Running {
    int flow = -1;
    EventLoop::Token token = 0;
    double first_byte = 0.0; ///< date
    double end = 0.0;        ///< date, while unshared
    double rate = 0.0;       ///< taken from the budget
    int entry = 0;           ///< which entry of the calendar is its; others are out of date
    bool shared = false;     ///< SimGrid has it
};

/// Entries of the calendar: what is due, and its number.
enum class Due { timer, flow, change };
constexpr std::int64_t kinds = 3;

struct BandwidthChange {
    int resource;
    double bandwidth;
};

} // namespace

struct EventLoop::Machine {
    std::optional<SimGridNetwork> network; ///< none without sharing
    LinkBudget budget;
    Calendar calendar;
    std::vector<Flow> flows;
    std::vector<Running> running;
    std::vector<int> free;
    std::vector<BandwidthChange> changes;
    std::vector<std::pair<double, int>> change_dates;
    std::function<void(Token)> handler;
    double own_now = 0.0; ///< without SimGrid
    double alarm = -1.0;
    bool pumping = false;
    bool share_always = false;
    std::int64_t started = 0;
    std::int64_t shared = 0;

    [[nodiscard]] double now() const { return network ? network->now() : own_now; }

    void add_due(double date, Due due, std::int64_t number) {
        calendar.add(date, number * kinds + static_cast<std::int64_t>(due));
        arm();
    }
    void arm() {
        if (!network || pumping || calendar.empty() || (alarm >= 0.0 && alarm <= calendar.first_date())) {
            return;
        }
        alarm = calendar.first_date();
        network->set_alarm(alarm);
    }
    void pump() {
        alarm = -1.0;
        pumping = true;
        while (!calendar.empty() && calendar.first_date() <= now()) {
            act(calendar.take_first());
        }
        pumping = false;
        arm();
    }
    void run_alone() {
        while (!calendar.empty()) {
            own_now = calendar.first_date();
            act(calendar.take_first());
        }
    }
    void act(std::int64_t what) {
        auto const number = what / kinds;
        switch (static_cast<Due>(what % kinds)) {
        case Due::timer:
            handler(number);
            return;
        case Due::flow:
            unshared_end(number);
            return;
        case Due::change:
            change(changes[number]);
            return;
        }
    }

    /// A flow's entry holds its place and the entry's number, so that an out-of-date one is known.
    static std::int64_t entry_of(int place, int entry) {
        return (static_cast<std::int64_t>(entry) << 24) + place;
    }

    int place_for(Running const& flow) {
        if (free.empty()) {
            free.push_back(static_cast<int>(running.size()));
            running.emplace_back();
            expects(running.size() < (1U << 24), "at most 16 million flows under way");
        }
        auto const place = free.back();
        free.pop_back();
        auto const entry = running[place].entry;
        running[place] = flow;
        running[place].entry = entry;
        return place;
    }

    void start(int flow, Token token) {
        auto const& spec = flows[flow];
        ++started;
        auto const first_byte = now() + spec.latency;
        auto const place =
            place_for({flow, token, first_byte, first_byte + spec.bytes / spec.rate, spec.rate, 0, false});
        budget.take(spec.uses, spec.rate);
        auto contended = share_always;
        for (auto const& use : spec.uses) {
            if (network && budget.overdrawn(use.resource)) {
                contended = true;
                share_all(use.resource);
            }
        }
        if (contended) {
            running[place].shared = true;
            ++shared;
            network->start_flow(spec.route, spec.bytes, spec.latency, place);
            return;
        }
        budget.join(spec.uses, place);
        add_due(running[place].end, Due::flow, entry_of(place, running[place].entry));
    }

    /// Hands the flows of an overdrawn resource to SimGrid, with what is left of them.
    void share_all(int resource) {
        auto const unshared = budget.unshared(resource); // a copy: sharing changes it
        for (auto const place : unshared) {
            if (running[place].end - now() > too_late_to_share) {
                share(place);
            }
        }
    }
    void share(int place) {
        auto& flow = running[place];
        auto const& spec = flows[flow.flow];
        budget.leave(spec.uses, place);
        ++flow.entry;
        flow.shared = true;
        ++shared;
        auto const waiting = flow.first_byte > now();
        auto const bytes = waiting ? spec.bytes : (flow.end - now()) * flow.rate;
        network->start_flow(spec.route, bytes, waiting ? flow.first_byte - now() : 0.0, place);
    }

    void unshared_end(std::int64_t entry) {
        auto const place = static_cast<int>(entry & ((1 << 24) - 1));
        if (running[place].entry != static_cast<int>(entry >> 24)) {
            return;
        }
        budget.leave(flows[running[place].flow].uses, place);
        end(place);
    }
    void end(int place) {
        auto& flow = running[place];
        budget.give_back(flows[flow.flow].uses, flow.rate);
        ++flow.entry;
        free.push_back(place);
        handler(flow.token);
    }

    void change(BandwidthChange const& change) {
        budget.set_bandwidth(change.resource, change.bandwidth);
        if (network) {
            network->set_bandwidth(change.resource, change.bandwidth);
        }
        for (auto& flow : flows) {
            flow.rate = budget.rate_alone(flow.uses);
        }
        if (network) { // those under way go on with SimGrid, which knows the new bandwidth
            share_all(change.resource);
        }
    }
};

EventLoop::EventLoop(Sharing sharing) : machine_{std::make_unique<Machine>()} {
    if (sharing != Sharing::none) {
        machine_->network.emplace();
    }
    machine_->share_always = sharing == Sharing::checked;
}

EventLoop::~EventLoop() = default;

int EventLoop::add_resource(std::string const& name, double bandwidth) {
    if (machine_->network) {
        machine_->network->add_resource(name, bandwidth);
    }
    return machine_->budget.add_resource(bandwidth);
}

int EventLoop::add_flow(FlowSpec spec) {
    auto& m = *machine_;
    spec.uses.insert(spec.uses.begin(), {add_resource("flow", spec.cap), 1});
    auto route = -1;
    if (m.network) {
        std::vector<int> resources;
        for (auto const& use : spec.uses) {
            resources.insert(resources.end(), use.times, use.resource);
        }
        route = m.network->add_route(resources, spec.weight);
    }
    auto const rate = m.budget.rate_alone(spec.uses);
    m.flows.push_back({std::move(spec.uses), spec.bytes, spec.latency, rate, route});
    return static_cast<int>(m.flows.size()) - 1;
}

void EventLoop::change_bandwidth(double at_second, int resource, double bandwidth) {
    machine_->change_dates.emplace_back(at_second, static_cast<int>(machine_->changes.size()));
    machine_->changes.push_back({resource, bandwidth});
}

void EventLoop::start_timer(double seconds, Token token) {
    machine_->add_due(now() + seconds, Due::timer, token);
}

void EventLoop::start_flow(int flow, Token token) { machine_->start(flow, token); }

double EventLoop::now() const { return machine_->now(); }

double EventLoop::time_alone(int flow) const {
    auto const& spec = machine_->flows[flow];
    return spec.latency + spec.bytes / spec.rate;
}

std::int64_t EventLoop::flows_started() const { return machine_->started; }
std::int64_t EventLoop::flows_shared() const { return machine_->shared; }

void EventLoop::run(std::function<void()> const& start, std::function<void(Token)> handler) {
    auto& m = *machine_;
    m.handler = std::move(handler);
    auto const begin = [&] {
        for (auto const& [date, change] : m.change_dates) {
            m.add_due(date, Due::change, change);
        }
        start();
    };
    if (m.network) {
        m.network->run({begin, [&m](Token place) { m.end(static_cast<int>(place)); }, [&m] { m.pump(); }});
    } else {
        begin();
        m.run_alone();
    }
}

} // namespace moesaic::engine
