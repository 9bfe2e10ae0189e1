#pragma once
#include <functional>
#include <string>
#include <vector>

namespace moesaic {

/// Runs each job in a process of its own (a simulation may run once per process) and gives their texts in the order of
/// the jobs; at most `workers` run at a time. A job's InputError comes back as InputError, anything else that ends a
/// process (an exception, a signal) as BugError.
/// @param done is called after each job, with the number of finished ones
[[nodiscard]] std::vector<std::string> run_isolated(std::vector<std::function<std::string()>> const& jobs,
                                                    int workers,
                                                    std::function<void(std::size_t)> const& done = {});

} // namespace moesaic
