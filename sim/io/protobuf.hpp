#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace moesaic::io {

/// A field of a protobuf message as the wire has it (https://protobuf.dev/programming-guides/encoding/).
struct ProtobufField {
    int number = 0;
    std::uint64_t value = 0; ///< of a varint or a fixed-width field
    std::string_view bytes;  ///< of a length-delimited field
    bool is_bytes = false;
};

/// Each field of a message in its order. False where the bytes are no message.
[[nodiscard]] bool read_message(std::string_view message,
                                std::function<void(ProtobufField const&)> const& each);
/// Each number of a packed repeated field, or the one of an unpacked one.
void read_packed(ProtobufField const& field, std::function<void(std::uint64_t)> const& each);

/// Reads a file of messages, each behind its length as a varint, one by one: memory holds one message.
/// @throws InputError where the file cannot be read, or ends inside a message (with the number of whole ones)
void read_delimited_messages(std::string const& path, std::function<void(std::string_view)> const& each);

} // namespace moesaic::io
