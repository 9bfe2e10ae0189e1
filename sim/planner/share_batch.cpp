#include "planner/share_batch.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesaic::planner {

double Pace::seconds(int micro_batches) const {
    double out = 0.0;
    for (auto const& line : lines) {
        out = std::max(out, line.fixed + line.slope * micro_batches);
    }
    return out;
}

int Pace::within(double seconds) const {
    double most = std::numeric_limits<double>::infinity();
    for (auto const& line : lines) {
        most = std::min(most, (seconds - line.fixed) / line.slope);
    }
    return most < 1.0 ? 0 : static_cast<int>(std::min(most * (1.0 + 1e-12), 1e9));
}

namespace {

/// Numbers at or below those that a time allows, so that the batch comes out exactly: every kind gives back some.
class Exact {
  public:
    Exact(std::vector<Pace> const& paces, std::vector<int> most) : paces_{paces}, most_{std::move(most)} {}

    /// @param excess sequences more than the batch, where all have what the time allows
    std::optional<std::vector<int>> find(long excess) {
        given_.clear();
        descend(0, excess);
        return best_;
    }

  private:
    void descend(std::size_t at, long excess) {
        auto const each = paces_[at].sequences;
        if (at + 1 == paces_.size()) {
            if (excess % each == 0 && excess / each < most_[at]) {
                take(static_cast<int>(excess / each));
            }
            return;
        }
        for (int back = 0; back < most_[at] && static_cast<long>(back) * each <= excess; ++back) {
            given_.push_back(back);
            descend(at + 1, excess - static_cast<long>(back) * each);
            given_.pop_back();
        }
    }

    void take(int last) {
        std::vector<int> numbers;
        double longest = 0.0;
        for (std::size_t i = 0; i < paces_.size(); ++i) {
            numbers.push_back(most_[i] - (i < given_.size() ? given_[i] : last));
            longest = std::max(longest, paces_[i].seconds(numbers[i]));
        }
        if (longest < longest_) {
            longest_ = longest;
            best_ = numbers;
        }
    }

    std::vector<Pace> const& paces_;
    std::vector<int> most_;
    std::vector<int> given_; ///< back, by the kinds before the last
    double longest_ = std::numeric_limits<double>::infinity();
    std::optional<std::vector<int>> best_;
};

} // namespace

std::optional<std::vector<int>> share_batch(std::vector<Pace> const& paces, int batch) {
    // The first time, in small steps, in which some numbers make the batch: numbers that need less time are numbers that
    // this time allows too.
    constexpr double step = 1.001, most = 4.0;
    double start = 0.0;
    for (auto const& pace : paces) {
        start = std::max(start, pace.seconds(1));
    }
    auto const sequences_in = [&](double seconds) {
        long sum = 0;
        for (auto const& pace : paces) {
            sum += static_cast<long>(pace.within(seconds)) * pace.sequences;
        }
        return sum;
    };
    double low = start, high = start;
    while (sequences_in(high) < batch) {
        low = high;
        high *= 2.0;
    }
    while (high / low > step) {
        double const middle = std::sqrt(low * high);
        (sequences_in(middle) < batch ? low : high) = middle;
    }
    for (double seconds = high; seconds < high * most; seconds *= step) {
        std::vector<int> allowed;
        for (auto const& pace : paces) {
            allowed.push_back(std::min(pace.within(seconds), batch / pace.sequences));
        }
        long sum = 0;
        for (std::size_t i = 0; i < paces.size(); ++i) {
            sum += static_cast<long>(allowed[i]) * paces[i].sequences;
        }
        if (sum < batch) {
            continue;
        }
        if (auto found = Exact{paces, allowed}.find(sum - batch)) {
            return found;
        }
    }
    return std::nullopt;
}

} // namespace moesaic::planner
