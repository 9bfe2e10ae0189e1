#include "timing/timing_table.hpp"

#include "base/overloaded.hpp"
#include "io/csv.hpp"
#include "io/hdf5.hpp"
#include "io/text_file.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <unordered_map>

namespace moesaic::timing {

namespace {

enum Column { chip, op, dtype, m, n, k, batch, extra, time_us, source, licence, measurements, spread };
constexpr std::size_t columns_of_rows = 11;
std::vector<std::string> columns(bool is_grid) {
    std::vector<std::string> names{"chip",    "op",           "dtype", "m",       "n",
                                   "k",       "batch",        "extra", "time_us", "source",
                                   "licence", "measurements", "spread"};
    names.resize(is_grid ? names.size() : columns_of_rows);
    return names;
}

/// Whether the header, the first line that is no comment, has the columns of a condensed grid.
bool is_grid(std::string_view content) {
    while (content.starts_with('#')) {
        content.remove_prefix(std::min(content.find('\n'), content.size() - 1) + 1);
    }
    auto const length = std::min(content.find('\n'), io::most_line_bytes);
    return content.substr(0, length).find(",measurements,") != std::string_view::npos;
}

/// The first key of "cold=weights;…" that is none of those that tables use; empty = all are.
std::string_view unknown_key(std::string_view variant) {
    constexpr std::string_view known[] = {"cold",  "dist", "bshuf", "quant", "what",  "act",
                                          "ctx",   "det",  "out",   "model", "extra", "par",
                                          "heads", "gpus", "dp",    "tp",    "pp",    "mbs"};
    while (!variant.empty()) {
        auto const item = variant.substr(0, variant.find(';'));
        auto const key = item.substr(0, item.find('='));
        if (std::ranges::find(known, key) == std::end(known)) {
            return key;
        }
        variant.remove_prefix(std::min(item.size() + 1, variant.size()));
    }
    return {};
}

double parse_spread(std::string_view text, Origin const& origin) {
    double value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value < 10)) {
        throw InputError{origin, fmt::format("\"{}\" is no spread of a logarithm", text)};
    }
    return value;
}

std::int64_t parse_size(std::string_view text, Origin const& origin) {
    std::int64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) {
        throw InputError{origin, fmt::format("\"{}\" is no size", text), "Write a whole number of 0 or more"};
    }
    return value;
}

Seconds parse_time(std::string_view text, Origin const& origin) {
    double value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        throw InputError{origin, fmt::format("\"{}\" is no time in microseconds", text)};
    }
    if (!std::isfinite(value) || value <= 0) {
        throw InputError{origin, fmt::format("a time of {} us cannot be", text),
                         "Take the row out, or measure it again"};
    }
    return Seconds{value * 1e-6};
}

constexpr Seconds longest_call{86400};

/// Formats of the tables: those that training computes in, narrow weights beside wider inputs ("w4", "w8a16_fp8"), and
/// what a source does not state.
bool is_format(std::string_view dtype) {
    return find_dtype(dtype) || dtype.starts_with("w4") || dtype.starts_with("w8") || dtype == "unspecified";
}

/// An option that is stated as 0; not stated is 0 in Options as well.
bool states_zero(std::string_view extra, std::string_view key) {
    auto const text = fmt::format(";{};", extra);
    return text.find(fmt::format(";{}=0;", key)) != std::string::npos;
}

bool all_sizes(Kernel const& kernel) {
    return kernel.m > 0 && kernel.n > 0 && kernel.k > 0 && kernel.batch > 0;
}

std::string_view moe_problem(Kernel const& kernel, std::string_view extra) {
    auto const& o = kernel.options;
    if (o.topk <= 0 || o.experts <= 0) {
        return "moe_ffn without topk= or experts= in extra";
    }
    if (o.topk > o.experts) {
        return "moe_ffn with topk= above experts=";
    }
    if (states_zero(extra, "ep")) {
        return "moe_ffn with ep= below 1";
    }
    return all_sizes(kernel) ? "" : "moe_ffn with a size of 0";
}

std::string_view attention_problem(Kernel const& kernel, bool of_grid) {
    auto const& o = kernel.options;
    if (o.heads <= 0) {
        return "attention without h= in extra";
    }
    // a grid's row stands for many, with the mean of their heads
    if (!of_grid && o.kv_heads > 0 && o.heads % o.kv_heads != 0) {
        return "attention with h= that is no multiple of hkv=";
    }
    return all_sizes(kernel) ? "" : "attention with a size of 0";
}

/// n is not looked at: there are no keys apart from the positions.
std::string_view linear_problem(Kernel const& kernel, bool of_grid) {
    auto const& o = kernel.options;
    if (o.heads <= 0) {
        return "linear attention without h= in extra";
    }
    if (o.window > 0) {
        return "linear attention with window= in extra";
    }
    if (!of_grid && o.kv_heads > 0 && o.heads % o.kv_heads != 0) {
        return "linear attention with h= that is no multiple of hkv=";
    }
    return kernel.m > 0 && kernel.k > 0 && kernel.batch > 0 ? "" : "linear attention with a size of 0";
}

