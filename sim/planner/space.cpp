#include "planner/space.hpp"

namespace moesaic::planner {

std::vector<Local> locals_on(Space const& space, int pool, std::vector<bool> const& paired) {
    std::vector<Local> out;
    for (int const tensor : tensor_degrees(space.problem, pool)) {
        for (auto const& common : common_degrees(space.degrees)) {
            for (bool const pairs : paired) {
                Local const local{pool, tensor, common.context, common.expert, common.micro_batch, pairs};
                if (common.go_with(pairs) && space.times.find(local) != nullptr) {
                    out.push_back(local);
                }
            }
        }
    }
    return out;
}

} // namespace moesaic::planner
