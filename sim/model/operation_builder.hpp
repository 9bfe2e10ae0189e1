#pragma once
#include "model/layer_operations.hpp"

#include <string>
#include <utility>

namespace moesaic::model {

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Builds one list of a layer's work; knows the formats.
class OperationBuilder {
  public:
    OperationBuilder(Model const& model, LayerShape const& shape) : model_{model}, shape_{shape} {}

    void rows(OpKind kind, std::int64_t m, std::int64_t n, std::string role) {
        out_.push_back(
            {.kind = kind, .dtype = shape_.precision.activations, .m = m, .n = n, .role = std::move(role)});
    }
    void norm(std::int64_t m, std::int64_t n, std::string role) {
        rows(model_.norm == Norm::rmsnorm ? OpKind::rmsnorm : OpKind::layernorm, m, n, std::move(role));
    }
    /// In the part's format. Where that is narrow, `quantised` says whether the input is so already.
    void gemm(ProductPart part, std::int64_t m, std::int64_t n, std::int64_t k, std::string role,
              bool quantised = false) {
        if (!quantised) {
            quantise(part, m, k, role);
        }
        out_.push_back(
            {.dtype = format_of(shape_.precision, part), .m = m, .n = n, .k = k, .role = std::move(role)});
    }
    /// Router and head: always in the activations' format.
    void wide_gemm(std::int64_t m, std::int64_t n, std::int64_t k, std::string role) {
        out_.push_back(
            {.dtype = shape_.precision.activations, .m = m, .n = n, .k = k, .role = std::move(role)});
    }
    void quantise(ProductPart part, std::int64_t m, std::int64_t n, std::string const& role) {
        auto const format = format_of(shape_.precision, part);
        if (is_narrow(format, shape_.precision)) {
            out_.push_back({.kind = OpKind::quantise, .dtype = format, .m = m, .n = n, .role = role});
        }
    }
    /// Dropout where the model has it, and the sum with what went round the block.
    void residual(std::string const& role) {
        auto const m = own_rows(shape_);
        if (model_.sandwich_norm) {
            norm(m, model_.hidden, role + "_norm");
        }
        if (model_.dropout) {
            rows(OpKind::dropout, m, model_.hidden, role);
        }
        rows(OpKind::add, m, model_.hidden, role);
    }
    void add(Operation op) { out_.push_back(std::move(op)); }
    [[nodiscard]] Operations take() { return std::move(out_); }

  private:
    Model const& model_;
    LayerShape const& shape_;
    Operations out_;
};

} // namespace moesaic::model
