#pragma once
#include "base/random.hpp"
#include "engine_cluster.hpp"

#include <algorithm>

namespace moesaic::test {

/// A pipeline of 1 to 4 stages with random blocks, groups, detached gradients and schedules; all of it can end.
class RandomProgram {
  public:
    explicit RandomProgram(std::uint64_t seed) : rng_{seed, "random-program"} {
        stages_ = 1 + below(4);
        ranks_ = 8 * (1 + below(3));
        micro_batches_ = 1 + below(6);
        Rng of_messages{seed, "random-messages"};
        blocking_ = of_messages.below(2) == 0;
        in_turn_ = of_messages.below(4) == 0;
    }

    [[nodiscard]] int chips() const { return stages_ * ranks_; }
    /// Nodes and fabric that the program fits on.
    [[nodiscard]] Shape shape() {
        Shape shape{.nodes = chips() / 8, .nics = 1 << below(4)};
        shape.nodes_per_leaf = 1 + below(3);
        shape.oversubscription = 1.0 + 0.5 * below(5);
        shape.scale_up = below(2) == 0 ? hardware::ScaleUpKind::switched : hardware::ScaleUpKind::full_mesh;
        shape.fabric = below(2) == 0 ? hardware::FabricKind::leaf_spine : hardware::FabricKind::rail_fat_tree;
        return shape;
    }

    parallel::Program program() {
        parallel::Program out;
        for (int s = 0; s < stages_; ++s) {
            auto stage = class_of("stage " + std::to_string(s), ranks(s * ranks_, 1, ranks_));
            stage.blocks = {random_block(stage), random_block(stage), step_end(stage)};
            out.classes.push_back(std::move(stage));
        }
        auto const warm_up_all = below(2) == 0; // GPipe, or 1F1B
        for (int s = 0; s < stages_; ++s) {
            schedule(out.classes[s], warm_up_all ? micro_batches_ : std::min(stages_ - s, micro_batches_));
        }
        connect(out);
        return out;
    }

  private:
    int below(int bound) { return static_cast<int>(rng_.below(static_cast<std::uint64_t>(bound))); }
    double amount(double most) { return most * (0.05 + 0.95 * rng_.uniform()); }

    parallel::RankSet random_group(parallel::RankClass const& stage) {
        auto const first = stage.members.first.index();
        switch (below(4)) {
        case 0:
            return ranks(first, 1, 1 << below(4)); // tensor
        case 1:
            return ranks(first, 1, ranks_); // expert
        case 2:
            return ranks(first, 8, ranks_ / 8); // data
        default:
            return ranks(first, 2, ranks_ / 2);
        }
    }
    parallel::BlockOp random_collective(parallel::RankClass const& stage) {
        using enum timing::CollectiveKind;
        constexpr timing::CollectiveKind kinds[] = {all_reduce, all_gather, reduce_scatter, all_to_all,
                                                    broadcast};
        constexpr parallel::Stream on[] = {parallel::Stream::tensor, parallel::Stream::expert,
                                           parallel::Stream::data};
        auto op = collective(on[below(3)], kinds[below(5)], amount(200e6), random_group(stage));
        auto& work = std::get<parallel::Collective>(op.work);
        auto const algorithms = timing::algorithms_of(work.kind);
        work.algorithm = algorithms[below(static_cast<int>(algorithms.size()))];
        op.detached = op.stream == parallel::Stream::data && below(2) == 0;
        return op;
    }
    parallel::Block random_block(parallel::RankClass const& stage) {
        parallel::Block block{"block", parallel::Phase::forward, {}};
        auto const ops = 1 + below(10);
        for (int i = 0; i < ops; ++i) {
            auto op = below(5) < 3 ? kernel(amount(3e-3), "up") : random_collective(stage);
            for (int j = 0; j < i; ++j) {
                if (below(4) == 0 && !block.ops[j].detached) {
                    op.after.push_back(j);
                }
            }
            block.ops.push_back(std::move(op));
        }
        return block;
    }
    static parallel::Block step_end(parallel::RankClass const& stage) {
        auto norm =
            collective(parallel::Stream::data, timing::CollectiveKind::all_reduce, 4.0, stage.members);
        std::get<parallel::Collective>(norm.work).rendezvous = 0;
        return {"step end", parallel::Phase::step_end, {norm, kernel(1e-3, "update", {0})}};
    }
    void schedule(parallel::RankClass& stage, int warm_up) const {
        for (int m = 0; m < warm_up; ++m) {
            stage.schedule.push_back({0, m, {}, {}});
        }
        for (int m = 0; m < micro_batches_; ++m) {
            stage.schedule.push_back({1, m, {}, {}});
            if (m + warm_up < micro_batches_) {
                stage.schedule.push_back({0, m + warm_up, {}, {}});
            }
        }
        stage.schedule.push_back({2, 0, {}, {}});
    }
    void connect(parallel::Program& program) {
        for (int s = 0; s + 1 < stages_; ++s) {
            auto const bytes = Bytes{amount(50e6)};
            for (int m = 0; m < micro_batches_; ++m) {
                add_message(program, {s, s + 1, 0, m}, bytes);
                add_message(program, {s + 1, s, 1, m}, bytes);
            }
        }
    }
    struct Hop {
        int from, to, block, micro_batch;
    };
    void add_message(parallel::Program& program, Hop const& hop, Bytes bytes) const {
        auto const index = static_cast<int>(program.messages.size());
        auto& from = program.classes[hop.from];
        auto& to = program.classes[hop.to];
        program.messages.push_back({.from = ClassId{hop.from},
                                    .to = ClassId{hop.to},
                                    .bytes = bytes,
                                    .source = from.representative,
                                    .destination = to.representative,
                                    .blocking = blocking_,
                                    .in_turn = in_turn_});
        auto const is_item = [&](parallel::WorkItem const& item) {
            return item.block == hop.block && item.micro_batch == hop.micro_batch;
        };
        std::ranges::find_if(from.schedule, is_item)->sends.push_back(index);
        std::ranges::find_if(to.schedule, is_item)->receives.push_back(index);
    }

    Rng rng_;
    int stages_ = 1;
    int ranks_ = 8; ///< of a stage
    int micro_batches_ = 1;
    bool blocking_ = false; ///< messages, and those that take turns
    bool in_turn_ = false;
};

} // namespace moesaic::test
