"""[model]: shape, attention and experts."""
import pathlib
import re

import launch_scripts as scripts

from .record import Incomplete, year_month
from .scenario import slug

# Vocabulary by the model's name where the record has none: the makers' configuration files (recalled, not re-read).
VOCABULARY = [
    (r"llama ?3", 128256), (r"llama", 32000), (r"baichuan2", 125696), (r"baichuan", 64000), (r"qwen", 151936),
    (r"internlm", 103168), (r"aquila", 100008), (r"mistral|mixtral", 32000),
]
DEFAULT_VOCABULARY = 50257
MODELS = pathlib.Path(__file__).resolve().parents[2] / "scenarios" / "models"


def vocabulary(s, model):
    if model["vocab"]:
        return model["vocab"]
    for pattern, size in VOCABULARY:
        if re.search(pattern, model["name"].lower()):
            s.assume(f"Vocabulary {size}: that of the model's makers; the source does not state it.")
            return size
    s.assume(f"Vocabulary {DEFAULT_VOCABULARY}: that of GPT-2; the source does not state it.")
    return DEFAULT_VOCABULARY


def is_gpt(model):
    return not model["gated_ffn"] and not re.search("nemotron|gemma", model["name"].lower())


def flop_per_token(model, sequence):
    """Forward and backward, attention counted once, of a mixture-of-experts model with latent attention."""
    hidden, heads, mla, moe = model["hidden"], model["heads"], model["mla"], model["moe"]
    query = mla["q_lora"] * (hidden + heads * (mla["nope"] + mla["rope"]))
    key = hidden * (mla["kv_lora"] + mla["rope"]) + mla["kv_lora"] * heads * (mla["nope"] + mla["v"])
    attention = query + key + heads * mla["v"] * hidden
    square = sequence / 2 * heads * (mla["nope"] + mla["rope"] + mla["v"])
    experts = 3 * hidden * (moe["topk"] * moe["expert_ffn"] + moe["shared_ffn_total"]) + hidden * moe["experts"]
    with_experts = (model["layers"] - moe["first_k_dense"]) // moe["every"]
    weights = with_experts * experts + (model["layers"] - with_experts) * 3 * hidden * model["ffn"]
    return 6 * (weights + model["layers"] * (attention + square) + model["vocab"] * hidden)


def predicts_further_tokens(s):
    """Stated, or told by the two figures that the source prints: FLOP/s over tokens/s is the FLOP of a token."""
    record = s.record
    name, measured = record["model"]["name"].lower(), record["measured"]
    if "mtp)" in name:
        return "w/ mtp" in name
    stated, rate = measured.get("tflops_per_chip"), measured.get("tokens_per_s_per_chip")
    if not (stated and rate):
        return False
    ratio = stated * 1e12 / rate / flop_per_token(record["model"], record["parallel"]["seq_len"])
    s.assume(f"Multi-token prediction {'on' if ratio > 1.02 else 'off'}: the source's FLOP per token is {ratio:.3f} times "
             "that of the model without.")
    return ratio > 1.02


def is_gated(s):
    model = s.record["model"]
    if "gemma" in model["name"].lower() and not model["gated_ffn"]:
        s.assume("Gated feed-forward: Gemma's (GeGLU, three matrices give its 8.5 B parameters); the record says two.")
        return True
    return bool(model["gated_ffn"])


# Launch scripts of later years that leave Megatron-LM's dropout at its default of 0.1 (examples/ of the repository).
DROPOUT_GROUPS = {"nv_a100_zerobubble"}


def write_gpt_form(s):
    """Norms, biases and embeddings of GPT-2, which models without a gated feed-forward follow."""
    record, model = s.record, s.record["model"]
    alibi = "bloom" in model["name"].lower()
    s.put("norm", "layernorm")
    s.put("biases", True)
    s.put("tied_embeddings", True)
    if alibi:
        s.put("rotary", False)
    else:
        s.put("learned_positions", record["parallel"]["seq_len"])
    drops = model["dropout"] or year_month(record) < (2022, 10) or record["group"] in DROPOUT_GROUPS
    if drops:
        s.put("dropout", True)
    s.assume("Layer norms, biases and tied embeddings as in GPT-2" + ("; ALiBi" if alibi else "") + (
        "." if model["dropout"] else "; dropout, Megatron-LM's default, which the launch scripts leave as it is." if drops else "; no dropout."))


