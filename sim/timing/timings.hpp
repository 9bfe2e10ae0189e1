#pragma once
#include "hardware/chip.hpp"
#include "hardware/cluster.hpp"
#include "hardware/topology.hpp"
#include "model/operation.hpp"
#include "timing/collective.hpp"
#include "timing/consulted.hpp"
#include "timing/evidence.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moesaic::timing {

struct Expectations;
struct TableReport;
struct KernelEvidence;

/// Measured kernel timings of many tables, merged, and the models that fill the gaps between them. Answers
/// are pure functions of the loaded files.
class Timings {
  public:
    Timings(); ///< no tables: every answer is analytic
    ~Timings();
    Timings(Timings&&) noexcept;
    Timings& operator=(Timings&&) noexcept;

    /// Loads a table (row-level CSV, or a condensed grid of platforms/timings/). A shape that several rows of one
    /// source and library measured has their median.
    /// @throws InputError with file and line
    void load(std::string const& path);
    /// What was taken and what was refused, one for each loaded file.
    [[nodiscard]] std::vector<TableReport> const& reports() const;
    /// Chips that a transfer may take its curve from. Rows that beat their peaks are refused.
    void set_reference_chips(std::vector<hardware::Chip> chips);
    /// To be told, by itself or with the catalogue, before anything is asked for.
    void set_expectations(Expectations const& expectations);
    /// Chips, sources and expectations from the folder "platforms" of the catalogue.
    void read_catalogue(std::string const& platforms);
    /// From now on every answer has an error of its stated uncertainty, which is gone with that (sigma 0): see ErrorDraw.
    void draw_errors(std::uint64_t seed, std::int64_t draw);

    /// Time of one operation alone on the chip, weights and inputs in device memory. Estimated once: whoever asks again,
    /// also from a process that was forked since, is told at once.
    /// @throws InputError where a figure of the chip that is needed is unknown
    [[nodiscard]] Duration duration(hardware::Chip const& chip, model::Operation const& op) const;

    /// What duration() rests on, kernel by kernel.
    [[nodiscard]] std::vector<KernelEvidence> evidence(hardware::Chip const& chip,
                                                       model::Operation const& op) const;

    /// Answers from now on are noted by what they rest on. Noting costs little; what was noted before is forgotten.
    void note_consulted();
    /// What answers since then have gone through; also from memory, where they were told before.
    [[nodiscard]] Consulted consulted() const;
    /// Hash of what the tables hold of this group.
    [[nodiscard]] std::string content_of(RowGroup const& group) const;

    /// @param rank_bytes what one rank sends over the tier (all peers together)
    /// @param tier where the traffic goes: node (scale-up) or beyond (NIC)
    /// @param tokens of an all_to_all whose kernels send each token once
    [[nodiscard]] CollectiveCost collective(hardware::NodeType const& node, CollectiveKind kind,
                                            hardware::Tier tier, Bytes rank_bytes, int ranks, int nodes,
                                            std::optional<TokenExchange> const& tokens = {}) const;

  private:
    struct Store;
    std::unique_ptr<Store> store_;
};

} // namespace moesaic::timing
