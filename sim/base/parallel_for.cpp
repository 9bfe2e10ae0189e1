#include "base/parallel_for.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace moesaic {

int workers_or_cores(int asked) {
    return asked > 0 ? asked : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

void parallel_for(std::size_t count, int workers, std::function<void(std::size_t)> const& work) {
    std::atomic<std::size_t> next{0};
    std::vector<std::exception_ptr> thrown(count);
    auto const take = [&] {
        for (auto i = next++; i < count; i = next++) {
            try {
                work(i);
            } catch (...) {
                thrown[i] = std::current_exception();
            }
        }
    };
    {
        std::vector<std::jthread> others; // this thread is one of the workers
        for (std::size_t w = 1; w < std::min(count, static_cast<std::size_t>(std::max(1, workers))); ++w) {
            others.emplace_back(take);
        }
        take();
    }
    auto const first = std::ranges::find_if(thrown, [](auto const& e) { return e != nullptr; });
    if (first != thrown.end()) {
        std::rethrow_exception(*first);
    }
}

} // namespace moesaic
