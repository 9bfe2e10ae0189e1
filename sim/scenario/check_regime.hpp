#pragma once
#include "io/toml.hpp"
#include "scenario/scenario.hpp"

#include <string>
#include <vector>

namespace moesaic::scenario {

/// Reads what a pool says of how its chips came there: owned_since = "2023-06-01", rented_in = "SG".
[[nodiscard]] Acquired read_acquired(io::TomlTable const& pool);

/// The rules or the fleet do not allow the scenario's chips; all else of it may be right.
class NotAllowed : public InputError {
  public:
    explicit NotAllowed(export_control::Refusal const& refusal)
        : InputError{refusal.origin, refusal.problem, refusal.hint},
          reason_{refusal.chip + ": " + refusal.reason} {}
    /// "nvidia_h20: licence required (…)", without the place in the file and the day.
    [[nodiscard]] std::string const& reason() const { return reason_; }

  private:
    std::string reason_;
};

/// What there is of the chips that the pools ask for.
struct OfferedChips {
    std::vector<int> chips;         ///< by pool, spare ones not counted; 0 = none can be had
    std::vector<std::string> fewer; ///< why a pool has fewer than it asks for
};
/// The most chips of each pool that the rules and the fleet give on the day.
[[nodiscard]] OfferedChips offered_chips(io::TomlTable const& table, Scenario const& scenario,
                                         Facts const& facts);

/// Where the scenario has a [regime] (and perhaps a [fleet]): the rules of that day must allow its chips, or a pool's
/// owned_since or rented_in, the fleet's stock or a licence must excuse them.
/// @return where the chips come from, those of spare nodes included
/// @throws NotAllowed that names the rule, its predicate and the figure
[[nodiscard]] Means check_regime(io::TomlTable const& table, Scenario const& scenario, Facts const& facts);

} // namespace moesaic::scenario
