#pragma once
#include "timing/kriging.hpp"
#include "timing/store_view.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace moesaic::timing {

/// What is asked: a kernel as a series with these traits would have measured it.
struct Question {
    Kernel const& kernel;
    std::string const& chip; ///< the name under which tables list the series' chip
    Roofline roofline;       ///< of the chip asked for
    Traits traits;
    int series = -1; ///< the one whose shape counts as measured; -1 = none
};

struct Estimate {
    Seconds time;
    double sigma = 0;
    bool measured = false;     ///< this very shape
    double own_distance = 1e9; ///< to the nearest shape of the same chip, in scaled log2 of the sizes
    double beyond = 0;         ///< how far outside the box of its series' shapes, in the same
};

/// How a series differs from its family's smoothness, as factors.
struct Roughness {
    double noise = 1, length = 1, amplitude = 1, rest = 1;
};

/// Answers from the series of a store; keeps what it learns about them (whom to ask, how far to trust them).
/// The store must outlive it and not change.
class Estimator {
  public:
    explicit Estimator(TimingStore const& store) : store_{store}, memory_{std::make_shared<Memory>()} {}
    /// The same one, with what it has learnt and learns, that notes which rows its answers go through.
    [[nodiscard]] Estimator noting_in(Consulted& consulted) const;
    [[nodiscard]] StoreView store() const { return {store_, consulted_}; }
    /// From the question's series and, where it holds few shapes or none as far out, from its relatives: other options and
    /// formats of the chip, then other chips. none where no series has the operation.
    [[nodiscard]] std::optional<Estimate> estimate(Question const& question) const;

  private:
    struct Learnt {
        Roughness roughness;
        double scale = 1; ///< by how much the misses of left-out shapes exceed the sigma that kriging states
        Consulted consulted; ///< on the way; who is told later rests on it as well
    };
    struct Memory {
        std::mutex learning;
        std::map<int, Learnt> learnt;
    };
    [[nodiscard]] Learnt const& learn(Question const& question) const;
    [[nodiscard]] static Learnt learn_from(StoreView const& store, Question const& question);
    TimingStore const& store_;
    std::shared_ptr<Memory> memory_;
    Consulted* consulted_ = nullptr;
};

} // namespace moesaic::timing
