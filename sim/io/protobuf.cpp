#include "io/protobuf.hpp"

#include "base/errors.hpp"
#include "io/text_file.hpp"

#include <fmt/format.h>
#include <optional>

namespace moesaic::io {

namespace {

enum Wire { varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5 };
constexpr int most_varint_bytes = 10;

std::optional<std::uint64_t> take_varint(std::string_view& from) {
    std::uint64_t value = 0;
    for (int i = 0; i < most_varint_bytes && !from.empty(); ++i) {
        auto const byte = static_cast<unsigned char>(from.front());
        from.remove_prefix(1);
        value |= std::uint64_t{byte & 0x7fU} << (7 * i);
        if (byte < 0x80) {
            return value;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> take_fixed(std::string_view& from, std::size_t width) {
    if (from.size() < width) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
        value |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
    }
    from.remove_prefix(width);
    return value;
}

/// none where the bytes end too early or have a type that is no longer in use
std::optional<ProtobufField> take_field(std::string_view& from) {
    auto const tag = take_varint(from);
    if (!tag || *tag >> 3 == 0) {
        return std::nullopt;
    }
    ProtobufField field{.number = static_cast<int>(*tag >> 3), .bytes = {}};
    auto const wire = static_cast<int>(*tag & 7U);
    auto const value = wire == varint || wire == delimited ? take_varint(from)
                       : wire == fixed64                   ? take_fixed(from, 8)
                       : wire == fixed32                   ? take_fixed(from, 4)
                                                           : std::nullopt;
    if (!value || (wire == delimited && *value > from.size())) {
        return std::nullopt;
    }
    field.value = *value;
    if (wire == delimited) {
        field.is_bytes = true;
        field.bytes = from.substr(0, *value);
        from.remove_prefix(*value);
    }
    return field;
}

} // namespace

bool read_message(std::string_view message, std::function<void(ProtobufField const&)> const& each) {
    while (!message.empty()) {
        auto const field = take_field(message);
        if (!field) {
            return false;
        }
        each(*field);
    }
    return true;
}

void read_packed(ProtobufField const& field, std::function<void(std::uint64_t)> const& each) {
    if (!field.is_bytes) {
        each(field.value);
        return;
    }
    auto rest = field.bytes;
    while (auto const value = rest.empty() ? std::nullopt : take_varint(rest)) {
        each(*value);
    }
}

void read_delimited_messages(std::string const& path, std::function<void(std::string_view)> const& each) {
    auto in = open_file(path);
    constexpr std::uint64_t most = std::uint64_t{1} << 28;
    std::string message;
    for (std::int64_t whole = 0;; ++whole) {
        std::string head;
        for (char byte = 0; in.get(byte);) {
            head += byte;
            if (static_cast<unsigned char>(byte) < 0x80 || head.size() == most_varint_bytes) {
                break;
            }
        }
        if (head.empty()) {
            return;
        }
        std::string_view rest{head};
        auto const length = take_varint(rest);
        bool const fits = length && *length <= most;
        if (fits) {
            message.resize(*length);
            in.read(message.data(), static_cast<std::streamsize>(*length));
        }
        if (!fits || static_cast<std::uint64_t>(in.gcount()) < *length) {
            throw InputError{Origin::whole_file(path),
                             fmt::format("is cut off or no file of protobuf messages: {} whole ones", whole)};
        }
        each(message);
    }
}

} // namespace moesaic::io
