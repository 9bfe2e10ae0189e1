#include "io/csv.hpp"

#include "base/nearest_names.hpp"
#include "io/text_file.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <fmt/format.h>

namespace moesaic::io {

namespace {

/// Splits one record off the front of `rest`; quoted fields that hold "" are rebuilt in `unescaped`.
class Splitter {
  public:
    Splitter(std::string_view content, std::string const& name, int first_line)
        : rest_{content}, name_{name}, next_line_{first_line} {}

    [[nodiscard]] bool next() {
        while (!rest_.empty()) {
            line_ = next_line_;
            unescaped_.clear();
            fields_.clear();
            bool const comment = rest_.front() == '#';
            read_record();
            if (!comment && !(fields_.size() == 1 && fields_[0].empty())) {
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] std::vector<std::string_view> const& fields() const { return fields_; }
    [[nodiscard]] int line() const { return line_; }

  private:
    /// Binary files and files with holes hold zero bytes, and lines that never end.
    void read_record() {
        auto const whole = rest_;
        for (;;) {
            fields_.push_back(rest_.starts_with('"') ? quoted() : plain());
            auto const length = whole.size() - rest_.size();
            if (length > most_line_bytes) {
                fail_too_long();
            }
            if (rest_.starts_with(',')) {
                rest_.remove_prefix(1);
                continue;
            }
            if (std::memchr(whole.data(), '\0', length) != nullptr) {
                throw InputError{Origin{name_, line_, 0, {}}, "holds a zero byte: it is no text",
                                 "Was it written to its end?"};
            }
            end_of_line();
            return;
        }
    }
    [[noreturn]] void fail_too_long() const {
        throw InputError{Origin{name_, line_, 0, {}}, "a line is longer than 1 MiB: it is no table",
                         "Was it written to its end?"};
    }
    /// Looks no further than a line may be long.
    [[nodiscard]] std::size_t find(std::string_view any) const {
        auto const at = rest_.substr(0, most_line_bytes + 1).find_first_of(any);
        if (at == std::string_view::npos && rest_.size() > most_line_bytes) {
            fail_too_long();
        }
        return at;
    }
    std::string_view plain() {
        auto const end = std::min(find(",\r\n"), rest_.size());
        auto const field = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return field;
    }
    std::string_view quoted() {
        auto& text = unescaped_.emplace_back();
        rest_.remove_prefix(1);
        for (;;) {
            auto const quote = find("\"");
            if (quote == std::string_view::npos) {
                throw InputError{Origin{name_, line_, 0, {}}, "a quoted field is not closed"};
            }
            auto const part = rest_.substr(0, quote);
            next_line_ += static_cast<int>(std::ranges::count(part, '\n'));
            text += part;
            rest_.remove_prefix(quote + 1);
            if (!rest_.starts_with('"')) {
                return text;
            }
            text += '"';
            rest_.remove_prefix(1);
        }
    }
    void end_of_line() {
        if (rest_.starts_with('\r')) {
            rest_.remove_prefix(1);
        }
        if (rest_.starts_with('\n')) {
            rest_.remove_prefix(1);
            ++next_line_;
        } else if (!rest_.empty()) {
            throw InputError{Origin{name_, line_, 0, {}}, "text follows a closing quote"};
        }
    }

    std::string_view rest_;
    std::string const& name_;
    std::vector<std::string_view> fields_;
    std::deque<std::string> unescaped_;
    int line_ = 0;
    int next_line_;
};

std::vector<std::size_t> find_columns(Splitter const& header, std::string const& name,
                                      std::vector<std::string> const& wanted) {
    std::vector<std::string> const have(header.fields().begin(), header.fields().end());
    std::vector<std::size_t> out;
    for (auto const& column : wanted) {
        auto const at = std::ranges::find(have, column);
        if (at == have.end()) {
            throw InputError{Origin{name, header.line(), 0, column}, "this column is missing",
                             suggestion(column, have)};
        }
        out.push_back(static_cast<std::size_t>(at - have.begin()));
    }
    return out;
}

} // namespace

void parse_csv(std::string_view content, std::string const& name, std::vector<std::string> const& wanted,
               std::function<void(CsvRow const&)> const& each, int first_line) {
    Splitter splitter{content, name, first_line};
    if (!splitter.next()) {
        throw InputError{Origin::whole_file(name), "is empty; a CSV file starts with a row of column names"};
    }
    auto const columns = find_columns(splitter, name, wanted);
    auto const width = splitter.fields().size();
    std::vector<std::string_view> picked(columns.size());
    while (splitter.next()) {
        auto const& fields = splitter.fields();
        if (fields.size() != width) {
            throw InputError{Origin{name, splitter.line(), 0, {}},
                             fmt::format("has {} fields, but the header has {}", fields.size(), width)};
        }
        std::ranges::transform(columns, picked.begin(), [&](std::size_t c) { return fields[c]; });
        each({picked, splitter.line()});
    }
}

void read_csv(std::string const& path, std::vector<std::string> const& wanted,
              std::function<void(CsvRow const&)> const& each) {
    parse_csv(read_text_file(path), path, wanted, each);
}

std::string csv_field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos && !text.starts_with('#')) {
        return std::string{text};
    }
    std::string out = "\"";
    for (char const c : text) {
        out += c;
        if (c == '"') {
            out += '"';
        }
    }
    return out + '"';
}

std::string csv_line(std::span<std::string const> fields) {
    std::string out;
    for (auto const& field : fields) {
        out += (&field == fields.data() ? "" : ",") + csv_field(field);
    }
    return out + '\n';
}

} // namespace moesaic::io
