#include "base/dtype.hpp"

namespace moesaic {

namespace {

struct Row {
    Dtype dtype;
    std::string_view name;
    double bytes;
};
constexpr std::array rows{
    Row{Dtype::fp64, "fp64", 8},           Row{Dtype::fp32, "fp32", 4},     Row{Dtype::tf32, "tf32", 4},
    Row{Dtype::bf16, "bf16", 2},           Row{Dtype::fp16, "fp16", 2},     Row{Dtype::fp8, "fp8", 1},
    Row{Dtype::fp8_block, "fp8_block", 1}, Row{Dtype::int8, "int8", 1},     Row{Dtype::mxfp8, "mxfp8", 1},
    Row{Dtype::mxfp4, "mxfp4", 0.5},       Row{Dtype::nvfp4, "nvfp4", 0.5},
};

} // namespace

std::string_view name_of(Dtype dtype) { return rows[static_cast<std::size_t>(dtype)].name; }

std::optional<Dtype> find_dtype(std::string_view name) {
    for (auto const& row : rows) {
        if (row.name == name) {
            return row.dtype;
        }
    }
    return std::nullopt;
}

std::vector<std::string> dtype_names() {
    std::vector<std::string> out;
    for (auto const& row : rows) {
        out.emplace_back(row.name);
    }
    return out;
}

double bytes_per_element(Dtype dtype) { return rows[static_cast<std::size_t>(dtype)].bytes; }

} // namespace moesaic
