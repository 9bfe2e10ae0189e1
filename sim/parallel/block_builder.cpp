#include "parallel/block_builder.hpp"

#include "parallel/addition.hpp"

namespace moesaic::parallel {

namespace {
/// Host processors and their settings differ. Chosen, not measured: hosts of like machines took 9 to 12.4 ms for a layer with
/// experts, that of a GB200 three times as long (analysis/accuracy.md); profiles of one model on several hosts would tell.
constexpr double host_sigma = 0.3;

Compute launches(Seconds time) {
    return {.duration = {time, timing::Evidence::analytic, host_sigma},
            .kind = model::OpKind::add,
            .role = "launches",
            .pass = model::Pass::forward,
            .work = {},
            .key = std::string{host_key}};
}
} // namespace

int BlockBuilder::push(Stream stream, std::variant<Compute, Collective> work, bool detached) {
    BlockOp op{stream, std::move(work), {}, detached};
    if (tail_) {
        op.after.push_back(*tail_);
    }
    if (!detached) {
        op.after.insert(op.after.end(), also_.begin(), also_.end());
        also_.clear();
    }
    ops_.push_back(std::move(op));
    return static_cast<int>(ops_.size()) - 1;
}

void BlockBuilder::compute(std::span<model::Operation const> ops, std::string_view role_prefix) {
    for (auto const& op : ops) {
        auto priced = pricer_->price(op);
        priced.role.insert(0, role_prefix);
        tail_ = push(Stream::compute, std::move(priced), false);
    }
}

void BlockBuilder::move(Bytes bytes, std::string_view role) {
    constexpr double bytes_per_sum = 3.0 * 2.0; // two operands and a result of 16 bits
    if (bytes.value() > 0.0) {
        compute(std::vector{addition_of(bytes.value() / bytes_per_sum, Dtype::bf16, std::string{role})});
    }
}

void BlockBuilder::collective(Stream stream, Collective const& work) {
    if (work.group.count > 1) {
        tail_ = push(stream, work, false);
    }
}

void BlockBuilder::detached(Stream stream, Collective const& work) {
    if (work.group.count > 1) {
        (void)push(stream, work, true);
    }
}

std::optional<int> BlockBuilder::beside(Stream stream, Collective const& work) {
    if (work.group.count <= 1) {
        return std::nullopt;
    }
    BlockOp op{stream, work, {}};
    if (tail_) {
        op.after.push_back(*tail_);
    }
    ops_.push_back(std::move(op));
    return static_cast<int>(ops_.size()) - 1;
}

std::optional<int> BlockBuilder::from_start(Stream stream, Collective const& work) {
    if (work.group.count <= 1) {
        return std::nullopt;
    }
    ops_.push_back({.stream = stream, .work = work, .after = {}, .detached = false, .early = true});
    return static_cast<int>(ops_.size()) - 1;
}

void BlockBuilder::host(Seconds time) {
    if (time.value() > 0.0) {
        ops_.push_back({.stream = Stream::host, .work = launches(time), .after = {}});
        wait_for(static_cast<int>(ops_.size()) - 1);
    }
}

void BlockBuilder::host_in_turn(Seconds time) {
    if (time.value() > 0.0) {
        tail_ = push(Stream::host, launches(time), false);
    }
}

void BlockBuilder::wait_for(std::optional<int> op) {
    if (op) {
        also_.push_back(*op);
    }
}

} // namespace moesaic::parallel
