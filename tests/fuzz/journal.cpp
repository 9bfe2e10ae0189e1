#include "fuzz_target.hpp"
#include "sweep/record.hpp"

/// A line of a sweep's journal, which a kill may have left half written, and the result of a point in it.
void moesaic::fuzz::take(std::string_view input) {
    (void)sweep::read_record(input);
    sweep::Record const record{1, "hash", sweep::result_of(input), "basis"};
    auto const read = sweep::read_record(sweep::line_of(record));
    expects(read && sweep::text_of(read->result) == sweep::text_of(record.result),
            "what was written is read as it was");
}
