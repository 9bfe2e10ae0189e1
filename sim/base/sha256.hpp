#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace moesaic {

/// SHA-256 (FIPS 180-4) of texts that are added one after the other.
class Sha256 {
  public:
    Sha256& add(std::string_view text);
    /// 64 hexadecimal digits. Ends the sum: nothing can be added after it.
    [[nodiscard]] std::string hex();

  private:
    void take_block(unsigned char const* block);
    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<unsigned char, 64> block_{};
    std::size_t filled_ = 0;
    std::uint64_t length_ = 0; ///< in bytes
};

[[nodiscard]] std::string sha256(std::string_view text);

} // namespace moesaic
