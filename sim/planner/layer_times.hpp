#pragma once
#include "planner/candidate.hpp"
#include "planner/contents.hpp"
#include "planner/problem.hpp"

#include <array>
#include <compare>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

namespace moesaic::planner {

/// What decides how long a layer takes on a rank, whatever the rest of the plan.
struct Local {
    int pool = 0;
    int tensor = 1;
    int context = 1;
    int expert = 1;
    int micro_batch = 1;
    bool paired = false; ///< exchanges of tokens are hidden
    friend auto operator<=>(Local const&, Local const&) = default;
};

/// A part alone: one of the ends, or a layer of the kind.
[[nodiscard]] parallel::ChunkContent chunk_of(Contents const& contents, std::size_t part);

/// One pass of a micro-batch over a part on an idle cluster, in seconds.
struct PassTime {
    double length = 0.0;
    std::array<double, parallel::streams> busy{};
};
struct PartTimes {
    PassTime forward;
    std::vector<PassTime> backward; ///< by what is computed again, see LayerTimes::recompute()
    std::vector<double> parted;     ///< length of the same in two blocks
};

/// Least times of a stage's work for one micro-batch, in seconds.
struct StageTime {
    double turn = 0.0;     ///< forward and backward
    double forward = 0.0;  ///< until the next stage can start
    double backward = 0.0; ///< until the stage before can go on
};

/// What a stage has to do for one micro-batch, of several parts together.
struct Passes {
    PassTime forward, backward;
    double parted = 0.0; ///< the backward's length in two blocks
    Passes& operator+=(Passes const& other);
    [[nodiscard]] Passes operator*(double times) const;
};
/// Of each figure the lesser one: no work has less that has one of the two.
[[nodiscard]] Passes least_of(Passes const& a, Passes const& b);
[[nodiscard]] StageTime stage_time(Passes const& passes, Turns turns);

struct LocalTimes {
    std::array<PartTimes, parts> part; ///< those that the model has
    /// Of one that the model has. @param recompute index into LayerTimes::recompute()
    [[nodiscard]] Passes of_part(std::size_t index, std::size_t recompute) const;
    [[nodiscard]] Passes passes(Content const& content, std::size_t recompute) const;
    [[nodiscard]] StageTime of(Content const& content, std::size_t recompute, Turns turns) const;
};

/// Times of parts, each asked once of the engine (engine::block_bounds), so that sums of them are never above what the
/// engine finds. May be asked by several threads at once.
class LayerTimes {
  public:
    /// @param recompute what a plan may compute again
    LayerTimes(Problem const& problem, std::vector<parallel::Recompute> recompute);
    ~LayerTimes();

    [[nodiscard]] std::vector<parallel::Recompute> const& recompute() const { return recompute_; }
    [[nodiscard]] Contents const& contents() const { return contents_; }
    /// null where the model does not divide so, or the pool is too small
    [[nodiscard]] LocalTimes const* find(Local const& local);
    /// Layers of `stages` alike stages whose longest is as short as can be, whatever they hold; empty where they are too
    /// many. Found once.
    [[nodiscard]] std::vector<int> const& evenest_split(Local const& local, int stages, std::size_t recompute,
                                                        Turns turns);
    /// Ranks that hold all experts once.
    [[nodiscard]] static int span_of(Local const& local);

  private:
    [[nodiscard]] std::unique_ptr<LocalTimes> measure(Local const& local);
    /// Forward, then for each plan backward whole and in its two halves.
    void append_blocks(parallel::RankClass& rank_class, std::vector<parallel::Plan> const& plans,
                       parallel::ChunkContent const& chunk, parallel::Pricer& pricer) const;
    [[nodiscard]] hardware::Topology const& topology_for(int pool, int ranks);

    Problem const& problem_;
    Contents contents_;
    std::vector<parallel::Recompute> recompute_;
    std::mutex known_mutex_, splits_mutex_;
    std::map<Local, std::unique_ptr<LocalTimes>> known_;
    std::map<std::tuple<Local, int, std::size_t, Turns>, std::vector<int>> splits_;
    std::map<std::pair<int, int>, hardware::Topology> topologies_; ///< by pool and chips
};

/// A plan of one stage of one kind, for what concerns a stage alone.
[[nodiscard]] parallel::Plan plan_of_stage(Problem const& problem, Local const& local, int replicas,
                                           parallel::Recompute recompute);

} // namespace moesaic::planner
