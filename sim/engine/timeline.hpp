#pragma once
#include "base/units.hpp"
#include "parallel/program.hpp"
#include "timing/evidence.hpp"

#include <array>
#include <map>
#include <string>
#include <vector>

namespace moesaic::engine {

/// A stretch of the critical path or of a class's time that one cause explains.
struct Share {
    std::string label; ///< "gemm qkv", "all_to_all dispatch", "pipeline wait"
    Seconds time;
};

/// One operation as it ran. Kept only when asked for.
struct Event {
    int rank_class = 0; ///< of a message: the receiver's
    ChipIndex rank;     ///< that stands for those simulated with it
    parallel::Stream stream = parallel::Stream::compute;
    int block = 0;
    int op = 0; ///< index in the block; -1 for a message
    int micro_batch = 0;
    Seconds start;
    Seconds end;
};

/// How the time of one rank class splits; the parts add up to the step time.
struct ClassTime {
    Seconds compute;
    std::array<Seconds, parallel::streams>
        exposed;    ///< waiting for a communication of this stream, nothing computing
    Seconds bubble; ///< waiting for other ranks to get there, or for the end of the step
    Seconds begin;  ///< of its first kernel
    Seconds end;    ///< of the last that it did
};

/// The timings behind one key ("gemm bf16") on the critical path.
struct PathKey {
    std::string key;
    Seconds time;
    double time_weighted_sigma = 0.0; ///< sum of time x sigma in seconds: errors of one key add up
    timing::Evidence evidence = timing::Evidence::analytic;
};

/// Bytes that go over a link while a transfer is under way.
struct LinkStretch {
    Seconds start;
    Seconds end;
    Bytes bytes;
};

/// What one link carries in a step, one way; it stands for all links with the same traffic.
struct LinkLoad {
    std::string name;
    BytesPerSecond bandwidth;
    std::size_t chips = 1; ///< behind it
    Bytes bytes;
    std::vector<LinkStretch> stretches; ///< in the order of their start; empty unless events are kept
};

struct Timeline {
    Seconds step;
    /// Where the ranks of a class were told apart: those with the least bubble, for which the others wait.
    std::vector<ClassTime> classes;
    /// Of the critical path, by evidence; adds up to the step time.
    std::array<Seconds, timing::evidence_levels> path_by_evidence;
    std::vector<Share> path;        ///< longest first; adds up to the step time
    std::vector<PathKey> path_keys; ///< for the uncertainty
    std::map<Dtype, Seconds>
        path_stretched;          ///< of the path, kernels that constants stretch, by their number format
    std::vector<LinkLoad> links; ///< that carry anything; in the order of their ids
    std::vector<Event> events;   ///< empty unless asked for
    std::vector<Seconds> path_by_class; ///< operations and messages received; adds up to the step time
    std::int64_t cells = 0;             ///< sets of ranks that could not be told apart, simulated once each
    std::int64_t activities = 0;        ///< computes and flows that ended
};

} // namespace moesaic::engine
