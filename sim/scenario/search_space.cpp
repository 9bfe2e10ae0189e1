#include "scenario/search_space.hpp"

#include "base/nearest_names.hpp"
#include "model/shard.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace moesaic::scenario {

namespace {

std::vector<int> read_numbers(io::TomlTable const& t, std::string_view key) {
    if (!t.has(key)) {
        return {};
    }
    auto out = t.counts(key, 1);
    if (out.empty()) {
        throw InputError{t.origin(key), "allows nothing", "Leave it out to leave the choice to the planner"};
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

std::vector<int> read_expert_degrees(io::TomlTable const& t, model::Model const& model) {
    auto out = read_numbers(t, "expert");
    for (int const degree : out) {
        if (auto const problem = model::problem_with(model, {.expert = degree})) {
            throw InputError{t.origin("expert"), problem->text};
        }
    }
    return out;
}

template <class T>
std::vector<T> read_names(io::TomlTable const& t, std::string_view key,
                          std::vector<std::pair<std::string, T>> const& known) {
    std::vector<T> out;
    std::vector<std::string> names;
    std::ranges::transform(known, std::back_inserter(names), [](auto const& entry) { return entry.first; });
    for (auto const& name : t.has(key) ? t.texts(key) : std::vector<std::string>{}) {
        auto const at = std::ranges::find(names, name);
        if (at == names.end()) {
            throw InputError{t.origin(key), fmt::format("\"{}\" is not known", name),
                             suggestion(name, names)};
        }
        out.push_back(known[static_cast<std::size_t>(at - names.begin())].second);
    }
    return out;
}

std::vector<parallel::Schedule> read_schedules(io::TomlTable const& t) {
    using namespace parallel;
    auto named = read_names<Schedule>(t, "schedule",
                                      {{"1f1b", OneFOneB{}},
                                       {"gpipe", GPipe{}},
                                       {"interleaved", Interleaved{}},
                                       {"zb-h1", ZeroBubbleH1{}},
                                       {"dualpipe", DualPipe{.paired = false}},
                                       {"dualpipev", DualPipeV{.paired = false}}});
    auto const chunks = read_numbers(t, "chunks");
    std::vector<Schedule> out;
    for (auto const& schedule : named) {
        if (!std::holds_alternative<Interleaved>(schedule) || chunks.empty()) {
            out.push_back(schedule);
            continue;
        }
        for (int const n : chunks) {
            if (n < 2) {
                throw InputError{t.origin("chunks"), "one chunk per stage is 1f1b, so 2 or more"};
            }
            out.push_back(Interleaved{.chunks = n});
        }
    }
    return out;
}

PoolUses read_pool_uses(io::TomlTable const& t) {
    if (!t.has("pools")) {
        return {};
    }
    PoolUses out{false, false, false};
    auto const uses = read_names<bool PoolUses::*>(
        t, "pools",
        {{"alone", &PoolUses::alone}, {"replicas", &PoolUses::replicas}, {"stages", &PoolUses::stages}});
    for (auto const use : uses) {
        out.*use = true;
    }
    return out;
}

std::vector<parallel::Recompute> read_recompute(io::TomlTable const& t) {
    std::vector<parallel::Recompute> out;
    for (auto const& text : t.has("recompute") ? t.texts("recompute") : std::vector<std::string>{}) {
        out.push_back(parallel::recompute_of_text(text, t, "recompute"));
        if (out.back() == parallel::Recompute::least) {
            throw InputError{t.origin("recompute"), "\"least\" is no choice of a search, which finds it"};
        }
    }
    return out;
}

} // namespace

SearchSpace read_search_space(io::TomlTable const& t, model::Model const& model) {
    SearchSpace out{.tensor = read_numbers(t, "tensor"),
                    .context = read_numbers(t, "context"),
                    .expert = read_expert_degrees(t, model),
                    .pipeline = read_numbers(t, "pipeline"),
                    .micro_batch = read_numbers(t, "micro_batch"),
                    .replicas = read_numbers(t, "replicas"),
                    .schedules = read_schedules(t),
                    .recompute = read_recompute(t),
                    .zero = read_names<int>(
                        t, "zero", {{"none", 0}, {"optimizer", 1}, {"gradients", 2}, {"parameters", 3}}),
                    .overlap_exchange = {},
                    .pools = read_pool_uses(t)};
    if (t.has("overlap_exchange")) {
        out.overlap_exchange.push_back(t.boolean_or("overlap_exchange", false));
    }
    t.reject_unknown_keys();
    return out;
}

} // namespace moesaic::scenario
