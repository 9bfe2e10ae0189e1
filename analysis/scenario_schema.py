#!/usr/bin/env python3
"""The JSON Schema of scenario files, learnt from the reader itself: every key is asked for with values that cannot be, and
what the error says (known keys, kind of value, unit, choices) becomes the schema. Meanings come from docs/scenario.md.

usage: scenario_schema.py MOESAIC_BINARY > scenarios/scenario.schema.json
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
TUTORIAL = SOURCE / "scenarios" / "tutorial"

MODEL = {"anyOf": [{"type": "string"}, {"type": "object"}]}  # an id, or a model of its own
KINDS = [("a text", {"type": "string"}), ("a whole number", {"type": "integer"}), ("a number", {"type": "number"}),
         ("true or false", {"type": "boolean"}), ("an array of texts", {"type": "array", "items": {"type": "string"}}),
         ("an array of whole numbers", {"type": "array", "items": {"type": "integer"}}),
         ("an array of numbers", {"type": "array", "items": {"type": "number"}})]


class Reader:
    def __init__(self, binary):
        self.binary = binary

    def complaint(self, scenario, path, value):
        """What the reader says of the scenario with this value at this path; empty where it takes it."""
        done = subprocess.run([self.binary, "run", str(scenario), "--set", f"{path}={value}"], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 2):
            raise RuntimeError(f"{path}={value}: {done.stderr}")
        return done.stderr if done.returncode == 2 else ""

    def keys(self, scenario, table):
        """Known keys of a table that the scenario has."""
        path = f"{table}.zzzzzzzzzz" if table else "zzzzzzzzzz"
        found = re.search(r"is not a known key\. Known: (.*)", self.complaint(scenario, path, 1))
        if not found or found[1].endswith("…"):
            raise RuntimeError(f"the reader does not list the keys of {table or 'a scenario'}")
        return found[1].split(", ")

    def schema_of(self, scenario, path):
        """Of one value, from what the reader says of a date and of a text without meaning in its place; none where it speaks of
        something else (the key does not go with others of this scenario)."""
        said = self.complaint(scenario, path, "1979-05-27")
        unit = re.search(r"needs a unit, .*? Write (.*)", said, re.DOTALL)
        if unit:
            return {"type": "string", "description": unit[1].strip()}
        if "must be an array of tables" in said:
            return {"type": "array", "items": {"type": "object"}}
        if "must be a table" in said:
            return {"type": "object"}
        kind = next((dict(schema) for words, schema in KINDS if f"must be {words}, but is" in said), None)
        if kind is None:
            return None
        if kind == {"type": "string"}:
            choices = re.search(r"\"qqqqqqqq\" is not known\. Known: (.*)", self.complaint(scenario, path, '"qqqqqqqq"'))
            if choices and choices[1] != "what has a file in scenarios/software/":
                return {"type": "string", "enum": choices[1].split(", ")}
        return kind

    def table(self, scenarios, table, nested=()):
        """Schema of a table, from scenarios that have it, of which each may know further keys; `nested`: keys whose schema is
        given."""
        properties = dict(nested)
        for scenario in scenarios:
            for key in self.keys(scenario, table):
                path = f"{table}.{key}" if table else key
                properties[key] = properties.get(key) or self.schema_of(scenario, path)
        unclear = [key for key, schema in properties.items() if schema is None]
        if unclear:
            raise RuntimeError(f"the reader does not say what {', '.join(unclear)} of {table or 'a scenario'} must be")
        return {"type": "object", "additionalProperties": False, "properties": dict(sorted(properties.items()))}


def rows_of(schema):
    return {"type": "array", "items": schema}


def meanings():
    """Of each key of docs/scenario.md, by its name: the other column of the tables."""
    out = {}
    for line in (SOURCE / "docs" / "scenario.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 2:
            for key in re.findall(r"`(\w+)`", cells[0]):
                out.setdefault(key, cells[1].replace("`", ""))
    return out


def add_meanings(schema, known):
    for key, each in schema.get("properties", {}).items():
        if key in known and not each.get("description", "").startswith(known[key]):  # tables may stand in two places
            form = f" {each['description']}" if "description" in each else ""
            each["description"] = known[key] + form
        add_meanings(each.get("items", each), known)


OWN_POOL = """node = "hgx_h20"
nodes = 1
fabric = { kind = "leaf_spine", nodes_per_leaf = 8, oversubscription = 1.0, spine_latency = { value = "2 us", source = "none", confidence = "estimate" }, source = "none", confidence = "estimate" }
chip = { source = "none" }
"""
FACT = 'source = "none", confidence = "estimate"'
GROUPED_POOL = OWN_POOL.replace("spine_latency", f"groups = {{ leaves = 2, oversubscription = 1.0, latency = {{ value = \"2 us\", {FACT} }} }}, spine_latency")
DRAGONFLY = f"""fabric = {{ kind = "dragonfly", nodes_per_leaf = 8, spine_latency = {{ value = "2 us", {FACT} }}, {FACT}, groups = {{ leaves = 2,
local_link = {{ value = "9 GB/s", {FACT} }}, global_links = {{ value = "9 GB/s", {FACT} }}, latency = {{ value = "2 us", {FACT} }} }} }}
"""
TORUS = f'fabric = {{ kind = "torus", shape = [1], link = {{ value = "9 GB/s", {FACT} }}, hop_latency = {{ value = "1 us", {FACT} }}, {FACT} }}\n'
SIMULATION = """
[simulation]
fold = "auto"
[[simulation.stragglers]]
chip = 0
slowdown = 1.0
[[simulation.slow_links]]
chip = 0
factor = 1.0
"""
FLEET = """
[regime]
date = "2025-03-01"
destination = "CN"
[fleet]
[[fleet.stock]]
chip = "nvidia_h20"
count = 8
owned_since = "2024-01-01"
[[fleet.supply]]
chip = "nvidia_h20"
per_quarter = 8
from = "2024-01-01"
[[fleet.rented]]
chip = "nvidia_h20"
count = 8
place = "SG"
[[fleet.licences]]
chip = "nvidia_h20"
quota = 8
from = "2024-01-01"
"""
ROUTINGS = ['kind = "balanced"', 'kind = "zipf"\nexponent = 1.0', 'kind = "dirichlet"\nconcentration = 1.0', 'kind = "gini"\ngini = 0.3']


def scenario_schema(binary):
    reader = Reader(binary)
    one, pipeline, failures, mixed, stages, far, money, apart = (TUTORIAL / f"{name}.toml" for name in
        ("01-one-node", "02-pipeline", "06-failures", "04-replicas-on-two-pools", "05-stages-on-two-pools", "09-local-sgd", "08-fleet-and-money",
         "11-attention-and-experts-apart"))
    with tempfile.TemporaryDirectory() as folder:
        def variant(name, change):
            path = Path(folder) / f"{name}.toml"
            path.write_text(change(one.read_text(encoding="utf-8")), encoding="utf-8")
            return path

        own = variant("own", lambda text: re.sub(r'cluster = "h20_4096".*\n', OWN_POOL, text))
        routings = [variant(f"routing{i}", lambda text, kind=kind: f"{text}\n[routing]\n{kind}\n") for i, kind in enumerate(ROUTINGS)]
        bandwidth = Path(folder) / "bandwidth.toml"
        bandwidth.write_text(re.sub(r"checkpoint_save = .*", 'checkpoint_bandwidth = "10 GB/s"', failures.read_text(encoding="utf-8")), encoding="utf-8")
        published = variant("published", lambda text: text + '\n[published]\nsource = "none"\n')
        simulated = variant("simulated", lambda text: text + SIMULATION)
        collectives = variant("collectives", lambda text: text.replace("[parallel]", '[parallel]\ncollectives = { all_reduce = "automatic" }'))
        fabrics = [variant(name, lambda text, fabric=fabric: re.sub(r'cluster = "h20_4096".*\n', re.sub("fabric = .*\n", lambda _: fabric, OWN_POOL), text))
                   for name, fabric in (("torus", TORUS), ("dragonfly", DRAGONFLY.replace("\n", " ").rstrip() + "\n"))]
        grouped = variant("grouped", lambda text: re.sub(r'cluster = "h20_4096".*\n', lambda _: GROUPED_POOL, text))
        groups = reader.table([grouped, fabrics[1]], "pools[0].fabric.groups")
        pool = {"fabric": reader.table([own, *fabrics], "pools[0].fabric", {"groups": groups}), "chip": reader.table([own], "pools[0].chip")}
        transported = Path(folder) / "transported.toml"
        transported.write_text(mixed.read_text(encoding="utf-8").replace("[[site_links]]", '[[site_links]]\ntransport = "device_direct"'), encoding="utf-8")
        drawn = variant("drawn", lambda text: text + SIMULATION.replace("chip = 0", "count = 1"))
        fleet = variant("fleet", lambda text: text + FLEET)
        lists = {key: rows_of(reader.table([fleet], f"fleet.{key}[0]")) for key in ("stock", "supply", "rented", "licences")}
        search = variant("search", lambda text: text + "\n[search]\ntensor = [1]\n")
        regime = reader.table([fleet], "regime", {"alternatives": {"type": "object"}})  # its keys are the rules' own
        training = reader.table([one], "training", {"batch_ramp": rows_of(reader.table([money], "training.batch_ramp[0]"))})
        slow = {key: rows_of(reader.table([simulated, drawn], f"simulation.{key}[0]")) for key in ("stragglers", "slow_links")}
        stage = reader.table([stages], "parallel.stages[0]")
        placed = Path(folder) / "placed.toml"
        placed.write_text(re.sub(r'pool = "old"\nranks = 16', '[[parallel.experts.places]]\npool = "old"\nranks = 16', apart.read_text(encoding="utf-8"))
                          .replace("batches_in_turn = 2", ""), encoding="utf-8")
        numbers = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}  # of all layers, or of each
        per_rank = {"experts_per_rank": dict(numbers)}
        places = reader.table([placed], "parallel.experts.places[0]", per_rank)
        experts = reader.table([apart], "parallel.experts", {**per_rank, "on_attention_ranks": dict(numbers), "places": rows_of(places)})
        kind = reader.table([mixed], "parallel.replica_kinds[0]", {"stages": rows_of(stage), "experts": experts})
        nested = {"model": MODEL, "training": training, "pools": rows_of(reader.table([own, mixed], "pools[0]", pool)),
                  "site_links": rows_of(reader.table([mixed, transported], "site_links[0]")), "published": reader.table([published], "published"),
                  "parallel": reader.table([pipeline, mixed], "parallel", {"stages": rows_of(stage), "replica_kinds": rows_of(kind), "collectives": reader.table([collectives], "parallel.collectives"),
                                                                         "local_sgd": reader.table([far], "parallel.local_sgd"), "experts": experts}),
                  "regime": regime, "fleet": reader.table([fleet], "fleet", lists), "economics": reader.table([money], "economics"),
                  "search": reader.table([search], "search"),
                  "simulation": reader.table([simulated], "simulation", slow),
                  "reliability": reader.table([failures, bandwidth], "reliability"), "routing": reader.table(routings, "routing")}
        schema = reader.table([one], "", nested)
    add_meanings(schema, meanings())
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Scenario of MoEsaic", **schema}


if __name__ == "__main__":
    print(json.dumps(scenario_schema(sys.argv[1]), indent=1, ensure_ascii=False))
