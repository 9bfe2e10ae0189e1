// How libFuzzer changes files of `key = value` lines: mostly by line, so that what comes out is still TOML and gets past its parser.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using Random = std::minstd_rand;
using Lines = std::vector<std::string>;

std::size_t below(Random& random, std::size_t n) { return random() % n; }

Lines lines_of(std::string const& text) {
    Lines out{""};
    for (char const c : text) {
        if (c == '\n') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    if (out.size() > 1 && out.back().empty()) {
        out.pop_back(); // the text ended with its last line
    }
    return out;
}

std::string text_of(Lines const& lines) {
    std::string out;
    for (auto const& line : lines) {
        out += line;
        out += '\n';
    }
    return out;
}

/// Lines of all inputs so far: what stands in one file is tried in others.
Lines const& seen(Lines const& more) {
    constexpr std::size_t most = 50'000;
    static std::set<std::string> known;
    static Lines all;
    for (auto const& line : more) {
        if (all.size() < most && known.insert(line).second) {
            all.push_back(line);
        }
    }
    return all;
}

std::string value_in(std::string const& line) {
    auto const at = line.find('=');
    return at == std::string::npos ? line : line.substr(at + 1);
}

std::string odd_value(Random& random) {
    constexpr std::array values{"0",
                                "-1",
                                "1",
                                "2",
                                "3",
                                "7",
                                "64",
                                "1000000",
                                "1e308",
                                "1e-308",
                                "nan",
                                "inf",
                                "-0.0",
                                "0.5",
                                "true",
                                "false",
                                "\"\"",
                                "\"x\"",
                                "[]",
                                "[1]",
                                "{}",
                                "\"1 GB\"",
                                "\"0 s\"",
                                "\"-1 GB/s\"",
                                "\"50 %\"",
                                "2025-01-01",
                                "\"1e300 TFLOP/s\"",
                                "9223372036854775807",
                                "-9223372036854775808",
                                "2147483648"};
    return values[below(random, values.size())];
}

void change_value(std::string& line, Lines const& pool, Random& random) {
    auto const at = line.find('=');
    if (at != std::string::npos) {
        auto const other = random() % 2 == 0 ? odd_value(random) : value_in(pool[below(random, pool.size())]);
        line = line.substr(0, at + 1) + " " + other;
    }
}

void change_digit(std::string& line, Random& random) {
    auto const digit = [](char c) { return c >= '0' && c <= '9'; };
    auto const count = std::count_if(line.begin(), line.end(), digit);
    if (count == 0) {
        return;
    }
    auto at = std::find_if(line.begin(), line.end(), digit);
    for (auto skip = below(random, static_cast<std::size_t>(count)); skip > 0; --skip) {
        at = std::find_if(at + 1, line.end(), digit);
    }
    *at = static_cast<char>('0' + random() % 10);
}

void change(Lines& lines, Lines const& pool, Random& random) {
    auto const at = below(random, lines.size());
    switch (random() % 8) {
    case 0:
        lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
        break;
    case 1:
    case 2:
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), pool[below(random, pool.size())]);
        break;
    case 3:
        std::swap(lines[at], lines[below(random, lines.size())]);
        break;
    case 4:
        change_digit(lines[at], random);
        break;
    default:
        change_value(lines[at], pool, random);
    }
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed) {
    Random random{seed + 1};
    auto lines = lines_of(std::string(data, data + size));
    auto const& pool = seen(lines);
    if (random() % 8 == 0) {
        return LLVMFuzzerMutate(data, size, most);
    }
    for (auto times = random() % 3 + 1; times > 0 && !lines.empty(); --times) {
        change(lines, pool, random);
    }
    auto const text = text_of(lines);
    auto const kept = std::min(text.size(), most);
    std::copy_n(text.begin(), kept, data);
    return kept;
}
