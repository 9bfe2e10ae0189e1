#include "planner/split.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

namespace moesaic::planner {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

Content content_at(Chain const& chain, model::Model const& model, std::size_t stage, int begin, int layers) {
    auto out = content_of(model, begin, begin + layers);
    out.count[static_cast<std::size_t>(Part::embedding)] = stage == 0 ? 1 : 0;
    out.count[static_cast<std::size_t>(Part::head)] = stage + 1 == chain.stages.size() ? 1 : 0;
    return out;
}

/// The dynamic programme for a given bound: shortest way in (and out) for each number of layers placed so far.
class Placing {
  public:
    Placing(Chain const& chain, model::Model const& model)
        : chain_{chain}, model_{model}, layers_{model.layers},
          dense_{model.layers - model::moe_layers(model)} {
        for (int layers = 0; layers <= layers_; ++layers) {
            moe_among_.push_back(model::moe_layers_among(model, layers));
        }
        for (std::size_t s = 0; s < chain.stages.size(); ++s) {
            stages_.push_back({table_for(s), most_by_memory(s)});
        }
        choices_.resize(chain.stages.size() * row());
    }

    /// false where no split keeps the bound
    bool within(double bound) {
        auto const least = least_placed(bound);
        if (least.front() > 0) {
            return false;
        }
        std::vector<double> ways(row(), never);
        ways[0] = 0.0;
        for (std::size_t s = 0; s < stages_.size(); ++s) {
            std::vector<double> next(row(), never);
            for (int placed = std::max(0, least[s]); placed <= layers_; ++placed) {
                if (ways[static_cast<std::size_t>(placed)] < never) {
                    extend(s, placed, {ways[static_cast<std::size_t>(placed)], bound}, next);
                }
            }
            ways.swap(next);
        }
        return ways.back() < never;
    }

    /// Of the last bound that could be kept.
    [[nodiscard]] Split split() const {
        Split out;
        int placed = layers_;
        for (auto s = stages_.size(); s-- > 0;) {
            auto const& choice = choices_[s * row() + static_cast<std::size_t>(placed)];
            out.layers.insert(out.layers.begin(), placed - choice.from);
            out.recompute.insert(out.recompute.begin(), static_cast<std::size_t>(choice.recompute));
            placed = choice.from;
        }
        return out;
    }

  private:
    struct Choice {
        int from = 0;
        int recompute = 0;
    };
    /// Times by layers of both kinds and recomputation.
    using Table = std::vector<StageTime>;
    struct Stage {
        Table const* times = nullptr;
        std::vector<int> most; ///< MoE layers that fit, by dense layers and recomputation; -1 = none
    };
    struct Way {
        double so_far = 0.0;
        double bound = 0.0;
    };

    [[nodiscard]] std::size_t row() const { return static_cast<std::size_t>(layers_) + 1; }
    [[nodiscard]] std::size_t ways_again() const {
        return chain_.stages[0].times->kinds[0][0].backward.size();
    }
    [[nodiscard]] std::size_t at(int dense, int moe) const {
        return (static_cast<std::size_t>(moe) * static_cast<std::size_t>(dense_ + 1) +
                static_cast<std::size_t>(dense)) *
               ways_again();
    }

    /// Before each stage: fewer layers placed are too few, since it and those behind it hold the rest at most.
    [[nodiscard]] std::vector<int> least_placed(double bound) const {
        std::vector<int> out(stages_.size() + 1, layers_);
        for (auto s = stages_.size(); s-- > 0;) {
            out[s] = out[s + 1] - most_layers(s, bound);
        }
        return out;
    }

    /// That the stage can hold if it waits for nobody.
    [[nodiscard]] int most_layers(std::size_t s, double bound) const {
        int most = 0;
        for (int dense = 0; dense <= dense_; ++dense) {
            for (auto const r : chain_.stages[s].recompute) {
                int moe = stages_[s].most[static_cast<std::size_t>(dense) * ways_again() + r];
                while (moe >= 0 &&
                       chain_.micro_batches * (*stages_[s].times)[at(dense, moe) + r].turn > bound) {
                    --moe;
                }
                most = moe >= 0 ? std::max(most, dense + moe) : most;
            }
        }
        return most;
    }

    /// All that stage `s` can hold behind so many layers.
    void extend(std::size_t s, int placed, Way const& way, std::vector<double>& next) {
        auto const last = stages_.size() - 1;
        int const least = s == last ? layers_ - placed : s == 0 ? 0 : 1; // the ends may hold an end alone
        for (int n = least; placed + n <= layers_; ++n) {
            if (!try_stage(s, {placed, n}, way, next)) {
                return;
            }
        }
    }

    struct Piece {
        int from = 0;
        int layers = 0;
    };
    /// false where more layers take too long as well
    bool try_stage(std::size_t s, Piece const& piece, Way const& way, std::vector<double>& next) {
        auto const& stage = stages_[s];
        int const end = piece.from + piece.layers;
        int const moe =
            moe_among_[static_cast<std::size_t>(end)] - moe_among_[static_cast<std::size_t>(piece.from)];
        int const dense = piece.layers - moe;
        auto const* times = &(*stage.times)[at(dense, moe)];
        auto const* most = &stage.most[static_cast<std::size_t>(dense) * ways_again()];
        auto const to = static_cast<std::size_t>(end);
        bool in_time = false;
        for (auto const r : chain_.stages[s].recompute) {
            auto const& time = times[r];
            if (way.so_far + chain_.micro_batches * time.turn > way.bound) {
                continue;
            }
            in_time = true;
            double const on = way.so_far + time.forward + (chain_.drains ? time.backward : 0.0);
            if (on < next[to] && moe <= most[r]) {
                next[to] = on;
                choices_[s * row() + to] = {piece.from, static_cast<int>(r)};
            }
        }
        return in_time;
    }

