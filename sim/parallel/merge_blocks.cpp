#include "parallel/merge_blocks.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <tuple>

namespace moesaic::parallel {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }
std::size_t at(Stream stream) { return static_cast<std::size_t>(stream); }

/// One of the two blocks, as far as it has been placed.
struct Chain {
    std::vector<BlockOp> const& ops;
    std::vector<Seconds> time;
    std::vector<bool> hands_on; ///< a communication that the chain needs waits for it
    std::vector<Seconds> ahead; ///< of a kernel: kernels from it to the next that hands on
    std::vector<int> new_index; ///< -1 = not yet placed
    std::vector<Seconds> end;
    std::array<std::vector<int>, streams> queue; ///< by stream, in order
    std::array<std::size_t, streams> next{};

    Chain(std::vector<BlockOp> const& block, TimeAlone const& alone)
        : ops{block}, hands_on(block.size(), false), ahead(block.size()), new_index(block.size(), -1),
          end(block.size()) {
        for (int i = 0; i < static_cast<int>(ops.size()); ++i) {
            auto const& op = ops[at(i)];
            time.push_back(alone(op));
            queue[at(op.stream)].push_back(i);
            for (int const before : op.after) {
                hands_on[at(before)] = hands_on[at(before)] || (op.stream != Stream::compute && !op.detached);
            }
        }
        Seconds until{std::numeric_limits<double>::infinity()};
        for (auto i = queue[at(Stream::compute)].rbegin(); i != queue[at(Stream::compute)].rend(); ++i) {
            until = time[at(*i)] + (hands_on[at(*i)] ? Seconds{} : until);
            ahead[at(*i)] = until;
        }
    }

    /// When the head of the stream could start, given what of the chain has been placed; none where it waits for
    /// something that has not, or nothing is left.
    [[nodiscard]] std::optional<Seconds> ready(Stream stream) const {
        auto const& order = queue[at(stream)];
        if (next[at(stream)] == order.size()) {
            return std::nullopt;
        }
        Seconds when;
        for (int const before : ops[at(order[next[at(stream)]])].after) {
            if (new_index[at(before)] < 0) {
                return std::nullopt;
            }
            when = std::max(when, end[at(before)]);
        }
        return when;
    }
    [[nodiscard]] int head(Stream stream) const { return queue[at(stream)][next[at(stream)]]; }
};

class Merger {
  public:
    Merger(std::vector<BlockOp> const& first, std::vector<BlockOp> const& second, TimeAlone const& time)
        : chains_{Chain{first, time}, Chain{second, time}} {}

    std::vector<BlockOp> run() {
        auto const all = chains_[0].ops.size() + chains_[1].ops.size();
        while (out_.size() < all) {
            place(choose());
        }
        return std::move(out_);
    }

  private:
    struct Candidate {
        Seconds start;
        bool kernel = false;
        Seconds ahead;
        int chain = 0;
        Stream stream = Stream::compute;
        /// Communication before kernels: it takes no kernel's place.
        [[nodiscard]] auto order() const {
            return std::tuple{start, kernel, ahead, chain, static_cast<int>(stream)};
        }
    };

    [[nodiscard]] Candidate choose() const {
        std::optional<Candidate> best;
        for (int c = 0; c < 2; ++c) {
            for (int s = 0; s < streams; ++s) {
                auto const stream = static_cast<Stream>(s);
                auto const ready = chains_[at(c)].ready(stream);
                if (!ready) {
                    continue;
                }
                bool const kernel = stream == Stream::compute;
                Candidate const candidate{.start = std::max(*ready, free_[at(s)]),
                                          .kernel = kernel,
                                          .ahead = chains_[at(c)].ahead[at(chains_[at(c)].head(stream))],
                                          .chain = c,
                                          .stream = stream};
                if (!best || candidate.order() < best->order()) {
                    best = candidate;
                }
            }
        }
        expects(best.has_value(), "operations of a block wait for earlier ones only");
        return *best;
    }

    void place(Candidate const& chosen) {
        auto& chain = chains_[at(chosen.chain)];
        int const index = chain.head(chosen.stream);
        ++chain.next[at(chosen.stream)];
        auto op = chain.ops[at(index)];
        for (int& before : op.after) {
            before = chain.new_index[at(before)];
        }
        chain.end[at(index)] = chosen.start + chain.time[at(index)];
        free_[at(chosen.stream)] = chain.end[at(index)];
        chain.new_index[at(index)] = static_cast<int>(out_.size());
        out_.push_back(std::move(op));
    }

    std::array<Chain, 2> chains_;
    std::array<Seconds, streams> free_{};
    std::vector<BlockOp> out_;
};

} // namespace

std::vector<BlockOp> merge_blocks(std::vector<BlockOp> const& first, std::vector<BlockOp> const& second,
                                  TimeAlone const& time) {
    return Merger{first, second, time}.run();
}

} // namespace moesaic::parallel
