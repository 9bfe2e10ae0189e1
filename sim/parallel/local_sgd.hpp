#pragma once
#include "base/dtype.hpp"
#include "base/errors.hpp"
#include "io/toml.hpp"
#include "parallel/choices.hpp"
#include "parallel/program.hpp"

#include <string_view>

namespace moesaic::parallel {

/// How the workers bring their parameters together.
///   diloco  after the step: all at once, nothing beside it (Douillard et al., arXiv 2311.08105)
///   edit    layer by layer in the first forward of the step, each ahead of its layer's kernels (EDiT, arXiv 2412.07210)
enum class OuterSum { diloco, edit };
[[nodiscard]] Choices<OuterSum> const& outer_sum_choices();
[[nodiscard]] std::string_view name_of(OuterSum method);

/// Workers train on their own and meet every so many steps. Several replica kinds are a worker each; the replicas of
/// one kind part into `workers`.
struct LocalSgd {
    int every = 1; ///< steps from one meeting to the next
    OuterSum method = OuterSum::diloco;
    int workers = 1;            ///< of one replica kind
    Dtype format = Dtype::fp32; ///< in which parameters (or what they changed by) travel
    /// Workers meet after a time, not after a number of steps: a faster one makes more of them (EDiT).
    bool time_based = false;
    /// The parameters of the last meeting and the outer momentum are kept by the host, not by the chip.
    bool offload = false;
    bool meets = false; ///< the step at hand ends (diloco) or begins (edit) with a meeting
    Origin origin;
    friend bool operator==(LocalSgd const&, LocalSgd const&) = default;
};

/// Of what travels between workers.
constexpr std::string_view outer_role = "parameters between workers";

/// What a rank keeps of each parameter that it owns: parameters of the last meeting and outer momentum, fp32.
constexpr double outer_state_bytes = 8.0;

[[nodiscard]] LocalSgd read_local_sgd(io::TomlTable const& table);

/// Bytes that the busiest rank sends in one step for the meeting: a ring over n workers passes 2 (n-1)/n of a part.
[[nodiscard]] Bytes outer_bytes(Program const& program);

} // namespace moesaic::parallel
