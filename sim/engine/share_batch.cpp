#include "engine/share_batch.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <ranges>

namespace moesaic::engine {

Seconds Pace::step(int micro_batches) const {
    Seconds out;
    for (auto const& line : lines) {
        out = std::max(out, line.at(micro_batches));
    }
    return out;
}

namespace {

/// What the kinds can do in a given time. Each has the most that the time allows, and then gives back what is beyond the
/// batch: sums of so few sequences that a table holds which of them the kinds from one on can make.
class Sharing {
  public:
    Sharing(std::vector<Pace> const& paces, int batch) : paces_{paces}, batch_{batch} {
        for (auto const& pace : paces) {
            unit_ = std::gcd(unit_, each(pace));
        }
    }

    /// Whether some numbers make the batch in the time; numbers() then gives them.
    bool fits(Seconds time) {
        most_.clear();
        std::int64_t excess = -batch_;
        for (auto const& pace : paces_) {
            most_.push_back(turns_within(pace, time));
            if (most_.back() < 0) {
                return false;
            }
            excess += std::int64_t{pace.sequences} * pace.first + each(pace) * most_.back();
        }
        if (excess < 0 || excess % unit_ != 0) {
            return false;
        }
        excess_ = static_cast<std::size_t>(excess / unit_);
        find_sums();
        return sums_.front()[excess_];
    }

    /// Of the last time that fits, the fewest for the first kind, then for the second, …
    [[nodiscard]] std::vector<int> numbers() const {
        std::vector<int> out;
        auto left = excess_;
        for (std::size_t k = 0; k < paces_.size(); ++k) {
            auto const size = units(k);
            auto back = std::min(static_cast<std::size_t>(most_[k]), left / size);
            while (!sums_[k + 1][left - back * size]) {
                expects(back > 0, "the sum was found before");
                --back;
            }
            left -= back * size;
            out.push_back(paces_[k].first + paces_[k].every * (most_[k] - static_cast<int>(back)));
        }
        return out;
    }

    /// In which each kind can do the whole batch.
    [[nodiscard]] Seconds longest() const {
        Seconds out;
        for (auto const& pace : paces_) {
            out = std::max(out, pace.step(pace.first + pace.every * std::max(0, most_turns(pace))));
        }
        return out;
    }

  private:
    static std::int64_t each(Pace const& pace) { return std::int64_t{pace.sequences} * pace.every; }
    [[nodiscard]] std::size_t units(std::size_t kind) const {
        return static_cast<std::size_t>(each(paces_[kind]) / unit_);
    }
    /// Times that `every` can be added within the batch; below 0 where not even `first` is.
    [[nodiscard]] int most_turns(Pace const& pace) const {
        int const micro_batches = batch_ / pace.sequences;
        return micro_batches < pace.first ? -1 : (micro_batches - pace.first) / pace.every;
    }
    /// The same within the time.
    [[nodiscard]] int turns_within(Pace const& pace, Seconds time) const {
        auto const turns = std::views::iota(0, most_turns(pace) + 1);
        auto const beyond = std::ranges::partition_point(
            turns, [&](int turn) { return pace.step(pace.first + pace.every * turn) <= time; });
        return static_cast<int>(beyond - turns.begin()) - 1;
    }

    void find_sums() {
        sums_.assign(paces_.size() + 1, std::vector<bool>(excess_ + 1, false));
        sums_.back()[0] = true;
        for (auto k = paces_.size(); k-- > 0;) {
            extend(sums_[k + 1], units(k), most_[k], sums_[k]);
        }
    }
    /// Sums of the kinds behind with up to `most` pieces of a size more.
    static void extend(std::vector<bool> const& behind, std::size_t size, int most, std::vector<bool>& out) {
        std::vector<int> pieces(out.size(), -1); // the fewest; -1 = none do
        for (std::size_t sum = 0; sum < out.size(); ++sum) {
            if (behind[sum]) {
                pieces[sum] = 0;
            } else if (sum >= size && pieces[sum - size] >= 0 && pieces[sum - size] < most) {
                pieces[sum] = pieces[sum - size] + 1;
            }
            out[sum] = pieces[sum] >= 0;
        }
    }

    std::vector<Pace> const& paces_;
    int batch_;
    std::int64_t unit_ = 0;               ///< sequences: what kinds can give back are multiples of it
    std::vector<int> most_;               ///< times `every`, of each kind
    std::size_t excess_ = 0;              ///< over the batch, in units
    std::vector<std::vector<bool>> sums_; ///< that the kinds from one on can give back, in units
};

Seconds longest_of(std::vector<Pace> const& paces, std::vector<int> const& numbers) {
    Seconds out;
    for (std::size_t k = 0; k < paces.size(); ++k) {
        out = std::max(out, paces[k].step(numbers[k]));
    }
    return out;
}

} // namespace

std::optional<std::vector<int>> share_batch(std::vector<Pace> const& paces, int batch) {
    expects(!paces.empty() && batch > 0, "a batch is shared by some");
    Sharing sharing{paces, batch};
    if (!sharing.fits(sharing.longest())) {
        return std::nullopt;
    }
    auto best = sharing.numbers();
    auto low = Seconds{0.0}, high = longest_of(paces, best);
    // until no number lies between: the least time is that of some split, which is then found exactly
    for (auto middle = (low + high) / 2.0; low < middle && middle < high; middle = (low + high) / 2.0) {
        if (sharing.fits(middle)) {
            best = sharing.numbers();
            high = longest_of(paces, best);
        } else {
            low = middle;
        }
    }
    expects(sharing.fits(high), "the least time fits");
    return sharing.numbers();
}

} // namespace moesaic::engine
