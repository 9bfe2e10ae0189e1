#include "planner/refine.hpp"

#include "engine/share_batch.hpp"
#include "parallel/memory.hpp"
#include "planner/stage_memory.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moesaic::planner {

using namespace parallel;
using engine::Line;
using engine::Pace;

namespace {

Local local_of(KindChoice const& kind, Segment const& segment, Schedule const& schedule) {
    return {segment.pool, segment.tensor, kind.context, kind.expert, kind.micro_batch, is_paired(schedule)};
}

/// Stages that are alike and next to each other become one group.
void set_stages(ReplicaKind& to, std::vector<int> const& layers, std::vector<Recompute> const& recompute) {
    auto const groups = std::move(to.stage_groups);
    to.stage_groups.clear();
    std::size_t at = 0;
    for (auto const& group : groups) {
        for (int i = 0; i < group.stages; ++i, ++at) {
            bool const joins = i > 0 && to.stage_groups.back().recompute == recompute[at];
            if (!joins) {
                to.stage_groups.push_back(group);
                to.stage_groups.back().stages = 0;
                to.stage_groups.back().recompute = recompute[at];
                to.stage_groups.back().layers.clear();
            }
            ++to.stage_groups.back().stages;
            to.stage_groups.back().layers.push_back(layers[at]);
        }
    }
}

class Refiner {
  public:
    Refiner(Problem const& problem, LayerTimes& times, Candidate const& candidate)
        : problem_{problem}, times_{times}, candidate_{candidate}, plan_{plan_of(problem, candidate)} {}

    std::optional<Refined> run() {
        auto const micro_batches = first_shares();
        std::vector<Pace> paces;
        for (std::size_t k = 0; k < candidate_.kinds.size(); ++k) {
            plan_.kinds[k].micro_batches = micro_batches[k];
        }
        for (std::size_t k = 0; k < candidate_.kinds.size(); ++k) {
            auto lines = chunks_of(candidate_.schedule) == 1 ? split_stages(k, micro_batches[k])
                                                             : split_parts(k, micro_batches[k]);
            if (lines.empty()) {
                return std::nullopt;
            }
            for (auto& line : lines) {
                line.each *= unit();
            }
            paces.push_back({std::move(lines), each(k) * unit()});
        }
        auto const units = share(paces, micro_batches);
        if (!units) {
            return std::nullopt;
        }
        double seconds = 0.0;
        for (std::size_t k = 0; k < paces.size(); ++k) {
            plan_.kinds[k].micro_batches = (*units)[k] * unit();
            seconds = std::max(seconds, paces[k].step((*units)[k]).value());
            if (problem_with(candidate_.schedule, stages_of(candidate_.kinds[k]), (*units)[k] * unit())) {
                return std::nullopt; // too few for its stages
            }
        }
        if (misfit(memory_of_classes(problem_.job(plan_)))) {
            return std::nullopt;
        }
        return Refined{plan_, seconds};
    }

  private:
    [[nodiscard]] int each(std::size_t k) const {
        return candidate_.kinds[k].replicas * candidate_.kinds[k].micro_batch;
    }

    /// Micro-batches come in these: DualPipe's in pairs, one from each end.
    [[nodiscard]] int unit() const { return std::holds_alternative<DualPipe>(candidate_.schedule) ? 2 : 1; }

    /// The batch in units of each kind. @param first of one kind alone all of it
    [[nodiscard]] std::optional<std::vector<int>> share(std::vector<Pace> const& paces,
                                                        std::vector<int> const& first) const {
        return paces.size() == 1 ? std::optional{std::vector{first.front() / unit()}}
                                 : engine::share_batch(paces, problem_.scenario.shape.global_batch);
    }

    /// In proportion to what the stages can do; exact for one kind.
    std::vector<int> first_shares() {
        auto const whole = times_.contents().whole();
        std::vector<double> rates;
        for (auto const& kind : candidate_.kinds) {
            double rate = 0.0;
            for (auto const& segment : kind.segments) {
                auto const* times = times_.find(local_of(kind, segment, candidate_.schedule));
                expects(times != nullptr, "the candidate's degrees divide the model");
                rate += segment.stages / times->of(whole, 0, turns_of(candidate_.schedule)).turn;
            }
            rates.push_back(rate * kind.replicas * kind.micro_batch);
        }
        double const all = std::accumulate(rates.begin(), rates.end(), 0.0);
        std::vector<int> out;
        for (std::size_t k = 0; k < rates.size(); ++k) {
            double const share = problem_.scenario.shape.global_batch * rates[k] / all / each(k) / unit();
            int const least = least_micro_batches(candidate_.schedule, stages_of(candidate_.kinds[k]));
            out.push_back(std::max(least, static_cast<int>(std::lround(share)) * unit()));
        }
        return out;
    }

    Chain chain_of(std::size_t k, int micro_batches) {
        auto const& kind = candidate_.kinds[k];
        Chain chain{.stages = {},
                    .micro_batches = micro_batches,
                    .turns = turns_of(candidate_.schedule),
                    .drains = drains(candidate_.schedule)};
        for (auto const& segment : kind.segments) {
            for (int i = 0; i < segment.stages; ++i) {
                chain.stages.push_back(
                    {times_.find(local_of(kind, segment, candidate_.schedule)), PartBytes{}, {}});
                for (std::size_t r = 0; r < times_.recompute().size(); ++r) {
                    chain.stages.back().recompute.push_back(r);
                }
            }
        }
        return chain;
    }

