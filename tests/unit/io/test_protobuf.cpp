#include "io/protobuf.hpp"

#include "base/errors.hpp"
#include "temporary_file.hpp"

#include <catch2/catch.hpp>
#include <fstream>

using namespace moesaic;
using namespace moesaic::io;

TEST_CASE("fields of a message come in their order: varints, fixed widths and bytes", "[io]") {
    // 1: 300 (varint ac 02); 2: "hi"; 3: fixed32 1; 4: fixed64 2
    std::string const message{
        "\x08\xac\x02\x12\x02hi\x1d\x01\x00\x00\x00\x21\x02\x00\x00\x00\x00\x00\x00\x00", 21};
    std::vector<std::pair<int, std::uint64_t>> numbers;
    std::string bytes;
    CHECK(read_message(message, [&](ProtobufField const& f) {
        numbers.emplace_back(f.number, f.value);
        bytes = f.is_bytes ? std::string{f.bytes} : bytes;
    }));
    CHECK(numbers == std::vector<std::pair<int, std::uint64_t>>{{1, 300}, {2, 2}, {3, 1}, {4, 2}});
    CHECK(bytes == "hi");
}

TEST_CASE("bytes that are no message are refused", "[io]") {
    auto const nothing = [](ProtobufField const&) {};
    CHECK_FALSE(read_message("\x12\x7fhi", nothing));                    // says 127 bytes, has 2
    CHECK_FALSE(read_message("\x08\xff\xff\xff", nothing));              // a number without end
    CHECK_FALSE(read_message(std::string_view{"\x00\x01", 2}, nothing)); // field 0
    CHECK_FALSE(read_message("\x0b", nothing));                          // a group
}

TEST_CASE("numbers of a repeated field come packed or alone", "[io]") {
    std::vector<std::uint64_t> out;
    auto const take = [&](std::uint64_t n) { out.push_back(n); };
    read_packed({.number = 4, .value = 3, .bytes = "\x01\xac\x02", .is_bytes = true}, take);
    read_packed({.number = 4, .value = 9, .bytes = {}, .is_bytes = false}, take);
    CHECK(out == std::vector<std::uint64_t>{1, 300, 9});
}

TEST_CASE("a file that ends inside a message says how many were whole", "[io]") {
    TemporaryFile const file{"messages.pb"};
    std::ofstream{file.path, std::ios::binary} << std::string{"\x02\x08\x01\x05\x08\x02", 6};
    int messages = 0;
    CHECK_THROWS_WITH(read_delimited_messages(file.path, [&](std::string_view) { ++messages; }),
                      Catch::Contains("cut off") && Catch::Contains("1 whole"));
    CHECK(messages == 1);
}
