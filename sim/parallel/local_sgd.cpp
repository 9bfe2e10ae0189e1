#include "parallel/local_sgd.hpp"

#include "parallel/read_choice.hpp"
#include "timing/collective_curve.hpp"

#include <algorithm>

namespace moesaic::parallel {

Choices<OuterSum> const& outer_sum_choices() {
    static Choices<OuterSum> const choices{{"diloco", OuterSum::diloco}, {"edit", OuterSum::edit}};
    return choices;
}

std::string_view name_of(OuterSum method) { return name_in(outer_sum_choices(), method); }

LocalSgd read_local_sgd(io::TomlTable const& t) {
    LocalSgd out{.every = t.count("every", 1),
                 .method = one_of(t, "method", OuterSum::diloco, outer_sum_choices()),
                 .workers = t.count_or("workers", 1, 1),
                 .format = read_dtype(t, "format", Dtype::fp32),
                 .time_based = t.boolean_or("time_based", false),
                 .offload = t.boolean_or("offload", false),
                 .meets = false,
                 .origin = t.origin()};
    t.reject_unknown_keys();
    return out;
}

namespace {

Bytes outer_bytes(Block const& block) {
    Bytes sum;
    for (auto const& op : block.ops) {
        auto const* collective = std::get_if<Collective>(&op.work);
        if (collective != nullptr && collective->role == outer_role) {
            sum += collective->bytes *
                   timing::rank_bytes_per_byte(collective->kind, static_cast<int>(collective->group.count));
        }
    }
    return sum;
}

} // namespace

Bytes outer_bytes(Program const& program) {
    Bytes most;
    for (auto const& rank_class : program.classes) {
        Bytes sum;
        for (auto const& item : rank_class.schedule) {
            sum += outer_bytes(rank_class.blocks[static_cast<std::size_t>(item.block)]);
        }
        most = std::max(most, sum);
    }
    return most;
}

} // namespace moesaic::parallel
