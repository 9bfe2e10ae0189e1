#include "fuzz_target.hpp"
#include "sweep/record.hpp"

/// A line of a sweep's journal, which a kill may have left half written. What is read is written as it stood.
void moesaic::fuzz::take(std::string_view input) {
    if (auto const record = sweep::read_record(input)) {
        expects(sweep::line_of(*record) == input, "a record that was read is written as it stood");
    }
    auto const result = sweep::result_of(input);
    expects(sweep::text_of(sweep::result_of(sweep::text_of(result))) == sweep::text_of(result),
            "a result that was read is written the same each time");
}
