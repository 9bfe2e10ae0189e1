#pragma once
#include "sweep/cache.hpp"
#include "sweep/journal.hpp"
#include "sweep/ledger.hpp"
#include "sweep/points.hpp"
#include "sweep/worker_pool.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace moesaic::sweep {

/// What a point is run with. Knows the scenario; the sweep does not.
struct Executor {
    RunPoint run;
    HashOfPoint hash;
    StillStands stands; ///< of the basis of an earlier record; empty = any does
    /// Of a record, from what its point consulted; none where the point failed. Empty = no basis but the hash.
    std::function<std::string(Point const&, std::optional<std::string> const& consulted)> basis;
    /// In this process, before a point that is not known runs in its own: loads what the points after it use as well. May be empty.
    std::function<void(Point const&)> prepare;
    [[nodiscard]] Content content() const { return {hash, stands}; }
};

/// How a finished point was come by.
enum class Source { computed, cached, resumed };

struct RunnerOptions {
    std::string output;          ///< the result file; its journals lie beside it
    std::string journal = "all"; ///< name of the journal that this process writes
    int workers = 1;
    PointLimits limits;
    std::string cache_folder; ///< empty = no cache
    Bytes cache_limit{1e9};
    bool retry_failed = false; ///< failures of an earlier start are run again
    bool resume = true;        ///< false: whoever hands out the points knows which are finished
};

/// Takes points, finds what is known of them, runs the rest and writes everything into the journal.
class Runner {
  public:
    using OnFinished = std::function<void(Record const&, Source)>;

    /// Reads what earlier starts finished. @throws InputError where the journal cannot be written
    Runner(Points const& points, Executor executor, RunnerOptions options, OnFinished on_finished);

    /// Starts the point, or answers it at once; waits for a worker to become free. Points may come in any order.
    /// @param stop asked now and then while waiting; true leaves the point out
    void take(std::int64_t index, std::function<bool()> const& stop);
    /// Lets finished workers report for so long at most. @return whether any is still at work
    bool attend(std::chrono::milliseconds patience);
    /// Waits for all. @param stop asked now and then; true ends it at once
    void finish(std::function<bool()> const& stop);

    [[nodiscard]] Ledger const& ledger() const { return ledger_; }

  private:
    void record(Record const& record, Source source);
    void finished(WorkerPool::Finished finished);
    [[nodiscard]] std::optional<Record> known(Point const& point, std::string const& hash);
    Points const& points_;
    Executor executor_;
    RunnerOptions options_;
    OnFinished on_finished_;
    Cache cache_;
    Journal journal_;
    WorkerPool pool_;
    Ledger ledger_;
    std::unordered_map<std::uint64_t, std::int64_t>
        places_;                                 ///< hash of a content hash -> place in the journal
    std::map<std::int64_t, std::string> hashes_; ///< of the points at work
    std::map<std::string, std::vector<std::int64_t>> waiting_; ///< points with the content of one at work
    std::chrono::steady_clock::time_point last_sync_;
};

} // namespace moesaic::sweep
