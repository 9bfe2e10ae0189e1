#include "sweep/ledger.hpp"

#include "base/random.hpp"
#include "sweep/journal.hpp"

namespace moesaic::sweep {

void Ledger::read(std::string const& folder, Points const& points, Content const& content, bool keep_failures,
                  std::function<void(Record const&)> const& on_entered) {
    for (auto const& path : journals_in(folder)) {
        read_journal(path, [&](Record&& record, std::int64_t) {
            bool const wanted = keep_failures || !has_failed(record.result);
            bool const ours = record.point >= 0 && record.point < points.size();
            if (!ours || !wanted || has(record.point) ||
                !content.is_of(points.at(record.point), record.hash, record.basis)) {
                return;
            }
            enter(record);
            if (on_entered) {
                on_entered(record);
            }
        });
    }
}

namespace {

std::uint64_t mark_of(Record const& record) { return stable_hash(record.hash + '\t' + record.basis); }

} // namespace

void Ledger::enter(Record const& record) { entries_[record.point] = mark_of(record); }

bool Ledger::stands(Record const& record) const {
    auto const at = entries_.find(record.point);
    return at != entries_.end() && at->second == mark_of(record);
}

} // namespace moesaic::sweep
