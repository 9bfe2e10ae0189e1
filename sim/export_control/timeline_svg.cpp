#include "export_control/timeline.hpp"

#include <fmt/format.h>

namespace moesaic::export_control {

namespace {

constexpr int row_height = 18, left = 170, width = 900, top = 40, right = 20, legend_height = 44,
              line_height = 14;

/// Told apart with colour-blind eyes too, light to dark with strictness; the letters in the bars say the same.
std::string_view colour_of(std::optional<Outcome> outcome) {
    if (!outcome) {
        return "#bdbdbd";
    }
    switch (*outcome) {
    case Outcome::allowed:
        return "#d9f0d3";
    case Outcome::warned:
        return "#a6dba0";
    case Outcome::exception:
        return "#c7e5f4";
    case Outcome::notified:
        return "#92c5de";
    case Outcome::licensed:
        return "#fee8a8";
    case Outcome::licence_required:
        return "#fdc367";
    case Outcome::case_by_case:
        return "#f9a35b";
    case Outcome::presumption_of_denial:
        return "#d6604d";
    case Outcome::prohibited:
        return "#8c1c2c";
    }
    return "#ffffff";
}

std::string_view letters_of(std::optional<Outcome> outcome) {
    return outcome ? short_name_of(*outcome) : std::string_view{"?"};
}

std::string_view ink_on(std::optional<Outcome> outcome) {
    return outcome && *outcome >= Outcome::presumption_of_denial ? "#ffffff" : "#222222";
}

std::string escaped(std::string_view text) {
    std::string out;
    for (char const c : text) {
        if (c == '<') {
            out += "&lt;";
        } else if (c == '>') {
            out += "&gt;";
        } else if (c == '&') {
            out += "&amp;";
        } else if (c == '"') {
            out += "&quot;";
        } else {
            out += c;
        }
    }
    return out;
}

/// Days to pixels: from half a year before the first change to half a year after the last.
struct Axis {
    Date begin;
    Date end;
    [[nodiscard]] double at(Date date) const {
        auto const share =
            static_cast<double>((date - begin).count()) / static_cast<double>((end - begin).count());
        return left + share * width;
    }
};

Axis axis_of(Timeline const& timeline) {
    constexpr std::chrono::days margin{182};
    return {timeline.changes.front().from - margin, timeline.changes.back().from + margin};
}

std::string bar(double from, double to, int y, Verdict const& verdict) {
    auto const outcome = verdict.outcome;
    auto out =
        fmt::format("<g><title>{}: {}{}</title><rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" "
                    "fill=\"{}\" stroke=\"#ffffff\"/>",
                    escaped(verdict.chip), outcome_name(outcome),
                    verdict.rule.empty() ? "" : fmt::format(" ({})", escaped(verdict.rule)), from, y,
                    to - from, row_height - 2, colour_of(outcome));
    constexpr double letter_width = 6.0;
    if (to - from > letter_width * static_cast<double>(letters_of(outcome).size())) {
        out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\" fill=\"{}\">{}</text>",
                           (from + to) / 2, y + row_height - 6, ink_on(outcome), letters_of(outcome));
    }
    return out + "</g>\n";
}

/// Neighbours of one outcome become one bar.
std::string row_svg(Timeline const& timeline, Timeline::Row const& row, Axis const& axis, int y) {
    auto out = fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", left - 6,
                           y + row_height - 6, escaped(row.chip));
    auto const begin_of = [&](std::size_t i) { return i == 0 ? axis.begin : timeline.changes[i - 1].from; };
    for (std::size_t i = 0; i < row.verdicts.size();) {
        auto next = i + 1;
        while (next < row.verdicts.size() && row.verdicts[next].outcome == row.verdicts[i].outcome) {
            ++next;
        }
        auto const end = next == row.verdicts.size() ? axis.end : begin_of(next);
        out += bar(axis.at(begin_of(i)), axis.at(end), y, row.verdicts[i]);
        i = next;
    }
    return out;
}

std::string years_svg(Axis const& axis, int bottom) {
    std::string out;
    for (auto year = std::chrono::year_month_day{axis.begin}.year() + std::chrono::years{1};
         std::chrono::sys_days{year / 1 / 1} < axis.end; ++year) {
        auto const x = axis.at(std::chrono::sys_days{year / 1 / 1});
        out += fmt::format(
            "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" stroke=\"#999999\" "
            "stroke-dasharray=\"2 3\"/><text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
            x, top - 4, bottom, top - 8, static_cast<int>(year));
    }
    return out;
}

std::string legend_svg(int y) {
    std::string out;
    double x = 10;
    auto const entry = [&](std::optional<Outcome> outcome) {
        out +=
            fmt::format("<rect x=\"{0:.0f}\" y=\"{1}\" width=\"12\" height=\"12\" fill=\"{2}\"/>"
                        "<text x=\"{3:.0f}\" y=\"{4}\">{5} = {6}</text>\n",
                        x, y, colour_of(outcome), x + 16, y + 10, letters_of(outcome), outcome_name(outcome));
        x += 215;
        if (x > left + width - 200) {
            x = 10;
            y += 16;
        }
    };
    for (auto const& name : outcome_names()) {
        entry(find_outcome(name));
    }
    entry(std::nullopt);
    return out;
}

/// What makes the picture one of another world; nothing for the published one.
std::string assumptions_svg(std::vector<std::string> const& assumptions, int y) {
    std::string out;
    for (std::size_t i = 0; i < assumptions.size(); ++i) {
        out += fmt::format("<text x=\"10\" y=\"{}\" font-size=\"11\" fill=\"#8c1c2c\">{}{}</text>\n",
                           y + static_cast<int>(i) * line_height, i == 0 ? "A hypothetical world: " : "",
                           escaped(assumptions[i]));
    }
    return out;
}

} // namespace

std::string timeline_svg(Timeline const& timeline, std::string const& title,
                         std::vector<std::string> const& assumptions) {
    expects(!timeline.changes.empty(), "the timeline has a change");
    auto const axis = axis_of(timeline);
    auto const bottom = top + row_height * static_cast<int>(timeline.rows.size());
    auto out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
        "{1}\" font-family=\"sans-serif\" font-size=\"10\">\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        "<text x=\"10\" y=\"16\" font-size=\"13\">{2}</text>\n",
        left + width + right,
        bottom + legend_height + 16 + line_height * static_cast<int>(assumptions.size()), escaped(title));
    int y = top;
    for (auto const& row : timeline.rows) {
        out += row_svg(timeline, row, axis, y);
        y += row_height;
    }
    return out + years_svg(axis, bottom) + legend_svg(bottom + 12) +
           assumptions_svg(assumptions, bottom + legend_height + 12) + "</svg>\n";
}

} // namespace moesaic::export_control
