#include "cli/sweep_progress.hpp"

#include "base/errors.hpp"
#include "base/nearest_names.hpp"
#include "base/overloaded.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

namespace moesaic::cli {

namespace {

std::string duration_text(double seconds) {
    auto const whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 60) {
        return fmt::format("{} s", whole);
    }
    return whole < 3600 ? fmt::format("{} min {:02} s", whole / 60, whole % 60)
                        : fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

} // namespace

ProgressKind progress_kind(bool quiet, std::string const& asked) {
    if (quiet) {
        return ProgressKind::none;
    }
    if (asked == "json") {
        return ProgressKind::json;
    }
    return ::isatty(STDERR_FILENO) != 0 ? ProgressKind::bar : ProgressKind::lines;
}

std::size_t find_goal(sweep::Sweep const& sweep, std::vector<sweep::Column> const& metrics) {
    auto const at = std::ranges::find(metrics, sweep.goal.metric, &sweep::Column::name);
    if (at == metrics.end() || at->kind == sweep::CellKind::text) {
        std::vector<std::string> known;
        for (auto const& column : metrics) {
            if (column.kind != sweep::CellKind::text) {
                known.push_back(column.name);
            }
        }
        throw InputError{sweep.goal_origin, fmt::format("\"{}\" is no metric", sweep.goal.metric),
                         suggestion(sweep.goal.metric, known)};
    }
    return static_cast<std::size_t>(at - metrics.begin());
}

std::string cell_text(sweep::Cell const& cell) {
    return std::visit(overloaded{[](std::monostate) { return std::string{}; },
                                 [](std::int64_t value) { return fmt::format("{}", value); },
                                 [](double value) { return fmt::format("{:.6g}", value); },
                                 [](std::string const& value) { return value; }},
                      cell);
}

std::string axes_text(sweep::Points const& points, std::int64_t index) {
    std::string out;
    auto const point = points.at(index);
    std::size_t i = 0;
    for (auto const& axis : points.sweep().axes) {
        std::size_t const told =
            axis.labels.empty() ? axis.paths.size() : 1; // a label stands for what it sets
        for (std::size_t k = 0; k < told; ++k) {
            auto const& column = points.columns()[i + k];
            if (auto const value = cell_text(point.cells[i + k]); !value.empty()) {
                bool const unit = column.kind != sweep::CellKind::text && column.unit != "1";
                out += fmt::format("{}{} {}{}{}", out.empty() ? "" : ", ", column.name, value,
                                   unit ? " " : "", unit ? column.unit : "");
            }
        }
        i += axis.paths.size() + (axis.labels.empty() ? 0 : 1);
    }
    return out.empty() ? "the base scenario" : out;
}

SweepProgress::SweepProgress(sweep::Points const& points, std::size_t goal, std::int64_t total,
                             ProgressKind kind)
    : points_{points}, kind_{kind}, goal_{goal} {
    counts_.total = total;
}

void SweepProgress::add(sweep::Record const& record, sweep::Source source) {
    counts_.cached += source == sweep::Source::cached ? 1 : 0;
    counts_.resumed += source == sweep::Source::resumed ? 1 : 0;
    if (auto const* failure = std::get_if<sweep::Failure>(&record.result)) {
        ++counts_.failed;
        failures_.add(record.point, *failure);
        return;
    }
    ++counts_.ok;
    auto const& cell = std::get<std::vector<sweep::Cell>>(record.result).at(goal_);
    auto const* value = std::get_if<double>(&cell);
    if (!value) {
        ++counts_.without_goal;
        return;
    }
    bool const lowest = points_.sweep().goal.lowest;
    bool const better = !best_ || (lowest ? *value < best_->value : *value > best_->value);
    // ties go to the first point, whatever the order in which they finish
    if (better || (best_ && *value == best_->value && record.point < best_->point)) {
        best_ = Best{*value, record.point};
    }
}

double SweepProgress::elapsed_s() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
}

double SweepProgress::points_per_minute() const {
    return 60.0 * static_cast<double>(counts_.done() - counts_.resumed) / std::max(elapsed_s(), 1e-9);
}

std::string SweepProgress::best_text() const {
    return best_ ? fmt::format("{} {:.6g} at {}", points_.sweep().goal.metric, best_->value,
                               axes_text(points_, best_->point))
                 : "";
}

std::string SweepProgress::line() const {
    auto const rate = points_per_minute();
    auto out = fmt::format("{}/{} points", counts_.done(), counts_.total);
    if (counts_.failed > 0) {
        out += fmt::format(", {} failed", counts_.failed);
    }
    if (rate > 0 && elapsed_s() > 1) {
        auto const left = static_cast<double>(counts_.total - counts_.done());
        out += fmt::format(", {:.0f}/min, {} left", rate, duration_text(60.0 * left / rate));
    }
    auto const best = best_text();
    return best.empty() ? out : fmt::format("{}, best {}", out, best);
}

std::string SweepProgress::json() const {
    auto const rate = points_per_minute();
    auto const left = static_cast<double>(counts_.total - counts_.done());
    auto out = fmt::format("{{\"points\": {}, \"done\": {}, \"failed\": {}, \"cached\": {}, \"resumed\": {}, "
                           "\"points_per_minute\": {:.1f}, \"elapsed_s\": {:.1f}",
                           counts_.total, counts_.done(), counts_.failed, counts_.cached, counts_.resumed,
                           rate, elapsed_s());
    out +=
        rate > 0 ? fmt::format(", \"time_left_s\": {:.1f}", 60.0 * left / rate) : ", \"time_left_s\": null";
    out += best_ ? fmt::format(", \"best\": {{\"metric\": \"{}\", \"value\": {}, \"point\": {}}}}}",
                               points_.sweep().goal.metric, best_->value, best_->point)
                 : ", \"best\": null}";
    return out;
}

void SweepProgress::print() const {
    constexpr int width = 20;
    if (kind_ == ProgressKind::json) {
        fmt::print(stderr, "{}\n", json());
    } else if (kind_ == ProgressKind::lines) {
        fmt::print(stderr, "{}\n", line());
    } else if (kind_ == ProgressKind::bar) {
        auto const full =
            counts_.total > 0 ? static_cast<int>(width * counts_.done() / counts_.total) : width;
        constexpr std::size_t screen = 150; // longer lines would wrap and pile up
        fmt::print(stderr, "\r\x1b[K[{:=<{}}{: <{}}] {}", "", full, "", width - full,
                   line().substr(0, screen));
    }
    std::fflush(stderr);
}

void SweepProgress::show() {
    auto const pause = kind_ == ProgressKind::bar    ? std::chrono::milliseconds{200}
                       : kind_ == ProgressKind::json ? std::chrono::milliseconds{1000}
                                                     : std::chrono::milliseconds{10'000};
    if (kind_ != ProgressKind::none && Clock::now() - shown_ >= pause) {
        print();
        shown_ = Clock::now();
    }
}

void SweepProgress::end() {
    if (kind_ == ProgressKind::none) {
        return;
    }
    print();
    if (kind_ == ProgressKind::bar) {
        fmt::print(stderr, "\n");
    }
}

} // namespace moesaic::cli
