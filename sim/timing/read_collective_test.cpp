#include "base/errors.hpp"
#include "io/text_file.hpp"
#include "timing/profile.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <map>
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
/// Tests of which the tables have no operation.
constexpr std::string_view other_tests[] = {"reduce",    "gather",     "scatter",   "hypercube",
                                            "alltoallv", "alltoallvc", "allgatherv"};

/// Empty where tables have no such operation.
std::string op_of(std::string_view test) {
    auto const at =
        std::ranges::find(names_of_tests, test, &std::pair<std::string_view, std::string_view>::first);
    return at == std::end(names_of_tests) ? std::string{} : std::string{at->second};
}

/// "all_reduce" of "build/all_reduce_perf" and of "bin/all_reduce_test"; empty where it names no test.
std::string_view test_in(std::string_view word) {
    for (auto const* ending : {"_perf", "_test"}) {
        auto const end = word.find(ending);
        if (end == std::string_view::npos) {
            continue;
        }
        auto const name = word.substr(0, end);
        auto const before = name.find_last_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
        return name.substr(before == std::string_view::npos ? 0 : before + 1);
    }
    return {};
}

/// What a collective moves are bytes: formats that the tables lack stand without a name.
std::string dtype_of(std::string_view type) {
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"float", "fp32"}, {"fp32", "fp32"},    {"half", "fp16"},    {"fp16", "fp16"},  {"bfloat16", "bf16"},
        {"bf16", "bf16"},  {"bfp16", "bf16"},   {"int8", "int8"},    {"uint8", "int8"}, {"double", "fp64"},
        {"fp64", "fp64"},  {"fp8_e4m3", "fp8"}, {"fp8_e5m2", "fp8"}, {"f8e4m3", "fp8"}, {"f8e5m2", "fp8"}};
    auto const at = std::ranges::find(names, type, &std::pair<std::string_view, std::string_view>::first);
    return at == std::end(names) ? "unspecified" : std::string{at->second};
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
    std::string test; ///< as the output names it; empty where it does not

    void take(std::string const& line) {
        auto const words = words_of(line);
        take_test(line, words);
        // "#  Rank  0 Group  0 Pid 2177 on host-1 device  0 [0x07] NVIDIA A100"
        auto const on = std::ranges::find(words, "on");
        bool const rank = words.size() > 4 && words[0] == "#" && words[1] == "Rank" && on != words.end() &&
                          on + 1 != words.end();
        if (rank || line.starts_with("# nThread") || line.find("test starting") != std::string::npos) {
            begin();
        }
        if (rank) {
            auto& group = groups_[words[3] == "Group" ? words[4] : std::string{}];
            ++group.ranks;
            group.hosts.insert(*(on + 1));
        }
        take_rank_size(words);
    }
    /// A result was read: what comes next of a head is the next test's.
    void end() {
        ended_ = true;
        test_is_next_ = false;
    }
    /// Of one communicator: NCCL_TESTS_SPLIT makes several that run side by side, each a group.
    [[nodiscard]] int ranks() const { return groups_.empty() ? rank_size_ : groups_.begin()->second.ranks; }
    [[nodiscard]] int nodes() const {
        return groups_.empty() ? 0 : static_cast<int>(groups_.begin()->second.hosts.size());
    }
    [[nodiscard]] bool groups_are_alike() const {
        return std::ranges::all_of(groups_, [&](auto const& named) {
            return named.second.ranks == ranks() && static_cast<int>(named.second.hosts.size()) == nodes();
        });
    }

  private:
    void begin() {
        if (std::exchange(ended_, false)) {
            test = test_is_next_ ? test : std::string{};
            rank_size_ = 0;
            groups_.clear();
        }
    }
    void take_test(std::string const& line, std::vector<std::string> const& words) {
        if (line.find("concluded") != std::string::npos) {
            return;
        }
        bool named = false; // by "starting:", whatever the name
        for (auto const& word : words) {
            auto const name = test_in(word);
            bool const known = !op_of(name).empty() || std::ranges::count(other_tests, name) > 0;
            if (!name.empty() && (known || named)) {
                test = name;
                test_is_next_ = true;
            }
            named = word == "starting:";
        }
    }
    /// hccl_test: "the minbytes is …, …; rank_size: 8"
    void take_rank_size(std::vector<std::string> const& words) {
        constexpr double most = 1e9;
        for (std::size_t i = 0; i + 1 < words.size(); ++i) {
            auto const size = words[i].starts_with("rank_size") ? number(words[i + 1]) : std::nullopt;
            rank_size_ = size && *size >= 0 && *size < most ? static_cast<int>(*size) : rank_size_;
        }
    }
    struct Group {
        int ranks = 0;
        std::set<std::string> hosts;
    };
    std::map<std::string, Group> groups_;
    int rank_size_ = 0;
    bool ended_ = false, test_is_next_ = false;
};

