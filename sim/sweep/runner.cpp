#include "sweep/runner.hpp"

#include "base/errors.hpp"
#include "base/random.hpp"

namespace moesaic::sweep {

namespace {

constexpr std::chrono::seconds between_syncs{1};
constexpr std::chrono::milliseconds between_questions{200}; ///< whether to stop

std::string journal_path(RunnerOptions const& options) {
    return parts_folder(options.output) + "/" + options.journal + ".journal";
}

} // namespace

Runner::Runner(Points const& points, Executor executor, RunnerOptions options, OnFinished on_finished)
    : points_{points}, executor_{std::move(executor)}, options_{std::move(options)},
      on_finished_{std::move(on_finished)}, cache_{options_.cache_folder, options_.cache_limit},
      journal_{journal_path(options_)}, pool_{executor_.run, options_.workers, options_.limits},
      last_sync_{std::chrono::steady_clock::now()} {
    if (options_.resume) {
        ledger_.read(parts_folder(options_.output), points_, executor_.content(), !options_.retry_failed,
                     [&](Record const& record) { on_finished_(record, Source::resumed); });
    }
}

void Runner::record(Record const& record, Source source) {
    auto const place = journal_.add(record);
    if (!record.hash.empty()) {
        places_[stable_hash(record.hash)] = place;
    }
    ledger_.enter(record);
    if (auto const now = std::chrono::steady_clock::now(); now - last_sync_ > between_syncs) {
        journal_.sync();
        last_sync_ = now;
    }
    on_finished_(record, source);
}

/// A point with this content, from this sweep or from the cache.
std::optional<Record> Runner::known(Point const& point, std::string const& hash) {
    if (hash.empty()) {
        return std::nullopt;
    }
    auto const stands = [&](std::string const& basis) {
        return !executor_.stands || executor_.stands(point, basis);
    };
    if (auto const at = places_.find(stable_hash(hash)); at != places_.end()) {
        auto found = read_journal_at(journal_.path(), at->second);
        if (found && found->hash == hash && stands(found->basis)) {
            return found;
        }
    }
    return cache_.find(hash, stands);
}

void Runner::take(std::int64_t index, std::function<bool()> const& stop) {
    if (ledger_.has(index)) {
        return;
    }
    auto point = points_.at(index);
    auto hash = executor_.hash(point);
    if (auto found = known(point, hash)) {
        found->point = index;
        record(*found, Source::cached);
        return;
    }
    if (auto const at = waiting_.find(hash); !hash.empty() && at != waiting_.end()) {
        at->second.push_back(index);
        return;
    }
    while (!pool_.has_room()) {
        if (stop()) {
            return;
        }
        attend(between_questions);
    }
    hashes_[index] = hash;
    waiting_[hash];
    if (executor_.prepare) {
        executor_.prepare(point);
    }
    pool_.start(std::move(point));
}

void Runner::finished(WorkerPool::Finished finished) {
    auto const index = finished.point.index;
    bool const failed = has_failed(finished.result);
    Record done{index, hashes_.extract(index).mapped(), std::move(finished.result), {}};
    if (executor_.basis) {
        done.basis = executor_.basis(finished.point,
                                     failed ? std::nullopt : std::optional{std::move(finished.consulted)});
    }
    if (!failed) {
        cache_.keep(done);
    }
    record(done, Source::computed);
    if (done.hash.empty()) {
        return;
    }
    auto const others = waiting_.extract(done.hash).mapped();
    for (auto const other : others) {
        done.point = other;
        record(done, Source::cached);
    }
}

bool Runner::attend(std::chrono::milliseconds patience) {
    if (auto done = pool_.wait(patience)) {
        finished(std::move(*done));
    }
    return !pool_.is_idle();
}

void Runner::finish(std::function<bool()> const& stop) {
    while (!pool_.is_idle() && !stop()) {
        attend(between_questions);
    }
    journal_.sync();
    if (!stop()) {
        cache_.trim();
    }
}

} // namespace moesaic::sweep
