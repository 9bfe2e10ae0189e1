"""[published]: what the source printed, for the comparison alone."""
import re

# What another simulator predicted for the same run: Calculon (SC 2023), its validation against the paper's table 5.
PEERS = {f"korthikanti_{size}_{kind}": ("Calculon", seconds) for size, kind, seconds in [
    ("22b", "full", 1.40), ("22b", "present", 1.14), ("175b", "full", 18.03), ("175b", "present", 13.64),
    ("530b", "full", 49.89), ("530b", "present", 34.47), ("1t", "full", 90.08), ("1t", "present", 66.04)]}

# Doubts about a record that it does not flag itself. It counts like the others; the table marks it.
DOUBTS = {
    "mlperf_v51_llama31_8b_amd_mi350x_epyc_9575f_pytorch": "precision not resolved: fp8 or fp4",
    "mindformers_telechat2_115b": "chip count taken from a configuration, not confirmed by the source",
}


def write_published(s):
    record = s.record
    source, derived, target = record["source"], record["derived"], record["target"]
    s.section("[published]")
    s.put("source", ", ".join(str(source[k]) for k in ("title", "locator", "date", "url") if source[k]))
    s.put("record", record["id"])
    s.put("group", record["group"])
    party = re.match(r"MLPerf .* results, (.*)", source["title"])
    if party:
        s.put("party", party[1])
    s.put("step_time", f"{derived['step_time_s']} s")
    if record["id"] in PEERS:
        s.put("peer", PEERS[record["id"]][0])
        s.put("peer_step_time", f"{PEERS[record['id']][1]} s")
    s.put("metric", target["metric"])
    s.put("value", float(target["value"]))
    s.put("unit", target["unit"])
    if derived["step_time_s_basis"] != "measured":
        s.put("step_time_from", derived["step_time_s_basis"])
    flags = [record[k] for k in ("sanity_flag", "layout_flag", "consistency_flag") if record.get(k)]
    if flags:
        s.put("flag", "; ".join(flags))
    if record["id"] in DOUBTS:
        s.put("doubt", DOUBTS[record["id"]])
