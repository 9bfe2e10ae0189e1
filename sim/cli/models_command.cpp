#include "base/overloaded.hpp"
#include "cli/command.hpp"
#include "io/json.hpp"
#include "io/unit_text.hpp"
#include "model/model_flop.hpp"
#include "model/parameters.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>

namespace moesaic::cli {

namespace {

using io::Json;
using model::FlopConvention;
using model::Model;

/// "290.6B", "16.80B", "1.026T": four significant digits.
std::string count_text(double count) {
    if (count >= 1e12) {
        return fmt::format("{:.3f}T", count / 1e12);
    }
    return count >= 1e9 ? fmt::format("{:#.4g}B", count / 1e9) : fmt::format("{:#.4g}M", count / 1e6);
}
std::string count_text(std::int64_t count) { return count_text(static_cast<double>(count)); }

/// All layers of the model by part.
model::LayerParameters sum_of_layers(Model const& m) {
    model::LayerParameters sum;
    for (int layer = 0; layer < m.layers; ++layer) {
        auto const one = model::layer_parameters(m, layer);
        sum.attention += one.attention;
        sum.replicated += one.replicated;
        sum.dense_ffn += one.dense_ffn;
        sum.experts += one.experts;
        sum.router += one.router;
        sum.norms += one.norms;
    }
    return sum;
}

std::string window_text(Model const& m) {
    if (m.window == 0) {
        return "";
    }
    auto const last = m.full_attention_every > 0
                          ? fmt::format(", all in the last of every {} layers", m.full_attention_every)
                      : m.full_attention_layers.empty()
                          ? ""
                          : fmt::format(", all in layers {}", fmt::join(m.full_attention_layers, ", "));
    return fmt::format("; a query sees {} keys{}", m.window, last);
}

std::string heads_text(Model const& m) {
    return std::visit(overloaded{[](model::Gqa const& a) {
                                     return fmt::format("{} heads of {}, {} key-value heads", a.heads,
                                                        a.head_dim, a.kv_heads);
                                 },
                                 [](model::Mla const& a) {
                                     return fmt::format(
                                         "latent: {} heads of {}+{}, values {}, ranks {} and {}", a.heads,
                                         a.nope_dim, a.rope_dim, a.v_dim, a.q_lora_rank, a.kv_lora_rank);
                                 }},
                      m.attention);
}

std::string linear_text(model::LinearAttention const& a) {
    auto const values = a.value_dim == a.key_dim ? "" : fmt::format(" and values of {}", a.value_dim);
    return fmt::format("linear{}: {} heads{} for {} of keys of {}{}{}",
                       a.delta_rule ? " with the delta rule" : "", a.heads, values, a.key_heads, a.key_dim,
                       a.convolution > 0 ? fmt::format(", convolution {}", a.convolution) : "",
                       a.output_gate ? ", gated" : "");
}

/// In how many layers and which.
std::string where_text(Model const& m) {
    if (!m.pattern.empty()) {
        return fmt::format("; layers {}", m.pattern);
    }
    return m.full_attention_every > 0
               ? fmt::format("; that in the last of every {} layers, the others ", m.full_attention_every)
               : fmt::format("; that in layers {}, the others ", fmt::join(m.full_attention_layers, ", "));
}

std::string attention_text(Model const& m) {
    if (!m.linear) {
        return heads_text(m) + window_text(m);
    }
    auto const window = m.window > 0 ? fmt::format(", a query sees {} keys", m.window) : "";
    return m.pattern.empty() ? heads_text(m) + window + where_text(m) + linear_text(*m.linear)
                             : heads_text(m) + window + "; " + linear_text(*m.linear) + where_text(m);
}

std::string ffn_text(Model const& m) {
    auto dense = fmt::format("{}{}", m.dense_ffn, m.gated_ffn ? " gated" : "");
    if (!m.moe) {
        return dense;
    }
    auto const& moe = *m.moe;
    auto text = fmt::format("top {} of {} experts of {}", moe.topk, moe.experts, moe.expert_ffn);
    if (moe.latent > 0) {
        text += fmt::format(" on {} columns", moe.latent);
    }
    if (moe.shared_ffn_total > 0) {
        text += fmt::format(", shared {}", moe.shared_ffn_total);
    }
    if (moe.leading_dense_layers > 0) {
        text += fmt::format("; {} leading dense {}", moe.leading_dense_layers, dense);
    }
    return moe.every == 1 ? text
                          : fmt::format("{}; in 1 of {} layers, the others dense {}", text, moe.every, dense);
}

double training_flop(Model const& m, FlopConvention convention) {
    return model::training_flop_per_token(m, m.sequence_length, convention).value();
}

Json heads_json(Model const& m) {
    return std::visit(overloaded{[](model::Gqa const& a) {
                                     return Json::object()
                                         .set("kind", "gqa")
                                         .set("heads", a.heads)
                                         .set("kv_heads", a.kv_heads)
                                         .set("head_dim", a.head_dim)
                                         .set("qkv_bias", a.qkv_bias)
                                         .set("qk_norm", a.qk_norm)
                                         .set("output_gate", a.output_gate);
                                 },
                                 [](model::Mla const& a) {
                                     return Json::object()
                                         .set("kind", "mla")
                                         .set("heads", a.heads)
                                         .set("q_lora_rank", a.q_lora_rank)
                                         .set("kv_lora_rank", a.kv_lora_rank)
                                         .set("nope_dim", a.nope_dim)
                                         .set("rope_dim", a.rope_dim)
                                         .set("v_dim", a.v_dim);
                                 }},
                      m.attention);
}

Json attention_json(Model const& m) {
    auto out = heads_json(m);
    if (m.window > 0) {
        out.set("window", m.window);
    }
    if (m.full_attention_every > 0) {
        out.set("full_attention_every", m.full_attention_every);
    }
    if (!m.full_attention_layers.empty()) {
        auto list = Json::array();
        for (int const layer : m.full_attention_layers) {
            list.add(layer);
        }
        out.set("full_attention_layers", std::move(list));
    }
    return out;
}

std::string_view name_of(model::Decay decay) {
    return decay == model::Decay::fixed ? "fixed" : decay == model::Decay::head ? "head" : "channel";
}

Json linear_json(Model const& m) {
    if (!m.linear) {
        return {};
    }
    auto const& a = *m.linear;
    return Json::object()
        .set("delta_rule", a.delta_rule)
        .set("heads", a.heads)
        .set("key_heads", a.key_heads)
        .set("key_dim", a.key_dim)
        .set("value_dim", a.value_dim)
        .set("convolution", a.convolution)
        .set("decay", name_of(a.decay))
        .set("decay_rank", a.decay_rank)
        .set("output_gate", a.output_gate)
        .set("gate_rank", a.gate_rank)
        .set("qk_norm", a.qk_norm)
        .set("rotary", a.rotary);
}

Json moe_json(Model const& m) {
    if (!m.moe) {
        return {};
    }
    auto const& moe = *m.moe;
    return Json::object()
        .set("experts", moe.experts)
        .set("topk", moe.topk)
        .set("expert_ffn", moe.expert_ffn)
        .set("latent", moe.latent)
        .set("shared_experts", moe.shared_experts)
        .set("shared_ffn_total", moe.shared_ffn_total)
        .set("leading_dense_layers", moe.leading_dense_layers)
        .set("every", moe.every);
}

Json shape_json(Model const& m) {
    return Json::object()
        .set("layers", m.layers)
        .set("hidden", m.hidden)
        .set("vocab", m.vocab)
        .set("sequence_length", m.sequence_length)
        .set("dense_ffn", m.dense_ffn)
        .set("gated_ffn", m.gated_ffn)
        .set("norm", m.norm == model::Norm::rmsnorm ? "rmsnorm" : "layernorm")
        .set("sandwich_norm", m.sandwich_norm)
        .set("biases", m.biases)
        .set("dropout", m.dropout)
        .set("tied_embeddings", m.tied_embeddings)
        .set("learned_positions", m.learned_positions)
        .set("rotary", m.rotary)
        .set("pattern", m.pattern)
        .set("mtp_depth", m.mtp_depth);
}

Json parameters_json(Model const& m) {
    auto const layers = sum_of_layers(m);
    auto const ends = model::end_parameters(m);
    auto const mtp = model::mtp_parameters(m);
    std::int64_t const one_module = mtp.layer.total() + mtp.projection + mtp.norms;
    return Json::object()
        .set("total", model::total_parameters(m))
        .set("active_both_embeddings", model::active_parameters(m))
        .set("active_head_only", model::active_parameters(m, model::ActiveCount::head_only))
        .set("attention", layers.attention + layers.replicated)
        .set("dense_and_shared_ffn", layers.dense_ffn)
        .set("experts", layers.experts)
        .set("router", layers.router)
        .set("norms", layers.norms + ends.final_norm)
        .set("embedding", ends.embedding)
        .set("positions", ends.positions)
        .set("head", ends.head)
        .set("mtp_modules_beside_total", m.mtp_depth * one_module);
}

Json published_json(Model const& m) {
    if (!m.published) {
        return {};
    }
    auto const& p = *m.published;
    return Json::object()
        .set("total_parameters", p.total.value)
        .set("active_parameters", p.active ? Json{p.active->value} : Json{})
        .set("active_counts",
             p.active_counts == model::ActiveCount::head_only ? "head_only" : "both_embeddings")
        .set("source", p.source);
}

Json model_json(Model const& m) {
    auto sources = Json::array();
    for (auto const& source : m.sources) {
        sources.add(Json::object().set("section", source.section).set("source", source.source));
    }
    return Json::object()
        .set("id", m.id)
        .set("name", m.name)
        .set("file", m.file)
        .set("shape", shape_json(m))
        .set("attention", attention_json(m))
        .set("linear_attention", linear_json(m))
        .set("moe", moe_json(m))
        .set("parameters", parameters_json(m))
        .set("training_flop_per_token_causal_half", training_flop(m, FlopConvention::causal_half))
        .set("training_flop_per_token_full_square", training_flop(m, FlopConvention::full_square))
        .set("published", published_json(m))
        .set("sources", std::move(sources));
}

Json summary_json(Model const& m) {
    return Json::object()
        .set("id", m.id)
        .set("name", m.name)
        .set("layers", m.layers)
        .set("hidden", m.hidden)
        .set("total_parameters", model::total_parameters(m))
        .set("active_parameters", model::active_parameters(m))
        .set("sequence_length", m.sequence_length)
        .set("training_flop_per_token_causal_half", training_flop(m, FlopConvention::causal_half));
}

void print_list(model::ModelCatalogue const& catalogue, bool json) {
    auto list = Json::array();
    if (!json) {
        fmt::print("{:30} {:>9} {:>9} {:>7} {:>7} {:>14}  {}\n", "id", "total", "active", "layers", "hidden",
                   "GFLOP/token", "FFN");
    }
    for (auto const& id : catalogue.ids()) {
        auto const m = catalogue.model(id, Origin::whole_file(id));
        if (json) {
            list.add(summary_json(m));
            continue;
        }
        fmt::print("{:30} {:>9} {:>9} {:>7} {:>7} {:>14.1f}  {}\n", m.id,
                   count_text(model::total_parameters(m)), count_text(model::active_parameters(m)), m.layers,
                   m.hidden, training_flop(m, FlopConvention::causal_half) / 1e9, ffn_text(m));
    }
    if (json) {
        fmt::print("{}\n", Json::object().set("models", std::move(list)).text());
    } else {
        fmt::print(
            "active: with both embeddings; GFLOP/token: training (3 x forward) at the model's own sequence "
            "length, causal attention counted half\n");
    }
}

void print_part(std::string_view name, std::int64_t parameters, std::int64_t total) {
    if (parameters > 0) {
        fmt::print("  {:24} {:>9}  {:5.1f} %\n", name, count_text(parameters),
                   100.0 * static_cast<double>(parameters) / static_cast<double>(total));
    }
}

void print_parameters(Model const& m) {
    auto const layers = sum_of_layers(m);
    auto const ends = model::end_parameters(m);
    auto const total = model::total_parameters(m);
    fmt::print("parameters                 {:>9}\n", count_text(total));
    print_part("attention", layers.attention + layers.replicated, total);
    print_part(m.moe ? "dense and shared FFN" : "FFN", layers.dense_ffn, total);
    print_part("experts", layers.experts, total);
    print_part(m.moe && m.moe->latent > 0 ? "router, latent" : "router", layers.router, total);
    print_part("norms", layers.norms + ends.final_norm, total);
    print_part("embedding and positions", ends.embedding + ends.positions, total);
    print_part("head", ends.head, total);
    fmt::print("active per token           {:>9}  ({} without the embedding)\n",
               count_text(model::active_parameters(m)),
               count_text(model::active_parameters(m, model::ActiveCount::head_only)));
    if (m.mtp_depth > 0) {
        auto const mtp = model::mtp_parameters(m);
        fmt::print("MTP modules, beside it     {:>9}\n",
                   count_text(m.mtp_depth * (mtp.layer.total() + mtp.projection + mtp.norms)));
    }
    if (m.published) {
        auto const& p = *m.published;
        fmt::print("published                  {:>9}{}\n  {}\n", count_text(p.total.value),
                   p.active ? fmt::format("  active {}", count_text(p.active->value)) : "", p.source);
    }
}

void print_model(Model const& m) {
    fmt::print("{} ({})\n", m.name, m.id);
    fmt::print("layers {}, hidden {}, vocabulary {}, sequence length {}\n", m.layers, m.hidden, m.vocab,
               m.sequence_length);
    fmt::print("attention: {}\nFFN: {}\n\n", attention_text(m), ffn_text(m));
    print_parameters(m);
    fmt::print("\ntraining FLOP per token at sequence length {} (3 x forward{})\n", m.sequence_length,
               m.mtp_depth > 0 ? ", MTP modules included" : "");
    fmt::print("  causal attention half    {:>9.4g} GFLOP\n",
               training_flop(m, FlopConvention::causal_half) / 1e9);
    fmt::print("  full square (Megatron)   {:>9.4g} GFLOP\n",
               training_flop(m, FlopConvention::full_square) / 1e9);
    fmt::print("\nsources ({})\n", m.file);
    for (auto const& source : m.sources) {
        fmt::print("  {}: {}\n", source.section, source.source);
    }
}

struct Options {
    bool json = false;
    std::string id;
};

} // namespace

void add_models_command(CLI::App& app, Outcome&) {
    auto const options = std::make_shared<Options>();
    auto const open = [] { return model::ModelCatalogue{data_folder() + "/scenarios/models"}; };
    auto* const models = app.add_subcommand("models", "What models the catalogue holds");
    models->description(
        "Lists the models of scenarios/models/, or shows one figure by figure with its sources.\n"
        "Example: moesaic models show ling_plus");
    models->add_flag("--json", options->json, "One JSON object on stdout");
    models->callback([=] {
        if (models->get_subcommands().empty()) {
            print_list(open(), options->json);
        }
    });
    auto* const show =
        models->add_subcommand("show", "Shape, parameters by part, FLOP per token and sources of a model");
    show->description(
        "Shape, parameters by part, FLOP per token (both conventions) and the source of each section.\n"
        "Example: moesaic models show deepseek_v3 --json");
    show->add_option("model", options->id, "Its id, as in `moesaic models`")->required();
    show->add_flag("--json", options->json, "One JSON object on stdout");
    show->callback([=] {
        auto const m = open().model(options->id, Origin{});
        if (options->json) {
            fmt::print("{}\n", model_json(m).text());
        } else {
            print_model(m);
        }
    });
}

} // namespace moesaic::cli
