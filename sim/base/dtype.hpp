#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesaic {

/// Number formats of matrix inputs. fp8_block has one scale per 1x128 / 128x128 block.
enum class Dtype { fp64, fp32, tf32, bf16, fp16, fp8, fp8_block, int8, mxfp8, mxfp4, nvfp4 };

[[nodiscard]] std::string_view name_of(Dtype dtype);
[[nodiscard]] std::optional<Dtype> find_dtype(std::string_view name);
[[nodiscard]] std::vector<std::string> dtype_names();
/// Bytes of one element, scales left out.
[[nodiscard]] double bytes_per_element(Dtype dtype);

} // namespace moesaic
