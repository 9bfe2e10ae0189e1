#include "planner/mixes.hpp"

#include <algorithm>
#include <iterator>

namespace moesaic::planner {

namespace {

bool runs_over_pools(parallel::Schedule const& schedule) {
    return std::holds_alternative<parallel::OneFOneB>(schedule) ||
           std::holds_alternative<parallel::ZeroBubbleH1>(schedule);
}

template <class Wanted>
std::vector<parallel::Schedule> schedules_that(Degrees const& degrees, Wanted const& wanted) {
    std::vector<parallel::Schedule> out;
    std::ranges::copy_if(degrees.schedules, std::back_inserter(out), wanted);
    return out;
}

} // namespace

std::vector<parallel::Schedule> stage_mix_schedules(Degrees const& degrees) {
    return schedules_that(degrees, runs_over_pools);
}

std::vector<parallel::Schedule> replica_mix_schedules(Degrees const& degrees) {
    return schedules_that(degrees, [](parallel::Schedule const& s) {
        return runs_over_pools(s) || std::holds_alternative<parallel::DualPipe>(s);
    });
}

std::vector<std::vector<int>> pool_sets(std::size_t pools) {
    std::vector<std::vector<int>> out;
    for (unsigned bits = 1; bits < (1U << pools); ++bits) {
        std::vector<int> set;
        for (int pool = 0; pool < static_cast<int>(pools); ++pool) {
            if ((bits >> static_cast<unsigned>(pool)) & 1U) {
                set.push_back(pool);
            }
        }
        if (set.size() > 1) {
            out.push_back(std::move(set));
        }
    }
    return out;
}

namespace {

constexpr int bands = 8;

class SharedOut {
  public:
    SharedOut(double money, std::vector<std::vector<Share>> const& lists, Spending const& spending)
        : money_{money}, lists_{lists}, spending_{spending} {}

    std::vector<std::vector<std::vector<Share>>> run() {
        descend(0.0);
        return std::move(out_);
    }

  private:
    /// @param spent at least, by the lists that are cut
    void descend(double spent) {
        auto const at = chosen_.size();
        if (at == lists_.size()) {
            out_.push_back(chosen_);
            return;
        }
        bool const last = at + 1 == lists_.size();
        double const width = money_ / bands;
        for (int band = 0; band < (last ? 1 : bands); ++band) {
            double const low = last ? 0.0 : band * width, high = last ? money_ : low + width;
            std::vector<Share> within;
            std::ranges::copy_if(lists_[at], std::back_inserter(within), [&](Share const& share) {
                double const cost = spending_(at, share);
                return (cost > low || band == 0) && cost <= high && spent + cost <= money_;
            });
            if (!within.empty()) {
                chosen_.push_back(std::move(within));
                descend(spent + low);
                chosen_.pop_back();
            }
        }
    }

    double money_;
    std::vector<std::vector<Share>> const& lists_;
    Spending const& spending_;
    std::vector<std::vector<Share>> chosen_;
    std::vector<std::vector<std::vector<Share>>> out_;
};

} // namespace

std::vector<std::vector<std::vector<Share>>>
shared_out(double money, std::vector<std::vector<Share>> const& lists, Spending const& spending) {
    return SharedOut{money, lists, spending}.run();
}

std::vector<std::vector<std::vector<Share>>>
within_means(Space const& space, std::vector<std::vector<Share>> const& lists, Spending const& spending) {
    auto const& outlay = space.to.limits().outlay;
    return outlay ? shared_out(outlay->money, lists, spending)
                  : std::vector<std::vector<std::vector<Share>>>{lists};
}

double longest_of_interest(Collector const& to, double best) {
    double const margin = best * mix_margin;
    double const deadline = to.limits().seconds;
    return deadline > 0.0 ? std::min(margin, deadline) : margin;
}

} // namespace moesaic::planner
