#include "base/errors.hpp"
#include "io/text_file.hpp"
#include "timing/profile.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

namespace moesaic::timing {

namespace {

constexpr std::pair<std::string_view, std::string_view> names_of_tests[] = {
    {"all_reduce", "all_reduce"}, {"all_gather", "all_gather"}, {"reduce_scatter", "reduce_scatter"},
    {"alltoall", "all_to_all"},   {"all_to_all", "all_to_all"}, {"sendrecv", "send_recv"},
    {"broadcast", "broadcast"}};

std::string op_in(std::string_view line) {
    for (auto const& [test, op] : names_of_tests) {
        if (line.find(test) != std::string_view::npos) {
            return std::string{op};
        }
    }
    return {};
}

std::string dtype_of(std::string_view type) {
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"float", "fp32"}, {"fp32", "fp32"},  {"half", "fp16"}, {"fp16", "fp16"},  {"bfloat16", "bf16"},
        {"bf16", "bf16"},  {"bfp16", "bf16"}, {"int8", "int8"}, {"uint8", "int8"}, {"double", "fp64"}};
    auto const at = std::ranges::find(names, type, &std::pair<std::string_view, std::string_view>::first);
    return at == std::end(names) ? std::string{} : std::string{at->second};
}

std::vector<std::string> words_of(std::string const& line) {
    std::istringstream in{line};
    std::vector<std::string> out;
    for (std::string word; in >> word;) {
        out.push_back(word);
    }
    return out;
}

std::optional<double> number(std::string const& text) {
    double value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

/// What the head of the output says: the test, the ranks and their hosts. A file may hold several, each with its head.
class Head {
  public:
    std::string op;
    int ranks = 0;
    std::set<std::string> hosts;

    void take(std::string const& line) {
        take_op(line);
        auto const words = words_of(line);
        // "#  Rank  0 Group  0 Pid 2177 on host-1 device  0 [0x07] NVIDIA A100"
        auto const on = std::ranges::find(words, "on");
        bool const rank = words.size() > 2 && words[0] == "#" && words[1] == "Rank" && on != words.end() &&
                          on + 1 != words.end();
        if (rank || line.starts_with("# nThread") || line.find("test starting") != std::string::npos) {
            begin();
        }
        if (rank) {
            ++ranks;
            hosts.insert(*(on + 1));
        }
        take_rank_size(words);
    }
    /// A result was read: what comes next of a head is the next test's.
    void end() {
        ended_ = true;
        op_is_next_ = false;
    }

  private:
    void begin() {
        if (std::exchange(ended_, false)) {
            op = op_is_next_ ? op : std::string{};
            ranks = 0;
            hosts.clear();
        }
    }
    void take_op(std::string const& line) {
        bool const names = line.find("_perf") != std::string::npos ||
                           line.find("starting") != std::string::npos ||
                           line.find("_test") != std::string::npos;
        auto const found = names && line.find("concluded") == std::string::npos ? op_in(line) : std::string{};
        if (!found.empty()) {
            op = found;
            op_is_next_ = true;
        }
    }
    /// hccl_test: "the minbytes is …, …; rank_size: 8"
    void take_rank_size(std::vector<std::string> const& words) {
        constexpr double most = 1e9;
        for (std::size_t i = 0; i + 1 < words.size(); ++i) {
            auto const size = words[i].starts_with("rank_size") ? number(words[i + 1]) : std::nullopt;
            ranks = size && *size >= 0 && *size < most ? static_cast<int>(*size) : ranks;
        }
    }
    bool ended_ = false, op_is_next_ = false;
};

/// Places of the fields in a line of numbers, by its number of words: out-of-place time, checks.
struct Places {
    std::size_t time;
    std::optional<std::size_t> type, wrong;
};
std::optional<Places> places_of(std::vector<std::string> const& words) {
    // nccl-tests: size count type redop root time algbw busbw #wrong (time algbw busbw #wrong); older ones have no root
    constexpr std::size_t with_root = 13, without_root = 12, out_of_place_alone = 9;
    if (words.size() == with_root || words.size() == out_of_place_alone) {
        return Places{5, 2, 8};
    }
    if (words.size() == without_root) {
        return Places{4, 2, std::nullopt}; // its last column is a magnitude of errors, not their number
    }
    // hccl_test: data_size aveg_time alg_bandwidth check_result
    return words.size() == 4 ? std::optional{Places{1, std::nullopt, 3}} : std::nullopt;
}

/// Bytes and microseconds above 0 that 64 bits hold.
bool can_be(double value) { return value > 0 && value < 9e18; }

bool check_failed(std::string const& word) {
    auto const wrong = number(word);
    return (wrong && *wrong > 0) || word == "failed";
}

} // namespace

std::int64_t read_collective_test(std::string const& path,
                                  std::function<void(CollectiveRow const&)> const& each) {
    std::istringstream in{io::read_text_file(path)};
    Head head;
    std::int64_t refused = 0, taken = 0;
    for (std::string line; std::getline(in, line);) {
        std::ranges::replace(line, '|', ' ');
        auto const words = words_of(line);
        auto const size = words.empty() ? std::nullopt : number(words[0]);
        if (!size) {
            head.take(line);
            continue;
        }
        auto const places = places_of(words);
        auto const time = places ? number(words[places->time]) : std::nullopt;
        bool const wrong = places && places->wrong && check_failed(words[*places->wrong]);
        head.end();
        if (*size == 0) {
            continue; // nccl-tests warms up with nothing
        }
        if (!time || !can_be(*size) || !can_be(*time) || wrong) {
            ++refused;
            continue;
        }
        ++taken;
        each({head.op, static_cast<std::int64_t>(*size), head.ranks, static_cast<int>(head.hosts.size()),
              places->type ? dtype_of(words[*places->type]) : std::string{}, Seconds{*time * 1e-6}});
    }
    if (taken == 0) {
        throw InputError{Origin::whole_file(path), "holds no results of nccl-tests, rccl-tests or hccl_test"};
    }
    return refused;
}

} // namespace moesaic::timing