    /// Stages with the same times and the same ends share a table.
    Table const* table_for(std::size_t s) {
        auto const* times = chain_.stages[s].times;
        auto const content = content_at(chain_, model_, s, 0, 0);
        auto const [at, is_new] =
            tables_.try_emplace({times, content.of(Part::embedding), content.of(Part::head)});
        if (is_new) {
            fill(at->second, *times, content);
        }
        return &at->second;
    }

    void fill(Table& table, LocalTimes const& times, Content content) const {
        for (int moe = 0; moe <= layers_ - dense_; ++moe) {
            for (int dense = 0; dense <= dense_; ++dense) {
                content.count[static_cast<std::size_t>(Part::moe)] = moe;
                content.count[static_cast<std::size_t>(Part::dense)] = dense;
                for (std::size_t r = 0; r < ways_again(); ++r) {
                    table.push_back(times.of(content, r, chain_.turns));
                }
            }
        }
    }

    [[nodiscard]] std::vector<int> most_by_memory(std::size_t s) const {
        auto const& bytes = chain_.stages[s].bytes;
        auto content = content_at(chain_, model_, s, 0, 0);
        std::vector<int> out;
        for (int dense = 0; dense <= dense_; ++dense) {
            for (std::size_t r = 0; r < ways_again(); ++r) {
                content.count[static_cast<std::size_t>(Part::dense)] = dense;
                int low = -1, high = layers_ - dense_;
                while (low < high) {
                    int const middle = (low + high + 1) / 2;
                    content.count[static_cast<std::size_t>(Part::moe)] = middle;
                    bool const fits = bytes.needed(content, r) <= bytes.capacity;
                    low = fits ? middle : low;
                    high = fits ? high : middle - 1;
                }
                out.push_back(low);
            }
        }
        return out;
    }

    Chain const& chain_;
    model::Model const& model_;
    int layers_;
    int dense_;                                                       ///< of the layers
    std::vector<int> moe_among_;                                      ///< the first so many layers
    std::map<std::tuple<LocalTimes const*, int, int>, Table> tables_; // looked up only
    std::vector<Stage> stages_;
    std::vector<Choice> choices_; ///< by stage, then layers placed with it
};

/// No split takes less: all work evenly over all stages, each of which is as fast as the fastest.
double least_bound(Chain const& chain, model::Model const& model) {
    auto const whole = content_of(model, 0, model.layers);
    double least = never;
    for (auto const& stage : chain.stages) {
        for (auto const r : stage.recompute) {
            least = std::min(least, stage.times->of(whole, r, chain.turns).turn);
        }
    }
    return least * chain.micro_batches / static_cast<double>(chain.stages.size());
}

} // namespace

double PartBytes::needed(Content const& content, std::size_t recompute) const {
    double sum = fixed;
    double layer = 0.0;
    double beside = 0.0;
    for (std::size_t i = 0; i < parts; ++i) {
        if (content.count[i] == 0) {
            continue;
        }
        sum += content.count[i] * (states[i] + kept[recompute][i]);
        bool const is_layer = static_cast<Part>(i) == Part::dense || static_cast<Part>(i) == Part::moe;
        layer = is_layer ? std::max(layer, buffers[recompute][i]) : layer;
        sum += is_layer ? 0.0 : buffers[recompute][i];
        beside = running.empty() ? 0.0 : std::max(beside, running[recompute][i]);
    }
    return sum + layer + beside;
}

std::vector<engine::Line> lines_of(Chain const& chain, model::Model const& model, Split const& split) {
    std::vector<engine::Line> out;
    double way = 0.0;
    int placed = 0;
    for (std::size_t s = 0; s < chain.stages.size(); ++s) {
        auto const content = content_at(chain, model, s, placed, split.layers[s]);
        auto const time = chain.stages[s].times->of(content, split.recompute[s], chain.turns);
        out.push_back({Seconds{way}, Seconds{time.turn}});
        way += time.forward + (chain.drains ? time.backward : 0.0);
        placed += split.layers[s];
    }
    return out;
}

double bound_of(Chain const& chain, model::Model const& model, Split const& split) {
    return engine::Pace{lines_of(chain, model, split)}.step(chain.micro_batches).value();
}

std::optional<Split> best_split(Chain const& chain, model::Model const& model) {
    expects(!chain.stages.empty() && chain.micro_batches > 0, "a chain has stages and micro-batches");
    constexpr double tolerance = 1e-6;
    Placing placing{chain, model};
    double const least = least_bound(chain, model) * (1.0 - tolerance);
    constexpr double usual = 1.3; // most chains come so near
    if (!placing.within(least * usual) && !placing.within(never)) {
        return std::nullopt;
    }
    auto out = placing.split();
    double low = least, high = bound_of(chain, model, out);
    while (high > low * (1.0 + tolerance)) {
        double const middle = std::sqrt(low * high);
        if (placing.within(middle)) {
            out = placing.split();
            high = std::min(middle, bound_of(chain, model, out));
        } else {
            low = middle;
        }
    }
    out.seconds = bound_of(chain, model, out);
    return out;
}

} // namespace moesaic::planner
