#include "base/random.hpp"
#include "parallel/share_experts.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace moesaic;
using namespace moesaic::parallel;

namespace {

/// Every number of every place, in order: the first with the least time and then the least squares.
class EveryNumber {
  public:
    EveryNumber(std::vector<int> const& ranks, BusyWith const& busy) : ranks_{ranks}, busy_{busy} {}
    std::optional<std::vector<int>> best(int experts) {
        descend(experts, Seconds{}, 0.0);
        return best_;
    }

  private:
    void descend(int left, Seconds busiest, double squares) {
        auto const place = chosen_.size();
        if (place == ranks_.size()) {
            if (left == 0 && std::pair{busiest.value(), squares} < least_) {
                least_ = {busiest.value(), squares};
                best_ = chosen_;
            }
            return;
        }
        for (int n = place == 0 ? 0 : 1; n * ranks_[place] <= left; ++n) {
            if (auto const time = busy_(place, n)) {
                chosen_.push_back(n);
                auto const square =
                    ranks_[place] * time->value() * time->value(); // whole numbers: sums are exact
                descend(left - n * ranks_[place], std::max(busiest, *time), squares + square);
                chosen_.pop_back();
            }
        }
    }

    std::vector<int> const& ranks_;
    BusyWith const& busy_;
    std::vector<int> chosen_;
    std::optional<std::vector<int>> best_;
    std::pair<double, double> least_{1e300, 0.0};
};

} // namespace

TEST_CASE("experts are shared as the best of all numbers shares them, and refused where none comes out",
          "[parallel]") {
    Rng rng{1, "experts"};
    int shared = 0, refused = 0;
    for (int i = 0; i < 300; ++i) {
        std::vector<int> ranks(2 + rng.below(3));
        std::ranges::generate(ranks, [&] { return 1 + static_cast<int>(rng.below(5)); });
        int const experts = 1 + static_cast<int>(rng.below(16));
        // few values, so that many numbers are equally good, and not always longer with more experts
        std::vector<std::vector<std::optional<Seconds>>> table(ranks.size());
        for (auto& times : table) {
            for (int n = 0; n <= experts; ++n) {
                auto const time = Seconds{static_cast<double>(n) + static_cast<double>(rng.below(3))};
                times.push_back(rng.below(5) == 0 ? std::nullopt : std::optional{time});
            }
        }
        BusyWith const busy = [&](std::size_t place, int n) {
            return table[place][static_cast<std::size_t>(n)];
        };
        auto const expected = EveryNumber{ranks, busy}.best(experts);
        CHECK(share_experts(ranks, experts, busy) == expected);
        (expected ? shared : refused) += 1;
    }
    CHECK(shared > 50);
    CHECK(refused > 50);
}

TEST_CASE("where attention is the busiest whatever the others have, these are as even as can be",
          "[parallel]") {
    std::vector<double> const speeds{1.0, 1.0, 4.0, 1.0};
    auto const numbers = [&](std::vector<std::size_t> const& order) {
        auto const found = share_experts({4, 1, 1, 1}, 12, [&](std::size_t place, int n) {
            return std::optional{Seconds{place == 0 ? 100.0 : n / speeds[order[place]]}};
        });
        std::vector<int> out(4);
        for (std::size_t place = 0; place < 4; ++place) {
            out[order[place]] = found->at(place);
        }
        return out;
    };
    CHECK(numbers({0, 1, 2, 3}) == std::vector{2, 1, 2, 1}); // ranks with attention have room at no cost
    CHECK(numbers({0, 2, 3, 1}) == numbers({0, 1, 2, 3}));   // in whatever order the places stand
}

TEST_CASE("256 experts over attention and three places are shared without looking at each of their splits",
          "[parallel]") {
    // one rank of each: 2.8 million splits in each of 58 layers. By hand: n / speed is the same for all, 256 / (1 + 2 + 3 + 2)
    std::vector<double> const speeds{1.0, 2.0, 3.0, 2.0};
    auto const numbers = share_experts({1, 1, 1, 1}, 256, [&](std::size_t place, int n) {
        return std::optional{Seconds{n / speeds[place]}};
    });
    CHECK(numbers == std::vector{32, 64, 96, 64});
}
