#include "sweep/runner.hpp"

#include "base/errors.hpp"
#include "base/random.hpp"

namespace moesaic::sweep {

namespace {

constexpr std::chrono::seconds between_syncs{1};

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
        ledger_.read(parts_folder(options_.output), points_, executor_.hash, !options_.retry_failed,
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

/// The result of a point with this content, from this sweep or from the cache.
std::optional<PointResult> Runner::known(std::string const& hash, Source& source) {
    if (hash.empty()) {
        return std::nullopt;
    }
    source = Source::cached;
    if (auto const at = places_.find(stable_hash(hash)); at != places_.end()) {
        auto const found = read_journal_at(journal_.path(), at->second);
        if (found && found->hash == hash) {
            return found->result;
        }
    }
    if (auto cells = cache_.find(hash)) {
        return std::move(*cells);
    }
    return std::nullopt;
}

void Runner::take(std::int64_t index) {
    if (ledger_.has(index)) {
        return;
    }
    auto point = points_.at(index);
    auto hash = executor_.hash(point);
    auto source = Source::computed;
    if (auto result = known(hash, source)) {
        record({index, std::move(hash), std::move(*result)}, source);
        return;
    }
    if (auto const at = waiting_.find(hash); !hash.empty() && at != waiting_.end()) {
        at->second.push_back(index);
        return;
    }
    while (!pool_.has_room()) {
        attend(std::chrono::hours{1});
    }
    hashes_[index] = hash;
    waiting_[hash];
    pool_.start(std::move(point));
}

void Runner::finished(WorkerPool::Finished finished) {
    auto const index = finished.point.index;
    auto const hash = hashes_.extract(index).mapped();
    if (auto const* cells = std::get_if<std::vector<Cell>>(&finished.result)) {
        cache_.keep(hash, *cells);
    }
    record({index, hash, finished.result}, Source::computed);
    if (hash.empty()) {
        return;
    }
    auto const others = waiting_.extract(hash).mapped();
    for (auto const other : others) {
        record({other, hash, finished.result}, Source::cached);
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
        attend(std::chrono::milliseconds{200});
    }
    journal_.sync();
    if (!stop()) {
        cache_.trim();
    }
}

} // namespace moesaic::sweep
