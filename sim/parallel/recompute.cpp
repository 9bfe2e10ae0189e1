#include "parallel/recompute.hpp"

#include "parallel/read_choice.hpp"

namespace moesaic::parallel {

namespace {

using enum Recompute;

/// What stands for more comes first, and what other software calls a part comes after our name.
Choices<Recompute> const& names() {
    static Choices<Recompute> const all{{"none", none},
                                        {"up_projections", up_projections},
                                        {"pointwise", pointwise},
                                        {"layernorm", layernorm},
                                        {"inner_norms", inner_norms},
                                        {"activation", activation},
                                        {"moe_act", moe_act},
                                        {"mla_up_proj", mla_up_proj},
                                        {"selective", selective},
                                        {"core_attn", selective},
                                        {"mlp", mlp},
                                        {"shared_experts", shared_experts},
                                        {"moe", moe},
                                        {"operators", operators},
                                        {"full", full},
                                        {"least", least}};
    return all;
}

bool stands_alone(Recompute one) { return one == none || one == operators || one == full || one == least; }

} // namespace

std::string name_of(Recompute recompute) {
    std::string out;
    Recompute named = none;
    for (auto const& [name, part] : names()) {
        if (includes(recompute, part) && !includes(named, part)) {
            named = named | part;
            out += (out.empty() ? "" : "+") + name;
        }
    }
    return out.empty() ? "none" : out;
}

Recompute recompute_of_text(std::string const& text, io::TomlTable const& table, std::string_view key) {
    std::vector<Recompute> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        auto const end = std::min(text.find('+', begin), text.size());
        parts.push_back(chosen(table, key, text.substr(begin, end - begin), names()));
        begin = end + 1;
    }
    Recompute out = none;
    for (auto const part : parts) {
        if (parts.size() > 1 && stands_alone(part)) {
            throw InputError{table.origin(key),
                             fmt::format("\"{}\" stands alone, but is joined to others", name_of(part))};
        }
        out = out | part;
    }
    return out;
}

} // namespace moesaic::parallel
