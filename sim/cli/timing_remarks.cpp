#include "cli/timing_remarks.hpp"

#include "cli/command.hpp"
#include "hardware/catalogue.hpp"
#include "timing/store.hpp"

#include <fmt/format.h>

namespace moesaic::cli {

void tell_remarks(std::vector<timing::TableReport> const& reports) {
    for (auto const& report : reports) {
        for (auto const& remark : report.refused) {
            fmt::print(stderr, "warning: {}: {} row{} refused: {}\n", remark.first.text(), remark.rows,
                       remark.rows == 1 ? "" : "s", remark.text);
        }
        for (auto const& remark : report.noticed) {
            fmt::print(stderr, "note: {}: {} row{}: {}\n", remark.first.text(), remark.rows,
                       remark.rows == 1 ? "" : "s", remark.text);
        }
    }
}

void tell_remarks_on(std::vector<std::string> const& tables) {
    if (tables.empty()) {
        return;
    }
    timing::TimingStore store;
    store.read_catalogue(data_folder() + "/platforms");
    for (auto const& path : tables) {
        for (auto const& table : timing::tables_at(path)) {
            store.load(table);
        }
    }
    tell_remarks(store.reports());
}

} // namespace moesaic::cli
