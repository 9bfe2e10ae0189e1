#include "sweep/design.hpp"

#include "base/overloaded.hpp"
#include "base/random.hpp"

#include <algorithm>
#include <bit>
#include <boost/random/sobol.hpp>
#include <fmt/format.h>

namespace moesaic::sweep {

namespace {

constexpr std::int64_t most_points = 10'000'000;

std::uint64_t mixed(std::uint64_t value, std::uint64_t key) {
    Rng rng{value ^ key, "permutation"};
    return rng();
}

/// Digits of the sequence's point with this number, the zero at its start included (which boost leaves out).
std::vector<std::uint32_t> sobol_digits(std::size_t dimensions, std::int64_t index) {
    using Engine = boost::random::sobol_engine<std::uint32_t, 32>;
    std::vector<std::uint32_t> digits(dimensions, 0);
    if (index > 0) {
        Engine engine{dimensions};
        engine.seed(static_cast<Engine::size_type>(index - 1));
        engine.generate(digits.begin(), digits.end());
    }
    return digits;
}

double place_of_digits(std::uint32_t digits) { return static_cast<double>(digits) * 0x1.0p-32; }

std::vector<double> sobol_point(std::size_t dimensions, std::int64_t draw) {
    std::vector<double> out;
    std::ranges::transform(sobol_digits(dimensions, draw + 1), std::back_inserter(out), place_of_digits);
    return out;
}

/// The first points of the sequence are alike in all dimensions, and A must not be B: a random digital shift of each
/// dimension parts them and keeps their even spread.
std::vector<double> saltelli_point(std::uint64_t seed, std::vector<std::string> const& streams,
                                   std::int64_t draw) {
    auto const members = static_cast<std::int64_t>(streams.size()) + 2; // A, B, A with axis 0 of B, ..
    auto const member = draw % members;
    auto const digits = sobol_digits(2 * streams.size(), draw / members); // of each axis its A, then its B
    std::vector<double> out;
    for (std::size_t axis = 0; axis < streams.size(); ++axis) {
        bool const from_b = member == 1 || member == 2 + static_cast<std::int64_t>(axis);
        Rng shift{seed, fmt::format("shift of axis {} in {}", streams[axis], from_b ? "B" : "A")};
        out.push_back(
            place_of_digits(digits[2 * axis + (from_b ? 1 : 0)] ^ static_cast<std::uint32_t>(shift() >> 32)));
    }
    return out;
}

double uniform_place(std::uint64_t seed, std::string const& stream, std::int64_t draw) {
    return Rng{seed, fmt::format("axis {} draw {}", stream, draw)}.uniform();
}

double strip_place(std::uint64_t seed, std::string const& stream, std::int64_t draw, std::int64_t points) {
    auto const count = static_cast<std::uint64_t>(points);
    auto const key = Rng{seed, fmt::format("strips of axis {}", stream)}();
    auto const strip = permuted(static_cast<std::uint64_t>(draw), count, key);
    return (static_cast<double>(strip) + uniform_place(seed, stream, draw)) / static_cast<double>(count);
}

} // namespace

Design read_design(io::TomlTable const& table, std::string_view key) {
    if (!table.has(key)) {
        return Grid{};
    }
    if (table.is_text(key) && table.text(key) == "grid") {
        return Grid{};
    }
    auto const t = table.table(key);
    auto const kind = t.text("kind");
    auto const points = [&](std::string_view count) {
        auto const value = t.integer_from(count, 1);
        if (value > most_points) {
            throw InputError{t.origin(count), fmt::format("more than {} points", most_points)};
        }
        return value;
    };
    Design design;
    if (kind == "random") {
        design = Random{points("points")};
    } else if (kind == "latin_hypercube") {
        design = LatinHypercube{points("points")};
    } else if (kind == "sobol") {
        design = Sobol{points("points")};
    } else if (kind == "saltelli") {
        design = Saltelli{points("base_points")};
    } else if (kind != "grid") {
        throw InputError{t.origin("kind"), fmt::format("\"{}\" is no design", kind),
                         "Known: grid, random, latin_hypercube, sobol, saltelli"};
    }
    t.reject_unknown_keys();
    return design;
}

std::string_view name_of(Design const& design) {
    return std::visit(overloaded{[](Grid) { return "grid"; }, [](Random) { return "random"; },
                                 [](LatinHypercube) { return "latin_hypercube"; },
                                 [](Sobol) { return "sobol"; }, [](Saltelli) { return "saltelli"; }},
                      design);
}

bool is_drawn(Design const& design) { return !std::holds_alternative<Grid>(design); }

std::int64_t draws_of(Design const& design, int axes) {
    return std::visit(overloaded{[](Grid) { return std::int64_t{1}; },
                                 [&](Saltelli s) { return s.base_points * (axes + 2); },
                                 [](auto const& drawn) { return drawn.points; }},
                      design);
}

std::vector<double> places_of(Design const& design, std::uint64_t seed,
                              std::vector<std::string> const& streams, std::int64_t draw) {
    if (streams.empty()) {
        return {};
    }
    auto const each = [&](auto const& place) {
        std::vector<double> out;
        std::ranges::transform(streams, std::back_inserter(out), place);
        return out;
    };
    auto const uniform = [&](std::string const& stream) { return uniform_place(seed, stream, draw); };
    return std::visit(overloaded{[&](Grid) { return each([](auto const&) { return 0.0; }); },
                                 [&](Random) { return each(uniform); },
                                 [&](LatinHypercube d) {
                                     return each([&](std::string const& stream) {
                                         return strip_place(seed, stream, draw, d.points);
                                     });
                                 },
                                 [&](Sobol) { return sobol_point(streams.size(), draw); },
                                 [&](Saltelli) { return saltelli_point(seed, streams, draw); }},
                      design);
}

/// A Feistel network over the least even number of bits that holds the count; what falls outside goes through it
/// again until it falls inside.
std::uint64_t permuted(std::uint64_t index, std::uint64_t count, std::uint64_t key) {
    expects(index < count, "an index below the count");
    auto const half = (std::bit_width(count - 1) + 1) / 2;
    auto const mask = (std::uint64_t{1} << half) - 1;
    do {
        auto left = index >> half, right = index & mask;
        for (std::uint64_t round = 0; round < 4; ++round) {
            auto const next = left ^ (mixed(right, key + round) & mask);
            left = right;
            right = next;
        }
        index = left << half | right;
    } while (index >= count);
    return index;
}

} // namespace moesaic::sweep
