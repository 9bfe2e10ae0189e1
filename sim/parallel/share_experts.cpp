#include "parallel/share_experts.hpp"

#include "base/errors.hpp"

#include <algorithm>

namespace moesaic::parallel {

namespace {

/// Of each place, how long the busiest rank of it and of those behind is busy at least, by the experts that are left to them.
/// A rank need not be busier with more experts, so that every number is looked at.
class LeastBusy {
  public:
    LeastBusy(std::vector<int> const& ranks, int experts, BusyWith const& busy)
        : ranks_{ranks}, experts_{experts}, times_(ranks.size()), least_(ranks.size() + 1, Times(row())) {
        least_.back().front() = Seconds{};
        for (auto place = ranks.size(); place-- > 0;) {
            for (int n = fewest(place); n * ranks[place] <= experts; ++n) {
                times_[place].push_back(busy(place, n));
            }
            for (int left = 0; left <= experts; ++left) {
                least_[place][static_cast<std::size_t>(left)] = least(place, left);
            }
        }
    }

    [[nodiscard]] std::optional<std::vector<int>> numbers() const {
        auto const best = least_.front().back();
        if (!best) {
            return std::nullopt;
        }
        std::vector<int> out;
        int left = experts_;
        for (std::size_t place = 0; place < ranks_.size(); ++place) {
            int n = fewest(place);
            for (auto time = busiest(place, n, left); !time || *time > *best;) {
                time = busiest(place, ++n, left);
            }
            left -= n * ranks_[place];
            out.push_back(n);
        }
        return out;
    }

  private:
    using Times = std::vector<std::optional<Seconds>>;

    [[nodiscard]] std::size_t row() const { return static_cast<std::size_t>(experts_) + 1; }
    [[nodiscard]] static int fewest(std::size_t place) { return place == 0 ? 0 : 1; }

    /// Where the place's ranks take so many each and those behind the rest.
    [[nodiscard]] std::optional<Seconds> busiest(std::size_t place, int n, int left) const {
        auto const rest = left - n * ranks_[place];
        expects(rest >= 0, "a place takes no more experts than are left");
        auto const& here = times_[place][static_cast<std::size_t>(n - fewest(place))];
        auto const& behind = least_[place + 1][static_cast<std::size_t>(rest)];
        return here && behind ? std::optional{std::max(*here, *behind)} : std::nullopt;
    }
    [[nodiscard]] std::optional<Seconds> least(std::size_t place, int left) const {
        std::optional<Seconds> out;
        for (int n = fewest(place); n * ranks_[place] <= left; ++n) {
            auto const time = busiest(place, n, left);
            out = time && (!out || *time < *out) ? time : out;
        }
        return out;
    }

    std::vector<int> const& ranks_;
    int experts_;
    std::vector<Times> times_; ///< of each place, from its fewest experts on
    std::vector<Times> least_;
};

} // namespace

std::optional<std::vector<int>> share_experts(std::vector<int> const& ranks, int experts,
                                              BusyWith const& busy) {
    expects(!ranks.empty() && std::ranges::all_of(ranks, [](int n) { return n > 0; }), "places have ranks");
    return LeastBusy{ranks, experts, busy}.numbers();
}

} // namespace moesaic::parallel