    /// One chunk per stage. No lines where nothing fits.
    std::vector<Line> split_stages(std::size_t k, int micro_batches) {
        auto chain = chain_of(k, micro_batches);
        auto bytes = bytes_of_stages(problem_, candidate_, k, times_, micro_batches);
        for (std::size_t s = 0; s < chain.stages.size(); ++s) {
            chain.stages[s].bytes = std::move(bytes[s]);
        }
        auto const split = best_split(chain, times_.contents());
        if (!split) {
            return {};
        }
        std::vector<Recompute> recompute;
        for (auto const r : split->recompute) {
            recompute.push_back(times_.recompute()[r]);
        }
        set_stages(plan_.kinds[k], split->layers, recompute);
        return lines_of(chain, times_.contents(), *split);
    }

    /// Several chunks per stage: the same recomputation on all stages, the least with which a split fits.
    std::vector<Line> split_parts(std::size_t k, int micro_batches) {
        auto const open = plan_.kinds[k];
        for (std::size_t r = 0; r < times_.recompute().size(); ++r) {
            std::vector<Line> best;
            auto best_plan = plan_;
            for (auto const& split : splits_of_parts(k, r)) {
                plan_.kinds[k] = open;
                plan_.layer_split = split.how;
                plan_.kinds[k].stage_groups.front().recompute = times_.recompute()[r];
                plan_.kinds[k].stage_groups.front().layers = split.listed;
                auto lines = lines_of_parts(k, r);
                bool const better =
                    best.empty() || Pace{lines}.step(micro_batches) < Pace{best}.step(micro_batches);
                auto alone = plan_; // the layers of the other kinds may be open still
                alone.kinds = {plan_.kinds[k]};
                if (better && !misfit(memory_of_classes(problem_.job(alone)))) {
                    best = std::move(lines);
                    best_plan = plan_;
                }
            }
            if (!best.empty()) {
                plan_ = best_plan;
                return best;
            }
        }
        return {};
    }

    struct PartSplit {
        LayerSplit how = LayerSplit::balanced;
        std::vector<int> listed; ///< empty = by `how`
    };
    /// DualPipe and DualPipeV: by the longest part too. Interleaved: the two ways to spread them evenly, of which all kinds of
    /// replicas have the same.
    std::vector<PartSplit> splits_of_parts(std::size_t k, std::size_t recompute) {
        std::vector<PartSplit> out{{LayerSplit::balanced, {}}};
        if (candidate_.kinds.size() == 1) {
            out.push_back({LayerSplit::with_ends, {}});
        }
        if (is_dual(candidate_.schedule)) {
            auto const& kind = candidate_.kinds[k];
            auto const& segment = kind.segments.front(); // other schedules than 1F1B run on one pool
            auto const& layers = times_.evenest_split(local_of(kind, segment, candidate_.schedule),
                                                      parts_of(candidate_.schedule, segment.stages),
                                                      recompute, turns_of(candidate_.schedule));
            if (!layers.empty()) {
                out.push_back({LayerSplit::balanced, layers});
            }
        }
        return out;
    }

    /// Of the plan's split as it is now.
    std::vector<Line> lines_of_parts(std::size_t k, std::size_t recompute) {
        auto const& model = problem_.scenario.model;
        auto const& segment = candidate_.kinds[k].segments.front();
        auto const* times = times_.find(local_of(candidate_.kinds[k], segment, candidate_.schedule));
        auto const ranges = split_layers(plan_, plan_.kinds[k], model.layers);
        auto const turns = turns_of(candidate_.schedule);
        bool const two_ways = std::holds_alternative<DualPipe>(candidate_.schedule);
        // a micro-batch that turns round at the last stage comes back before the first stage has sent its last one
        bool const turns_round = std::holds_alternative<DualPipeV>(candidate_.schedule);
        std::vector<Line> out;
        std::vector<double> ways_in;
        double way = 0.0, way_in = 0.0;
        for (int stage = 0; stage < segment.stages; ++stage) {
            Passes both; // or all: what one chunk has to send may hide behind another's kernels
            Seconds const once{way};
            ways_in.push_back(way_in);
            for (int chunk = 0; chunk < chunks_of(candidate_.schedule); ++chunk) {
                int const part = part_of(candidate_.schedule, chunk, stage, segment.stages);
                auto const passes =
                    times->passes(content_of_part(ranges, static_cast<std::size_t>(part)), recompute);
                auto const time = stage_time(passes, turns);
                both += passes * (two_ways ? 0.5 : 1.0); // half of the micro-batches each way
                way += chunk == 0 && !two_ways ? time.forward + (turns_round ? 0.0 : time.backward) : 0.0;
                way_in += chunk == 0 ? time.forward : 0.0;
            }
            out.push_back({once, Seconds{stage_time(both, turns).turn}});
        }
        if (two_ways) { // a stage waits for the nearer end
            for (std::size_t i = 0; i < out.size(); ++i) {
                out[i].once = Seconds{std::min(ways_in[i], ways_in[out.size() - 1 - i])};
            }
        }
        return out;
    }

    [[nodiscard]] Content content_of_part(std::vector<LayerRange> const& ranges, std::size_t part) const {
        return with_ends(times_.contents().of(ranges[part].begin, ranges[part].end), part == 0,
                         part + 1 == ranges.size());
    }

    Problem const& problem_;
    LayerTimes& times_;
    Candidate const& candidate_;
    Plan plan_;
};

} // namespace

std::optional<Refined> refine(Problem const& problem, LayerTimes& times, Candidate const& candidate) {
    return Refiner{problem, times, candidate}.run();
}

} // namespace moesaic::planner
