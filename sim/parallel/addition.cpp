#include "parallel/addition.hpp"

#include <utility>

namespace moesaic::parallel {

model::Operation addition_of(double numbers, Dtype format, std::string role) {
    constexpr std::int64_t columns = 1024;
    return {.kind = model::OpKind::add,
            .dtype = format,
            .m = static_cast<std::int64_t>(numbers / columns) + 1,
            .n = columns,
            .role = std::move(role)};
}

} // namespace moesaic::parallel
