#include "io/json_stream.hpp"

#include "base/errors.hpp"
#include "io/text_file.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moesaic::io {

std::string_view JsonRecord::text(std::string_view key) const {
    auto const at = std::ranges::find(fields_, key, &Field::key);
    return at == fields_.end() ? std::string_view{} : std::string_view{at->text};
}

std::optional<double> JsonRecord::number(std::string_view key) const {
    auto const at = std::ranges::find(fields_, key, &Field::key);
    return at != fields_.end() && at->is_number ? std::optional{at->number} : std::nullopt;
}

namespace {

using nlohmann::json;

/// Follows the parser. Depth 1 is the outermost value; the wanted array is at depth 1 or 2, its objects one below.
class Handler : public json::json_sax_t {
  public:
    Handler(std::string_view array, std::function<void(JsonRecord const&)> const& each)
        : array_{array}, each_{each} {}

    bool null() override { return value("null", 0, false); }
    bool boolean(bool b) override { return value(b ? "true" : "false", 0, false); }
    bool number_integer(number_integer_t n) override {
        return value(fmt::format("{}", n), static_cast<double>(n), true);
    }
    bool number_unsigned(number_unsigned_t n) override {
        return value(fmt::format("{}", n), static_cast<double>(n), true);
    }
    bool number_float(number_float_t n, string_t const& text) override { return value(text, n, true); }
    bool string(string_t& text) override {
        return value(captured_ > 0 ? json{text}.at(0).dump() : text, 0, false);
    }
    bool binary(binary_t&) override { return false; }
    bool key(string_t& text) override {
        key_ = text;
        if (captured_ > 0) {
            capture_comma();
            capture_ += json{text}.at(0).dump() + ':';
            after_key_ = true;
        }
        return true;
    }
    bool start_object(std::size_t) override { return open('{'); }
    bool end_object() override { return close('}'); }
    bool start_array(std::size_t) override { return open('['); }
    bool end_array() override { return close(']'); }
    bool parse_error(std::size_t position, std::string const&, json::exception const&) override {
        error_at_ = position;
        return false;
    }
    [[nodiscard]] std::optional<std::size_t> error_at() const { return error_at_; }
    [[nodiscard]] std::int64_t records() const { return records_; }
    [[nodiscard]] bool found() const { return found_; }

  private:
    bool value(std::string_view text, double number, bool is_number) {
        if (captured_ > 0) {
            capture_comma();
            capture_ += text;
            after_key_ = false;
        } else if (record_depth_ > 0) {
            add(text, number, is_number);
        }
        return true;
    }
    void add(std::string_view text, double number, bool is_number) {
        auto& fields = record_.fields();
        fields.push_back({prefix_ + key_, std::string{text}, number, is_number});
    }
    void capture_comma() {
        bool const first = capture_.back() == '[' || capture_.back() == '{';
        capture_ += first || after_key_ ? "" : ",";
    }
    bool open(char bracket) {
        ++depth_;
        if (captured_ > 0) {
            capture_comma();
            capture_ += bracket;
            after_key_ = false;
            ++captured_;
        } else if (record_depth_ > 0 && bracket == '[') {
            capture_.assign(1, bracket);
            capture_key_ = key_;
            captured_ = 1;
        } else if (record_depth_ > 0) {
            prefixes_.push_back(prefix_.size());
            prefix_ += key_ + '.';
        } else if (array_depth_ > 0 && depth_ == array_depth_ + 1 && bracket == '{') {
            record_depth_ = depth_;
            record_.fields().clear();
        } else if (array_depth_ == 0 && bracket == '[' && (depth_ == 1 || (depth_ == 2 && key_ == array_))) {
            array_depth_ = depth_;
            found_ = true;
        }
        return true;
    }
    bool close(char bracket) {
        if (captured_ > 0) {
            capture_ += bracket;
            if (--captured_ == 0) {
                key_ = capture_key_;
                add(capture_, 0, false);
            }
        } else if (depth_ == record_depth_) {
            record_depth_ = 0;
            ++records_;
            each_(record_);
        } else if (record_depth_ > 0) {
            prefix_.resize(prefixes_.back());
            prefixes_.pop_back();
        } else if (depth_ == array_depth_) {
            array_depth_ = 0;
        }
        --depth_;
        return true;
    }

    std::string_view array_;
    std::function<void(JsonRecord const&)> const& each_;
    JsonRecord record_;
    std::string key_, prefix_, capture_, capture_key_;
    std::vector<std::size_t> prefixes_;
    int depth_ = 0, array_depth_ = 0, record_depth_ = 0, captured_ = 0;
    bool after_key_ = false, found_ = false;
    std::int64_t records_ = 0;
    std::optional<std::size_t> error_at_;
};

} // namespace

void read_json_array(std::string const& path, std::string_view array,
                     std::function<void(JsonRecord const&)> const& each) {
    auto in = open_file(path);
    Handler handler{array, each};
    json::sax_parse(in, &handler, json::input_format_t::json, true);
    if (auto const at = handler.error_at()) {
        throw InputError{
            Origin::whole_file(path),
            fmt::format("is cut off or no JSON: it stops making sense at byte {}, after {} entries of \"{}\"",
                        *at, handler.records(), array)};
    }
    if (!handler.found()) {
        throw InputError{Origin::whole_file(path), fmt::format("has no array \"{}\"", array)};
    }
}

} // namespace moesaic::io
