#include "base/random.hpp"
#include "engine/share_batch.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

using namespace moesaic;
using namespace moesaic::engine;

namespace {

/// All splits, the first number ascending first: the first with the least time.
class EverySplit {
  public:
    explicit EverySplit(std::vector<Pace> const& paces) : paces_{paces} {}
    std::optional<std::vector<int>> best(int batch) {
        descend(batch);
        return best_;
    }

  private:
    void descend(int left) {
        if (chosen_.size() == paces_.size()) {
            if (left == 0 && longest(chosen_) < least_) {
                least_ = longest(chosen_);
                best_ = chosen_;
            }
            return;
        }
        auto const& pace = paces_[chosen_.size()];
        for (int m = pace.first; m * pace.sequences <= left; m += pace.every) {
            chosen_.push_back(m);
            descend(left - m * pace.sequences);
            chosen_.pop_back();
        }
    }
    [[nodiscard]] Seconds longest(std::vector<int> const& numbers) const {
        Seconds out;
        for (std::size_t k = 0; k < paces_.size(); ++k) {
            out = std::max(out, paces_[k].step(numbers[k]));
        }
        return out;
    }

    std::vector<Pace> const& paces_;
    std::vector<int> chosen_;
    std::optional<std::vector<int>> best_;
    Seconds least_{1e300};
};

Pace random_pace(Rng& rng) {
    // of few values, so that several splits often take equally long
    auto const one_of = [&](double step) { return Seconds{step * static_cast<double>(1 + rng.below(4))}; };
    return {.lines = {{one_of(0.5), one_of(0.5)}, {one_of(1.0), one_of(0.25)}},
            .sequences = 1 + static_cast<int>(rng.below(4)),
            .first = 1 + static_cast<int>(rng.below(3)),
            .every = 1 + static_cast<int>(rng.below(3))};
}

} // namespace

TEST_CASE("the batch is shared as the best of all splits shares it, and refused where none makes it",
          "[engine]") {
    Rng rng{4, "share"};
    int shared = 0, refused = 0;
    for (int i = 0; i < 400; ++i) {
        std::vector<Pace> paces(1 + rng.below(4));
        std::ranges::generate(paces, [&] { return random_pace(rng); });
        int const batch = 4 + static_cast<int>(rng.below(30));
        auto const expected = EverySplit{paces}.best(batch);
        CHECK(share_batch(paces, batch) == expected);
        (expected ? shared : refused) += 1;
    }
    CHECK(shared > 100);
    CHECK(refused > 50);
}

TEST_CASE("a batch of many micro-batches is shared over eight unlike kinds at once", "[engine]") {
    std::vector<Pace> paces;
    for (int k = 0; k < 8; ++k) {
        paces.push_back({.lines = {{Seconds{1.0}, Seconds{0.10 + 0.01 * k}}}, .sequences = 1 + k % 3});
    }
    int const batch = 100'000;
    auto const split = share_batch(paces, batch).value();
    double rate = 0.0; // sequences per second
    int sequences = 0;
    Seconds longest;
    for (std::size_t k = 0; k < paces.size(); ++k) {
        rate += paces[k].sequences / paces[k].lines.front().each.value();
        sequences += split[k] * paces[k].sequences;
        longest = std::max(longest, paces[k].step(split[k]));
    }
    CHECK(sequences == batch);
    // no less than all at their speeds, and no more than a micro-batch of the slowest longer
    CHECK(longest.value() >= 1.0 + batch / rate);
    CHECK(longest.value() <= 1.0 + batch / rate + 0.17);
}
