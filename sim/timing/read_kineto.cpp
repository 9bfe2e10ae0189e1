#include "timing/profile.hpp"

#include "base/errors.hpp"
#include "io/json_stream.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>
#include <tuple>
#include <unordered_map>

namespace moesaic::timing {

namespace {

constexpr std::size_t most_launches = 20'000'000;             ///< with annotations; about 2 GB
constexpr std::size_t most_text_bytes = std::size_t{2} << 30; ///< of names and shapes that differ
constexpr double microsecond = 1e-6;

bool is_device_work(std::string_view category) {
    return category == "kernel" || category == "gpu_memcpy" || category == "gpu_memset";
}

/// Annotations that contain each other, found by time.
class Phases {
  public:
    void add(std::string name, double begin, double end) {
        all_.push_back({std::move(name), begin, end, -1});
    }

    void link() {
        std::ranges::stable_sort(all_, [](Phase const& a, Phase const& b) {
            return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
        });
        for (int i = 1; i < static_cast<int>(all_.size()); ++i) {
            int outer = i - 1;
            while (outer >= 0 && at(outer).end < at(i).end) {
                outer = at(outer).outer;
            }
            at(i).outer = outer;
        }
    }
    struct Phase {
        std::string name;
        double begin, end;
        int outer;
    };
    /// Index of the innermost; -1 = none
    [[nodiscard]] int innermost(double time) const {
        auto const after = std::ranges::upper_bound(all_, time, {}, &Phase::begin);
        int index = static_cast<int>(after - all_.begin()) - 1;
        while (index >= 0 && all_[static_cast<std::size_t>(index)].end < time) {
            index = all_[static_cast<std::size_t>(index)].outer;
        }
        return index;
    }
    [[nodiscard]] Phase const& operator[](int index) const { return all_[static_cast<std::size_t>(index)]; }
    [[nodiscard]] std::size_t size() const { return all_.size(); }

  private:
    Phase& at(int index) { return all_[static_cast<std::size_t>(index)]; }
    std::vector<Phase> all_;
};

/// Calls of the framework's operations; those of a thread contain each other.
class OperationRuns {
  public:
    void add(int call, int thread, double begin, double end) {
        all_.push_back({begin, end, call, thread, -1});
    }
    void link() {
        std::vector<int> order(all_.size());
        std::iota(order.begin(), order.end(), 0);
        std::ranges::stable_sort(order, {},
                                 [&](int i) { return std::tuple{at(i).thread, at(i).begin, -at(i).end}; });
        for (std::size_t i = 1; i < order.size(); ++i) {
            int outer = order[i - 1];
            while (outer >= 0 && !contains(at(outer), at(order[i]))) {
                outer = at(outer).outer;
            }
            at(order[i]).outer = outer;
        }
    }
    struct Run {
        double begin, end;
        int call, thread;
        int outer; ///< -1 = none
    };
    [[nodiscard]] Run const& operator[](int index) const { return all_[static_cast<std::size_t>(index)]; }
    [[nodiscard]] std::size_t size() const { return all_.size(); }

  private:
    static bool contains(Run const& outer, Run const& inner) {
        constexpr double rounding = 0.5; // microseconds since 1970 in a double
        return outer.thread == inner.thread && outer.end > inner.begin && outer.end + rounding >= inner.end;
    }
    Run& at(int index) { return all_[static_cast<std::size_t>(index)]; }
    std::vector<Run> all_;
};

/// none where the number is no identifier
std::optional<std::int64_t> identifier(std::optional<double> number) {
    constexpr double most = 9e15; // whole numbers of a double
    return number && std::abs(*number) < most ? std::optional{static_cast<std::int64_t>(*number)}
                                              : std::nullopt;
}

/// What the first reading keeps.
class Launches {
  public:
    void take(io::JsonRecord const& event) {
        auto const category = event.text("cat");
        auto const begin = event.number("ts"), length = event.number("dur");
        if (!begin || !length) {
            return;
        }
        origin = origin == 0 ? *begin : origin;
        if (category == "user_annotation" || category == "python_function_annotation") {
            text_bytes += event.text("name").size();
            phases.add(std::string{event.text("name")}, *begin, *begin + *length);
        } else if (category == "cpu_op") {
            take_operation(event, *begin, *begin + *length);
        } else if (category.starts_with("cuda_") || category.starts_with("hip_") || category == "runtime" ||
                   category == "privateuse1_runtime") {
            if (auto const correlation = identifier(event.number("args.correlation"))) {
                launched_at.try_emplace(*correlation, *begin);
            }
        }
    }
    [[nodiscard]] std::size_t size() const { return launched_at.size() + runs.size() + phases.size(); }

