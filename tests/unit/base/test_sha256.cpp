#include "base/sha256.hpp"

#include <catch2/catch.hpp>

using namespace moesaic;

TEST_CASE("sha256 gives the sums that NIST printed", "[base]") {
    // FIPS 180-4 examples and the empty text
    CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sha256(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256 does not depend on how a text is cut", "[base]") {
    std::string const text(200, 'x');
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        CHECK(Sha256{}.add(text.substr(0, cut)).add(text.substr(cut)).hex() == sha256(text));
    }
}