def write_form(s):
    model = s.record["model"]
    if is_gpt(model):
        write_gpt_form(s)
    else:
        if "nemotron" in model["name"].lower():
            s.put("norm", "layernorm")
        if model["dropout"]:
            s.put("dropout", True)
    if s.record["id"] in scripts.ALIBI:
        s.put("rotary", False)
        s.assume("ALiBi for rotary embedding: read in the launch script.")


def write_shape(s, source):
    record, model = s.record, s.record["model"]
    s.section("[model.shape]")
    s.put("source", source)
    s.put("layers", model["layers"])
    s.put("hidden", model["hidden"])
    s.put("vocab", vocabulary(s, model))
    s.put("sequence_length", record["parallel"]["seq_len"])
    if not model["moe"] or model["moe"]["first_k_dense"] or model["moe"]["every"] > 1:
        s.put("dense_ffn", model["ffn"])
    s.put("gated_ffn", is_gated(s))
    write_form(s)
    if model["mla"] and predicts_further_tokens(s):
        s.put("mtp_depth", 1)


# Sliding windows by the model's name (keys that a query sees; the last of every so many layers sees all, 0 = none does): records have
# no field for them. The makers' configuration files: gpt-oss read in an MLPerf submission, Mistral recalled.
WINDOWS = [(r"gpt.?oss", 128, 2), (r"mistral.?7b(?!.*v?0\.[2-9])", 4096, 0)]


def write_window(s):
    for pattern, window, full_every in WINDOWS:
        if re.search(pattern, s.record["model"]["name"].lower()) and window < s.record["parallel"]["seq_len"]:
            s.put("window", window)
            if full_every:
                s.put("full_attention_every", full_every)
            s.assume(f"Sliding window of {window} keys" + (f", but in the last of every {full_every} layers" if full_every else "") +
                     ": that of the model's makers; the record has no field for it.")


def write_attention(s, source):
    model, mla = s.record["model"], s.record["model"]["mla"]
    s.section("[model.attention]")
    s.put("source", source)
    if mla:
        s.put("kind", "mla")
        s.put("heads", model["heads"])
        s.put("q_lora_rank", mla["q_lora"])
        s.put("kv_lora_rank", mla["kv_lora"])
        s.put("nope_dim", mla["nope"])
        s.put("rope_dim", mla["rope"])
        s.put("v_dim", mla["v"])
    else:
        s.put("kind", "gqa")
        s.put("heads", model["heads"])
        s.put("kv_heads", model["kv_heads"] or model["heads"])
        s.put("head_dim", model["head_dim"] or model["hidden"] // model["heads"])
        if "qwen3" in model["name"].lower():
            s.put("qk_norm", True)
    write_window(s)


def write_experts(s, source):
    moe = s.record["model"]["moe"]
    s.section("[model.moe]")
    s.put("source", source)
    s.put("experts", moe["experts"])
    s.put("topk", moe["topk"])
    s.put("expert_ffn", moe["expert_ffn"])
    if moe.get("shared_experts"):
        s.put("shared_experts", moe["shared_experts"])
        s.put("shared_ffn_total", moe["shared_ffn_total"])
    if moe.get("first_k_dense"):
        s.put("leading_dense_layers", moe["first_k_dense"])
    if moe["every"] > 1:
        s.put("every", moe["every"])


def write_model(s):
    record, model = s.record, s.record["model"]
    if model["catalogue_id"]:
        if not (MODELS / f"{model['catalogue_id']}.toml").exists():
            raise Incomplete(f"no model {model['catalogue_id']} in scenarios/models")
        s.put("model", model["catalogue_id"])
        return
    source = f"published run {record['id']}: {model['shape_source'] or record['source']['title']}"
    s.section("[model]")
    s.put("id", slug(model["name"]))
    s.put("name", model["name"])
    write_shape(s, source)
    write_attention(s, source)
    if model["moe"]:
        write_experts(s, source)