    Phases phases;
    std::size_t text_bytes = 0;
    double origin = 0; ///< of the clock: microseconds since 1970 leave a double no nanoseconds
    std::unordered_map<std::int64_t, double> launched_at;
    std::unordered_map<std::int64_t, int> run_of; ///< by external id
    OperationRuns runs;
    std::vector<FrameworkCall> calls; ///< once for all alike

  private:
    void take_operation(io::JsonRecord const& event, double begin, double end) {
        auto const id = identifier(event.number("args.External id"));
        auto dims = event.text("args.Input Dims");
        dims = dims.empty() ? event.text("args.Input dims") : dims;
        if (!id) {
            return;
        }
        auto const name = event.text("name"), types = event.text("args.Input type");
        auto const [at, fresh] =
            known_.try_emplace(fmt::format("{}|{}|{}", name, dims, types), static_cast<int>(calls.size()));
        if (fresh) {
            text_bytes += 3 * (name.size() + dims.size() + types.size()); // as a key, and taken apart
            calls.push_back({std::string{name}, parse_shapes(dims), parse_type_list(types)});
        }
        run_of.insert_or_assign(*id, static_cast<int>(runs.size()));
        auto const thread = threads_.try_emplace(fmt::format("{}|{}", event.text("pid"), event.text("tid")),
                                                 static_cast<int>(threads_.size()));
        runs.add(at->second, thread.first->second, begin, end);
    }
    std::unordered_map<std::string, int> known_, threads_;
};

/// Which operation launched the kernel, and those around it.
void add_operations(TracedKernel& kernel, Launches const& launches, int innermost) {
    auto const& first = launches.runs[innermost];
    auto const& call = launches.calls[static_cast<std::size_t>(first.call)];
    kernel.launched_by = call.name;
    kernel.inputs = call.inputs;
    kernel.input_types = call.types;
    kernel.operation_run = innermost;
    for (int run = first.outer; run >= 0; run = launches.runs[run].outer) {
        kernel.within.push_back({&launches.calls[static_cast<std::size_t>(launches.runs[run].call)], run});
    }
}

TracedKernel traced_kernel(io::JsonRecord const& event, Launches const& launches, double begin,
                           double length) {
    TracedKernel out;
    out.name = event.text("name");
    out.time = Seconds{length * microsecond};
    out.start = (begin - launches.origin) * microsecond;
    double launched = begin;
    if (auto const correlation = identifier(event.number("args.correlation"))) {
        auto const at = launches.launched_at.find(*correlation);
        launched = at == launches.launched_at.end() ? begin : at->second;
    }
    out.launched = (launched - launches.origin) * microsecond;
    if (auto const id = identifier(event.number("args.External id"))) {
        auto const at = launches.run_of.find(*id);
        if (at != launches.run_of.end()) {
            add_operations(out, launches, at->second);
        }
    }
    if (auto const phase = launches.phases.innermost(launched); phase >= 0) {
        out.phase = launches.phases[phase].name;
        out.phase_run = phase;
    }
    return out;
}

} // namespace

void read_kineto_trace(std::string const& path, TakeKernel const& each) {
    refuse_pipe(path);
    Launches launches;
    io::read_json_array(path, "traceEvents", [&](io::JsonRecord const& event) {
        launches.take(event);
        bool const many = launches.size() > most_launches;
        if (many || launches.text_bytes > most_text_bytes) {
            throw InputError{
                Origin::whole_file(path),
                many ? fmt::format("has more than {} launches and annotations: too many to be held",
                                   most_launches)
                     : "has names and shapes of more than 2 GiB: too many to be held",
                "Profile fewer steps (torch.profiler.schedule(active=1))"};
        }
    });
    launches.phases.link();
    launches.runs.link();
    std::int64_t kernels = 0;
    io::read_json_array(path, "traceEvents", [&](io::JsonRecord const& event) {
        auto const begin = event.number("ts"), length = event.number("dur");
        if (is_device_work(event.text("cat")) && begin && length) {
            ++kernels;
            each(traced_kernel(event, launches, *begin, *length));
        }
    });
    if (kernels == 0) {
        throw InputError{Origin::whole_file(path), "holds no kernels",
                         "Profile with ProfilerActivity.CUDA (or XPU, PrivateUse1) and record_shapes=True"};
    }
}

} // namespace moesaic::timing
