#pragma once
#include "parallel/block_builder.hpp"
#include "parallel/stage_setting.hpp"

#include <span>
#include <string_view>

namespace moesaic::parallel {

/// Which part of a backward pass a block does: schedules that fill bubbles do the two apart.
enum class BackwardPart { both, inputs, weights };

/// Tokens go out to their experts (dispatch, gradient of combine) or come back and are summed (combine, gradient of dispatch).
enum class Way { out, back };

/// A layer's kernels together with the sends around them, in both directions; bytes as Collective::bytes wants them.
/// With sequence parallelism tensor ranks gather rows before a block of kernels and reduce-scatter them after it;
/// without, they all-reduce after it and every rank holds all rows between the blocks.
class Traffic {
  public:
    Traffic(StageSetting const& setting, BlockBuilder& to, BackwardPart part = BackwardPart::both)
        : s_{setting}, to_{to}, part_{part} {}

    using Operations = std::span<model::Operation const>;
    using Label = std::string_view;

    /// Rows of `columns_in` gathered, the kernels, their rows of the hidden size reduced. @param prefix of the roles
    void block(int columns_in, Operations kernels, Label role, Label prefix = {}) const;
    /// Its backward: gradients gathered, the kernels' gradients, gradients of the rows of `columns_in` reduced.
    void block_backward(int columns_in, Operations forward, Label role) const;
    /// Kernels without sends around them.
    void compute(Operations kernels, Label prefix = {}) const;
    void backward(Operations forward) const;
    /// Gather and reduction alone.
    void gather(int columns, Label role) const;
    void reduce(int columns, Label role) const;

    /// Of rows that have come from another stage in parts, see Plan::whole_messages.
    void gather_message() const;

    /// Token copies to the ranks of their experts, or back. The busiest rank decides.
    void exchange(Dtype format, Label role, Way way) const;
    /// The chain goes on beside it, see BlockBuilder::beside().
    [[nodiscard]] std::optional<int> exchange_beside(Dtype format, Label role, Way way) const;
    void expert_tensor_gather(Label role) const;
    void expert_tensor_scatter(Label role) const;

  private:
    [[nodiscard]] double element() const { return bytes_per_element(s_.shape.precision.activations); }
    [[nodiscard]] Collective tensor(timing::CollectiveKind kind, double columns, Label role) const;
    [[nodiscard]] Collective reduction(double columns, Label role) const;
    [[nodiscard]] Collective exchange_of(Dtype format, Label role, Way way) const;
    [[nodiscard]] Bytes expert_rows() const;
    [[nodiscard]] bool overlaps(TensorOverlap least) const;
    void input_gradients(Operations gradients) const;
    /// Gradients of weights that the block makes: none of frozen ones. @param back outlives what is returned
    [[nodiscard]] Operations weights_of(model::BackwardOperations const& back) const;

    StageSetting const& s_;
    BlockBuilder& to_;
    BackwardPart part_;
};

} // namespace moesaic::parallel