/// Places of the fields in a line of numbers, by its number of words: out-of-place time, checks.
struct Places {
    std::size_t time;
    std::optional<std::size_t> type, wrong;
};
std::optional<Places> places_of(std::vector<std::string> const& words) {
    // nccl-tests: size count type redop root time algbw busbw #wrong (time algbw busbw #wrong); older ones have no root
    // (with redop or root alone), and tests that reduce nothing have neither
    constexpr std::size_t with_root = 13, without_root = 12, without_both = 11, out_of_place_alone = 9;
    if (words.size() == with_root || words.size() == out_of_place_alone) {
        return Places{5, 2, 8};
    }
    if (words.size() == without_root || words.size() == without_both) {
        // their last column is a magnitude of errors, not their number
        return Places{words.size() == without_root ? std::size_t{4} : std::size_t{3}, 2, std::nullopt};
    }
    // hccl_test: data_size aveg_time alg_bandwidth check_result
    return words.size() == 4 ? std::optional{Places{1, std::nullopt, 3}} : std::nullopt;
}

/// Microseconds above 0 that 64 bits hold.
bool can_be(double value) { return value > 0 && value < 9e18; }
bool can_be_bytes(double value) { return can_be(value) && value == std::trunc(value); }

bool check_failed(std::string const& word) {
    auto const wrong = number(word);
    return (wrong && *wrong > 0) || word == "failed";
}

/// What of a line of numbers cannot be used; empty where all can.
std::string problem_of(Head const& head, std::vector<std::string> const& words) {
    auto const places = places_of(words);
    if (!places) {
        return "a number of columns that no known version of the tests writes";
    }
    if (!head.test.empty() && op_of(head.test).empty()) {
        return fmt::format("no operation of the tables is what {} tests", head.test);
    }
    if (!head.groups_are_alike()) {
        return "its communicators differ in ranks or nodes";
    }
    auto const time = number(words[places->time]), size = number(words[0]);
    if (!size || !can_be_bytes(*size) || !time || !can_be(*time)) {
        return "no time, or a size or time that cannot be";
    }
    return places->wrong && check_failed(words[*places->wrong]) ? "failed checks" : "";
}

CollectiveRow row_of(Head const& head, std::vector<std::string> const& words) {
    auto const places = *places_of(words);
    return {.op = op_of(head.test),
            .bytes = static_cast<std::int64_t>(*number(words[0])),
            .ranks = head.ranks(),
            .nodes = head.nodes(),
            .dtype = places.type ? dtype_of(words[*places.type]) : "unspecified",
            .time = Seconds{*number(words[places.time]) * 1e-6}};
}

/// Without what mpirun puts before it: "[1,0]<stdout>:# nThread 1 …"
std::string_view without_tag(std::string_view line) {
    auto const end = line.find(">:");
    bool const tagged = line.starts_with('[') && end != std::string_view::npos && end < 40 &&
                        line.substr(0, end).find("<std") != std::string_view::npos;
    return tagged ? line.substr(end + 2) : line;
}

/// Each line of the text with its number.
template <class Each>
void for_each_line(std::string const& path, Each const& each) {
    auto const text = io::read_bounded_text(path, "It is no output of a test of collectives");
    std::string_view rest{text};
    for (int number = 1; !rest.empty(); ++number) {
        auto const end = std::min(rest.find('\n'), rest.size());
        if (end > io::most_line_bytes || rest.substr(0, end).find('\0') != std::string_view::npos) {
            throw InputError{Origin{path, number, 0, {}},
                             "a line is longer than 1 MiB or holds a zero byte: it is no text"};
        }
        each(rest.substr(0, end), number);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

[[noreturn]] void fail_without_results(std::string const& path, std::vector<Remark> const& refused) {
    auto const& first = refused.empty() ? Remark{} : refused.front();
    throw InputError{Origin::whole_file(path),
                     refused.empty() ? "holds no results of nccl-tests, rccl-tests or hccl_test"
                                     : fmt::format("none of its results can be used: {} (line {})",
                                                   first.text, first.first.line)};
}

} // namespace

std::vector<Remark> read_collective_test(std::string const& path,
                                         std::function<void(CollectiveRow const&)> const& each) {
    Head head;
    std::vector<Remark> refused;
    std::int64_t taken = 0;
    for_each_line(path, [&](std::string_view text, int line_number) {
        std::string line{without_tag(text)};
        std::ranges::replace(line, '|', ' ');
        auto const words = words_of(line);
        auto const size = words.empty() ? std::nullopt : number(words[0]);
        if (!size) {
            head.take(line);
            return;
        }
        head.end();
        if (*size == 0) {
            return; // nccl-tests warms up with nothing
        }
        if (auto const problem = problem_of(head, words); !problem.empty()) {
            count(refused, problem, Origin{path, line_number, 0, {}});
            return;
        }
        ++taken;
        each(row_of(head, words));
    });
    if (taken == 0) {
        fail_without_results(path, refused);
    }
    return refused;
}

} // namespace moesaic::timing
