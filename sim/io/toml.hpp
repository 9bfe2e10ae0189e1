#pragma once
#include "base/date.hpp"
#include "base/errors.hpp"
#include "io/unit_text.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic::io {

/// More chips, sequences or layers than that are a typing error, and twice as many still fit an int.
constexpr int most_things = 1'000'000'000;

struct TomlOverride;

/// A table of a TOML file that knows where each of its keys stands, and remembers which keys were read,
/// so that reject_unknown_keys() can refuse the rest. Cheap to copy; the parsed file lives as long as any
/// of its tables. Every reader throws InputError with file, line, column and field.
class TomlTable {
  public:
    [[nodiscard]] Origin origin() const;
    /// Of the key's value; of the table where the key is absent.
    [[nodiscard]] Origin origin(std::string_view key) const;
    /// Of one character of the key's text, for languages inside a text; of the value where escapes or line
    /// continuations hide the place.
    [[nodiscard]] Origin origin_in_text(std::string_view key, std::size_t offset) const;
    [[nodiscard]] bool has(std::string_view key) const;
    /// In the order of the file.
    [[nodiscard]] std::vector<std::string> keys() const;

    [[nodiscard]] std::string text(std::string_view key) const;
    [[nodiscard]] std::int64_t integer(std::string_view key) const;
    /// A day as text: "2025-04-15".
    [[nodiscard]] Date date(std::string_view key) const;
    /// A float or an integer.
    [[nodiscard]] double number(std::string_view key) const;
    [[nodiscard]] bool boolean(std::string_view key) const;
    [[nodiscard]] TomlTable table(std::string_view key) const;
    /// An array of tables ([[pools]]); empty where the key is absent.
    [[nodiscard]] std::vector<TomlTable> tables(std::string_view key) const;
    [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
    [[nodiscard]] std::vector<std::int64_t> integers(std::string_view key) const;
    [[nodiscard]] std::vector<double> numbers(std::string_view key) const;
    /// @throws InputError also below the least value.
    [[nodiscard]] std::int64_t integer_from(std::string_view key, std::int64_t least) const;
    /// A number of things: from the least to most_things.
    [[nodiscard]] int count(std::string_view key, int least) const;
    [[nodiscard]] int count_or(std::string_view key, int otherwise, int least) const;
    [[nodiscard]] std::vector<int> counts(std::string_view key, int least) const;
    [[nodiscard]] bool is_table(std::string_view key) const;
    [[nodiscard]] bool is_text(std::string_view key) const;
    [[nodiscard]] bool is_array(std::string_view key) const;
    /// The value as TOML writes it, on one line: 2, "50 GB/s", [1, 2], { chips = 8 }.
    [[nodiscard]] std::string value_text(std::string_view key) const;
    /// The same for each element of an array.
    [[nodiscard]] std::vector<std::string> value_texts(std::string_view key) const;
    /// Each key with its value, for another file; mistakes in them are told where they stand in this one.
    [[nodiscard]] std::vector<TomlOverride> overrides() const;
    /// The whole table on one line with its keys sorted: equal for tables that say the same.
    /// @param without keys of this table to leave out
    [[nodiscard]] std::string canonical_text(std::vector<std::string> const& without) const;
    /// The table as a file of its own, without some of its keys; keys sorted, comments lost.
    [[nodiscard]] std::string file_text(std::vector<std::string> const& without) const;

    /// An amount with its unit ("50 GB/s"); a bare number is an error that shows how to write it.
    template <class Q>
    [[nodiscard]] Q quantity(std::string_view key) const {
        if (auto const found = parse_quantity<Q>(text_for_quantity(key, quantity_help<Q>()))) {
            return *found;
        }
        throw_bad_quantity(key, quantity_help<Q>());
    }
    template <class Q>
    [[nodiscard]] std::optional<Q> optional_quantity(std::string_view key) const {
        return has(key) ? std::optional<Q>{quantity<Q>(key)} : std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> optional_text(std::string_view key) const;
    [[nodiscard]] std::optional<TomlTable> optional_table(std::string_view key) const;
    [[nodiscard]] std::string text_or(std::string_view key, std::string_view otherwise) const;
    [[nodiscard]] std::int64_t integer_or(std::string_view key, std::int64_t otherwise,
                                          std::int64_t least) const;
    [[nodiscard]] double number_or(std::string_view key, double otherwise) const;
    [[nodiscard]] bool boolean_or(std::string_view key, bool otherwise) const;

    /// @throws InputError for the first key that no reader asked for, with the nearest known name.
    void reject_unknown_keys() const;

    struct Node;
    explicit TomlTable(std::shared_ptr<Node const> node);

  private:
    [[nodiscard]] std::string text_for_quantity(std::string_view key, std::string const& help) const;
    [[noreturn]] void throw_bad_quantity(std::string_view key, std::string const& help) const;
    std::shared_ptr<Node const> node_;
};

/// A value that takes the place of the file's: path "parallel.tensor" or "pools[0].chips", value as TOML
/// writes it (2, true, "50 GB/s"); what is no TOML value counts as a text.
struct TomlOverride {
    std::string path;
    std::string value;
    std::map<std::string, Origin> written =
        {}; ///< where, by path of what it holds; empty = on the command line
};
/// "parallel.tensor=2". @throws InputError without "="
[[nodiscard]] TomlOverride parse_override(std::string_view text);

/// @throws InputError where the file cannot be read or is no TOML, or an override's path leads into no table
[[nodiscard]] TomlTable read_toml_file(std::string const& path,
                                       std::vector<TomlOverride> const& overrides = {});
/// @param name stands in for the file's name in messages
[[nodiscard]] TomlTable parse_toml(std::string_view content, std::string const& name,
                                   std::vector<TomlOverride> const& overrides = {});

} // namespace moesaic::io