/// Of ranks that exchange something: every node holds as many.
std::string_view spread_problem(Kernel const& kernel) {
    auto const nodes = kernel.options.nodes;
    if (nodes < 1) {
        return "nodes= below 1";
    }
    if (nodes > kernel.batch) {
        return "more nodes than ranks";
    }
    return kernel.batch % nodes == 0 ? "" : "ranks that do not spread evenly over the nodes";
}

/// What is wrong with the shape; empty if nothing.
std::string_view shape_problem(Kernel const& kernel, std::string_view extra, bool of_grid) {
    switch (table_op(kernel.op).family) {
    case Family::product:
        return all_sizes(kernel) ? "" : "a product with a size of 0";
    case Family::moe_ffn:
        return moe_problem(kernel, extra);
    case Family::attention:
        return attention_problem(kernel, of_grid);
    case Family::linear:
        return linear_problem(kernel, of_grid);
    case Family::memory_bound:
        return kernel.m > 0 ? "" : "an operation over 0 rows";
    case Family::collective:
        return kernel.m > 0 && kernel.batch > 1 ? spread_problem(kernel)
                                                : "a collective of 0 bytes or fewer than 2 ranks";
    case Family::exchange:
        return kernel.m > 0 && kernel.n > 0 && kernel.batch > 1 ? spread_problem(kernel)
                                                                : "an exchange without tokens or ranks";
    case Family::whole_model:
        break;
    }
    return "";
}

/// What says the same as another row, or as an operation of a model, is written the same: no n, heads of keys also where there are as many, and no size of values that is that of keys.
void as_asked_for(Kernel& kernel) {
    if (table_op(kernel.op).family == Family::linear) {
        kernel.n = 0;
        kernel.options.kv_heads =
            kernel.options.kv_heads == 0 ? kernel.options.heads : kernel.options.kv_heads;
        kernel.options.v_dim = kernel.options.v_dim == kernel.k ? 0 : kernel.options.v_dim;
    }
}

class Reader {
  public:
    Reader(std::string const& name, bool grid, std::function<void(Measurement const&)> const& each)
        : each_{each}, names_{columns(grid)}, above_(names_.size()) {
        report_.file = name;
    }

    void take(io::CsvRow const& row) {
        now_.line = row.line;
        auto const at = [&](Column column) {
            return Origin{report_.file, row.line, 0, names_[static_cast<std::size_t>(column)]};
        };
        auto const field = [&](Column column) { return filled(row, static_cast<std::size_t>(column)); };
        now_.time = parse_time(field(time_us), at(time_us));
        auto& kernel = now_.kernel;
        kernel.m = parse_size(field(m), at(m));
        kernel.n = parse_size(field(n), at(n));
        kernel.k = parse_size(field(k), at(k));
        kernel.batch = parse_size(field(batch), at(batch));
        if (is_grid()) {
            now_.measurements = static_cast<int>(
                std::clamp<std::int64_t>(parse_size(field(measurements), at(measurements)), 1, 1 << 30));
            now_.spread = parse_spread(field(spread), at(spread));
        }
        now_.chip = field(chip);
        now_.extra = field(extra);
        kernel.dtype = field(dtype);
        now_.source = field(source);
        now_.licence = field(licence);
        auto const id = find_op(field(op));
        if (!id) {
            count(report_.refused, fmt::format("unknown operation {}", field(op)), at(op));
            return;
        }
        kernel.op = *id;
        if (!is_format(kernel.dtype)) {
            count(report_.refused, fmt::format("unknown number format \"{}\"", kernel.dtype), at(dtype));
            return;
        }
        kernel.options = options_of(now_.extra, at(extra));
        as_asked_for(kernel);
        if (auto const problem = shape_problem(kernel, now_.extra, is_grid()); !problem.empty()) {
            count(report_.refused, problem, at(m));
            return;
        }
        if (now_.time > longest_call) {
            count(report_.refused, "a time of more than a day for one call", at(time_us));
            return;
        }
        if (auto const key = unknown_key(kernel.options.variant); !key.empty()) {
            count(report_.noticed,
                  fmt::format("extra: the key {} is not known; it only keeps these rows apart from others",
                              key),
                  at(extra));
        }
        ++report_.rows;
        each_(now_);
    }
    [[nodiscard]] TableReport const& report() const { return report_; }

  private:
    [[nodiscard]] bool is_grid() const { return names_.size() > columns_of_rows; }
    /// In a grid an empty field is as in the row above; rows come one by one, so it is kept here.
    std::string_view filled(io::CsvRow const& row, std::size_t column) {
        if (!is_grid()) {
            return row.fields[column];
        }
        if (!row.fields[column].empty()) {
            above_[column] = row.fields[column];
        }
        return above_[column];
    }
    std::optional<TableOpId> find_op(std::string_view name) {
        if (name != last_op_name_) {
            last_op_name_ = name;
            last_op_ = find_table_op(name);
        }
        return last_op_;
    }
    Options const& options_of(std::string_view text, Origin const& origin) {
        auto const found = options_.find(std::string{text});
        return found != options_.end()
                   ? found->second
                   : options_.emplace(std::string{text}, parse_options(text, origin)).first->second;
    }

