"""[routing]: how a run's router loaded the experts, where the record says that it chose freely."""

# Gini coefficient of tokens per expert on real text: scenarios/routing_presets.toml, which says of models with grouped-query
# attention that they lie between the published ones (0.105 and 0.24; arXiv 2605.20982).
OF_LATENT_ATTENTION = "deepseek_v2_lite"
OF_GROUPED_QUERIES = 0.17


def chooses_freely(record):
    """Benchmarks mostly force their routers to spread tokens evenly, or do not say; training to a target cannot."""
    return bool(record["model"]["moe"]) and (record["parallel"].get("moe_token_balance") or "").startswith("real")


def write_routing(s):
    record = s.record
    if not chooses_freely(record) or (record["parallel"]["ep"] or 1) == 1:
        return
    s.section("[routing]")
    s.put("kind", "gini")
    if record["model"]["mla"]:
        s.put("preset", OF_LATENT_ATTENTION)
        s.assume(f"Tokens spread over the experts as measured of {OF_LATENT_ATTENTION} (latent attention too): the source says that routing is real.")
    else:
        s.put("gini", OF_GROUPED_QUERIES)
        s.assume("Tokens spread over the experts as published of other models, between the evenest and the least even one (Gini 0.17): the "
                 "source says that routing is real.")
