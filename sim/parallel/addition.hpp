#pragma once
#include "model/operation.hpp"

#include <string>

namespace moesaic::parallel {

/// A kernel that adds so many numbers to others: rows of 1,024, and one more.
[[nodiscard]] model::Operation addition_of(double numbers, Dtype format, std::string role);

} // namespace moesaic::parallel
