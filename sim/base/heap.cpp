#include "base/heap.hpp"

#include <cstdint>
#include <cstdlib>
#include <malloc.h>
#include <sys/mman.h>

namespace moesaic {

void prepare_heap() {
    constexpr int keep = 1 << 30, largest_kept = 32 << 20;
    constexpr std::size_t on_large_pages = 64 << 20; // reserved: what is never touched takes no memory
    mallopt(M_TRIM_THRESHOLD, keep);
    mallopt(M_MMAP_THRESHOLD, keep); // so that the next one is cut from the heap
    if (auto* const begin = static_cast<char*>(std::malloc(on_large_pages))) {
        constexpr std::size_t page = 4096;
        auto const to_page = page - reinterpret_cast<std::uintptr_t>(begin) % page;
        // a system without large pages refuses, and nothing is lost
        (void)madvise(begin + to_page, on_large_pages - 2 * page, MADV_HUGEPAGE);
        std::free(begin);
    }
    mallopt(M_MMAP_THRESHOLD, largest_kept);
}

} // namespace moesaic
