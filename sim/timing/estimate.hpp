#pragma once
#include "timing/kriging.hpp"
#include "timing/store.hpp"

#include <map>
#include <mutex>
#include <optional>

namespace moesaic::timing {

/// What is asked: a kernel as a series with these traits would have measured it.
struct Question {
    Kernel const& kernel;
    Roofline roofline; ///< of the chip asked for
    Traits traits;
    int series = -1; ///< the one whose shape counts as measured; -1 = none
};

struct Estimate {
    Seconds time;
    double sigma = 0;
    bool measured = false;     ///< this very shape
    double own_distance = 1e9; ///< to the nearest shape of the same chip, in scaled log2 of the sizes
};

/// How a series differs from its family's smoothness, as factors.
struct Roughness {
    double noise = 1, length = 1, amplitude = 1, rest = 1;
};

/// Answers from the series of a store; keeps what it learns about them (whom to ask, how far to trust them).
/// The store must outlive it and not change.
class Estimator {
  public:
    explicit Estimator(TimingStore const& store) : store_{store} {}
    [[nodiscard]] TimingStore const& store() const { return store_; }
    /// From the question's series and, where it holds few shapes, from its relatives: other options and formats of
    /// the chip, then other chips. none where no series has the operation.
    [[nodiscard]] std::optional<Estimate> estimate(Question const& question) const;

  private:
    struct Learnt {
        Roughness roughness;
        double scale = 1; ///< by how much the misses of left-out shapes exceed the sigma that kriging states
    };
    [[nodiscard]] Learnt learn(Question const& question) const;
    TimingStore const& store_;
    mutable std::mutex learning_;
    mutable std::map<int, Learnt> learnt_;
};

} // namespace moesaic::timing
