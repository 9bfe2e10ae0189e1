#pragma once
#include "parallel/price.hpp"
#include "parallel/program.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moesaic::parallel {

/// Builds the operations of one block as a chain: each waits for the one before, unless said otherwise.
class BlockBuilder {
  public:
    explicit BlockBuilder(Pricer& pricer) : pricer_{&pricer} {}

    /// Kernels one after the other. @param role_prefix goes before each role ("recompute ")
    void compute(std::span<model::Operation const> ops, std::string_view role_prefix = {});
    /// One kernel that reads and writes so many bytes and computes next to nothing; none for 0.
    void move(Bytes bytes, std::string_view role);
    /// The chain waits for it. A group of one rank costs nothing and is left out.
    void collective(Stream stream, Collective const& work);
    /// Runs behind the chain: starts when the chain has come to here, and nothing waits for it.
    void detached(Stream stream, Collective const& work);
    /// Starts when the chain has come to here, which goes on beside it; none where the group has one rank. The block
    /// waits for it; the chain at wait_for().
    [[nodiscard]] std::optional<int> beside(Stream stream, Collective const& work);
    /// Starts before the block's messages have come; none where the group has one rank. The chain waits for it at wait_for().
    [[nodiscard]] std::optional<int> from_start(Stream stream, Collective const& work);
    /// The host's work before the chain can go on from here: it runs ahead of the kernels, one piece after the other.
    void host(Seconds time);
    /// The same where the host has waited for the chain to come to here, and the chain waits for it.
    void host_in_turn(Seconds time);
    /// The next operation of the chain waits for this one too.
    void wait_for(std::optional<int> op);

    [[nodiscard]] ChipPractice const& here() const { return pricer_->here(); }
    [[nodiscard]] std::vector<BlockOp> take() { return std::move(ops_); }

  private:
    int push(Stream stream, std::variant<Compute, Collective> work, bool detached);

    Pricer* pricer_;
    std::vector<BlockOp> ops_;
    std::optional<int> tail_;
    std::vector<int> also_; ///< what the next operation of the chain waits for besides the tail
};

} // namespace moesaic::parallel
