#include "planner/split.hpp"

#include "base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

namespace moesaic::planner {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

Content at_stage(Chain const& chain, std::size_t stage, Content const& layers) {
    return with_ends(layers, stage == 0, stage + 1 == chain.stages.size());
}

/// The dynamic programme for a given bound: shortest way in (and out) for each number of layers placed so far.
class Placing {
  public:
    Placing(Chain const& chain, Contents const& contents)
        : chain_{chain}, contents_{contents}, layers_{contents.layers()} {
        for (auto const& content : contents.known()) {
            sizes_.push_back(std::accumulate(content.count.begin(), content.count.end(), 0));
        }
        for (std::size_t s = 0; s < chain.stages.size(); ++s) {
            stages_.push_back({table_for(s), fits_for(s)});
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
    /// Times by the number of what the layers are (Contents::number) and recomputation.
    using Table = std::vector<StageTime>;
    struct Stage {
        Table const* times = nullptr;
        std::vector<char> fits; ///< as the table
    };
    struct Way {
        double so_far = 0.0;
        double bound = 0.0;
    };

    [[nodiscard]] std::size_t row() const { return static_cast<std::size_t>(layers_) + 1; }
    [[nodiscard]] std::size_t ways_again() const { return chain_.stages[0].times->part[0].backward.size(); }

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
        for (std::size_t number = 0; number < sizes_.size(); ++number) {
            if (sizes_[number] <= most) {
                continue;
            }
            for (auto const r : chain_.stages[s].recompute) {
                auto const at = number * ways_again() + r;
                if (stages_[s].fits[at] != 0 &&
                    chain_.micro_batches * (*stages_[s].times)[at].turn <= bound) {
                    most = sizes_[number];
                }
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
        auto const at = contents_.number(piece.from, end) * ways_again();
        auto const to = static_cast<std::size_t>(end);
        bool in_time = false;
        for (auto const r : chain_.stages[s].recompute) {
            auto const& time = (*stage.times)[at + r];
            if (way.so_far + chain_.micro_batches * time.turn > way.bound) {
                continue;
            }
            in_time = true;
            double const on = way.so_far + time.forward + (chain_.drains ? time.backward : 0.0);
            if (on < next[to] && stage.fits[at + r] != 0) {
                next[to] = on;
                choices_[s * row() + to] = {piece.from, static_cast<int>(r)};
            }
        }
        return in_time;
    }

    /// Stages with the same times and the same ends share a table.
    Table const* table_for(std::size_t s) {
        auto const* times = chain_.stages[s].times;
        auto const [at, is_new] = tables_.try_emplace({times, s == 0, s + 1 == chain_.stages.size()});
        if (is_new) {
            for (auto const& layers : contents_.known()) {
                for (std::size_t r = 0; r < ways_again(); ++r) {
                    at->second.push_back(times->of(at_stage(chain_, s, layers), r, chain_.turns));
                }
            }
        }
        return &at->second;
    }

    [[nodiscard]] std::vector<char> fits_for(std::size_t s) const {
        auto const& bytes = chain_.stages[s].bytes;
        std::vector<char> out;
        for (auto const& layers : contents_.known()) {
            for (std::size_t r = 0; r < ways_again(); ++r) {
                out.push_back(bytes.needed(at_stage(chain_, s, layers), r) <= bytes.capacity ? 1 : 0);
            }
        }
        return out;
    }

    Chain const& chain_;
    Contents const& contents_;
    int layers_;
    std::vector<int> sizes_;                                            ///< layers, by number of Contents
    std::map<std::tuple<LocalTimes const*, bool, bool>, Table> tables_; // looked up only
    std::vector<Stage> stages_;
    std::vector<Choice> choices_; ///< by stage, then layers placed with it
};

/// No split takes less: all work evenly over all stages, each of which is as fast as the fastest.
double least_bound(Chain const& chain, Contents const& contents) {
    auto const whole = contents.whole();
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
        bool const is_layer = i >= first_kind;
        layer = is_layer ? std::max(layer, buffers[recompute][i]) : layer;
        sum += is_layer ? 0.0 : buffers[recompute][i];
        beside = running.empty() ? 0.0 : std::max(beside, running[recompute][i]);
    }
    return sum + layer + beside;
}

std::vector<engine::Line> lines_of(Chain const& chain, Contents const& contents, Split const& split) {
    std::vector<engine::Line> out;
    double way = 0.0;
    int placed = 0;
    for (std::size_t s = 0; s < chain.stages.size(); ++s) {
        auto const content = at_stage(chain, s, contents.of(placed, placed + split.layers[s]));
        auto const time = chain.stages[s].times->of(content, split.recompute[s], chain.turns);
        out.push_back({Seconds{way}, Seconds{time.turn}});
        way += time.forward + (chain.drains ? time.backward : 0.0);
        placed += split.layers[s];
    }
    return out;
}

double bound_of(Chain const& chain, Contents const& contents, Split const& split) {
    return engine::Pace{lines_of(chain, contents, split)}.step(chain.micro_batches).value();
}

std::optional<Split> best_split(Chain const& chain, Contents const& contents) {
    expects(!chain.stages.empty() && chain.micro_batches > 0, "a chain has stages and micro-batches");
    constexpr double tolerance = 1e-6;
    Placing placing{chain, contents};
    double const least = least_bound(chain, contents) * (1.0 - tolerance);
    constexpr double usual = 1.3; // most chains come so near
    if (!placing.within(least * usual) && !placing.within(never)) {
        return std::nullopt;
    }
    auto out = placing.split();
    double low = least, high = bound_of(chain, contents, out);
    while (high > low * (1.0 + tolerance)) {
        double const middle = std::sqrt(low * high);
        if (placing.within(middle)) {
            out = placing.split();
            high = std::min(middle, bound_of(chain, contents, out));
        } else {
            low = middle;
        }
    }
    out.seconds = bound_of(chain, contents, out);
    return out;
}

} // namespace moesaic::planner
