#pragma once

namespace moesaic {

/// For programs that build and drop hundreds of simulations: memory that was given back is kept, where glibc would return it to
/// the system and fetch it again page by page; and the heap begins on large pages, since a fault costs microseconds in a
/// virtual machine and a simulation touches thousands of small ones. Does nothing but glibc's own where a system has neither.
void prepare_heap();

} // namespace moesaic
