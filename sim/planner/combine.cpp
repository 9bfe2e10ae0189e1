#include "planner/combine.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <limits>

namespace moesaic::planner {

double time_together(double batch, std::vector<Share> const& shares) {
    double rate = 0.0;
    for (auto const& share : shares) {
        batch += share.offset;
        rate += share.rate;
    }
    return batch / rate;
}

double least_time_together(double batch, std::vector<std::vector<Share>> const& lists) {
    // Dinkelbach: for a given time each list gives most of the batch on its own; the time that these need together is
    // less or the best
    double time = std::numeric_limits<double>::infinity();
    for (double next = 1e30; next < time;) {
        time = next;
        std::vector<Share> best;
        for (auto const& list : lists) {
            best.push_back(*std::ranges::max_element(
                list, {}, [time](Share const& s) { return s.rate * time - s.offset; }));
        }
        next = time_together(batch, best);
    }
    return time;
}

std::int64_t sum_of(std::int64_t a, std::int64_t b) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    return a > most - b ? most : a + b;
}

std::int64_t combinations_of(std::vector<std::vector<Share>> const& lists) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    std::int64_t out = 1;
    for (auto const& list : lists) {
        auto const size = static_cast<std::int64_t>(list.size());
        if (size == 0) {
            return 0;
        }
        out = out > most / size ? most : out * size;
    }
    return out;
}

namespace {

/// Sequences that a choice gets done in the time.
struct Done {
    double sequences = 0.0;
    Share share;
};

class Visitor {
  public:
    using Visit = std::function<void(double, std::span<std::size_t const>)>;

    Visitor(double batch, double most, std::int64_t count, Visit const& visit)
        : batch_{batch}, most_{most}, left_{count}, visit_{visit} {}

    Visited run(std::vector<std::vector<Share>> const& lists) {
        Visited out{0, combinations_of(lists), most_};
        for (auto const& list : lists) {
            auto& done = lists_.emplace_back();
            for (auto const& share : list) {
                done.push_back({share.rate * most_ - share.offset, share});
            }
            std::ranges::stable_sort(done, std::greater{}, &Done::sequences);
        }
        rest_.assign(lists_.size() + 1, 0.0);
        for (auto i = lists_.size(); i-- > 0;) {
            rest_[i] = rest_[i + 1] + lists_[i].front().sequences;
        }
        auto const before = left_;
        descend(0, 0.0);
        out.visited = before - left_;
        out.least_left = stopped_ ? least_time_together(batch_, lists) : most_;
        return out;
    }

  private:
    void descend(std::size_t at, double done) {
        if (at == lists_.size()) {
            if (left_ == 0) {
                stopped_ = true;
                return;
            }
            --left_;
            visit_(time_together(batch_, chosen_), choices_);
            return;
        }
        for (auto const& choice : lists_[at]) {
            if (done + choice.sequences + rest_[at + 1] < batch_ || stopped_) {
                return;
            }
            chosen_.push_back(choice.share);
            choices_.push_back(choice.share.choice);
            descend(at + 1, done + choice.sequences);
            chosen_.pop_back();
            choices_.pop_back();
        }
    }

    double batch_, most_;
    std::int64_t left_;
    Visit const& visit_;
    std::vector<std::vector<Done>> lists_;
    std::vector<double> rest_; ///< most that the lists from here on get done
    std::vector<Share> chosen_;
    std::vector<std::size_t> choices_;
    bool stopped_ = false;
};

} // namespace

Visited visit_combinations(double batch, std::vector<std::vector<Share>> lists, double most,
                           std::int64_t count,
                           std::function<void(double, std::span<std::size_t const>)> const& visit) {
    expects(std::ranges::none_of(lists, [](auto const& list) { return list.empty(); }),
            "every pool has a choice");
    return Visitor{batch, most, count, visit}.run(lists);
}

} // namespace moesaic::planner