    std::function<void(Measurement const&)> const& each_;
    std::vector<std::string> names_, above_;
    TableReport report_;
    Measurement now_;
    std::string last_op_name_;
    std::optional<TableOpId> last_op_;
    std::unordered_map<std::string, Options> options_; ///< tables repeat few option texts many times
};

bool is_hdf5(std::string const& path) { return path.ends_with(".h5"); }

} // namespace

std::vector<std::string> tables_at(std::string const& path) {
    if (!std::filesystem::is_directory(path)) {
        return {path};
    }
    std::vector<std::string> out;
    for (auto const& entry : std::filesystem::directory_iterator{path}) {
        if (entry.path().extension() == ".csv" || is_hdf5(entry.path().string())) {
            out.push_back(entry.path().string());
        }
    }
    std::ranges::sort(out);
    return out;
}

void count(std::vector<Remark>& remarks, std::string_view text, Origin const& origin) {
    auto const known = std::ranges::find(remarks, text, &Remark::text);
    if (known == remarks.end()) {
        remarks.push_back({std::string{text}, 1, origin});
    } else {
        ++known->rows;
    }
}

TableReport parse_timing_table(std::string_view content, std::string const& name,
                               std::function<void(Measurement const&)> const& each) {
    bool const grid = is_grid(content);
    Reader reader{name, grid, each};
    io::parse_csv(content, name, columns(grid), [&](io::CsvRow const& row) { reader.take(row); });
    return reader.report();
}

namespace {

std::string const hdf5_group = "/timings/";

/// Sizes and times go through text once more, so that they are checked as those of a CSV file are.
TableReport read_hdf5_table(std::string const& path, std::function<void(Measurement const&)> const& each) {
    io::Hdf5Reader const file{path};
    Reader reader{path, false, each};
    std::vector<std::vector<std::string>> table;
    for (auto const& name : columns(false)) {
        auto& texts = table.emplace_back();
        auto const data = file.data(hdf5_group + name);
        std::visit(overloaded{[&](std::vector<std::string> const& words) { texts = words; },
                              [&](std::vector<std::int64_t> const& sizes) {
                                  for (auto const size : sizes) {
                                      texts.push_back(fmt::format("{}", size));
                                  }
                              },
                              [&](std::vector<double> const& numbers) {
                                  for (auto const number : numbers) {
                                      texts.push_back(fmt::format("{}", number));
                                  }
                              },
                              [&](auto const&) {
                                  throw InputError{Origin{path, 0, 0, hdf5_group + name}, "is no column"};
                              }},
                   data);
        if (texts.size() != table.front().size()) {
            throw InputError{Origin{path, 0, 0, hdf5_group + name},
                             "is shorter or longer than the other columns"};
        }
    }
    std::vector<std::string_view> fields(table.size());
    for (std::size_t row = 0; row < table.front().size(); ++row) {
        for (std::size_t column = 0; column < table.size(); ++column) {
            fields[column] = table[column][row];
        }
        reader.take({fields, static_cast<int>(row) + 1});
    }
    return reader.report();
}

} // namespace

TableReport read_timing_table(std::string const& path, std::function<void(Measurement const&)> const& each) {
    return is_hdf5(path)
               ? read_hdf5_table(path, each)
               : parse_timing_table(io::read_bounded_text(path, "Split it into several tables"), path, each);
}

void write_timing_table(std::string const& path, std::string_view csv) {
    if (!is_hdf5(path)) {
        io::write_text_file(path, csv);
        return;
    }
    auto const names = columns(false);
    std::vector<std::vector<std::string>> texts(names.size());
    std::vector<std::vector<std::int64_t>> sizes(names.size());
    std::vector<double> times;
    io::parse_csv(csv, path, names, [&](io::CsvRow const& row) {
        for (std::size_t i = 0; i < names.size(); ++i) {
            texts[i].emplace_back(row.fields[i]);
        }
        for (auto const column : {m, n, k, batch}) {
            sizes[column].push_back(parse_size(row.fields[column], {path, row.line, 0, names[column]}));
        }
        times.push_back(parse_time(row.fields[time_us], {path, row.line, 0, names[time_us]}).value() * 1e6);
    });
    std::vector<io::Hdf5Column> table;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i == time_us) {
            table.push_back({names[i], times, {"us", "Median of one call"}});
        } else if (!sizes[i].empty() || (i >= m && i <= batch)) {
            table.push_back({names[i], sizes[i], {"1", "Size, by operation (docs/adding.md)"}});
        } else {
            table.push_back({names[i], texts[i], {"text", "As in the CSV form (docs/adding.md)"}});
        }
    }
    io::Hdf5Writer file{path};
    file.write_table("/timings", "Kernel timings, one row for each measured kernel", table);
    file.commit();
}

} // namespace moesaic::timing
