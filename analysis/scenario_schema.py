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
            if choices and "scenarios/" not in choices[1]:  # what stands in a file there can be added to
                names = choices[1].split(", ")
                if '"qqqqqqqq" is not known' in self.complaint(scenario, path, f'"{names[0]}+qqqqqqqq"'):  # some can be joined
                    one = f"({'|'.join(names)})"
                    return {"type": "string", "pattern": rf"^{one}(\+{one})*$"}
                return {"type": "string", "enum": names}
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
ONE_NODE, PIPELINE, FAILURES, TWO_POOLS, STAGES, FAR, MONEY, APART = (TUTORIAL / f"{name}.toml" for name in (
    "01-one-node", "02-pipeline", "06-failures", "04-replicas-on-two-pools", "05-stages-on-two-pools", "09-local-sgd", "08-fleet-and-money",
    "11-attention-and-experts-apart"))


class Variants:
    """Scenarios of the tutorial changed so that the reader knows further keys in them."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def changed(self, name, change, scenario=ONE_NODE):
        path = self.folder / f"{name}.toml"
        path.write_text(change(scenario.read_text(encoding="utf-8")), encoding="utf-8")
        return path

    def extended(self, name, lines):
        return self.changed(name, lambda text: text + lines)

    def on_pool(self, name, pool):
        return self.changed(name, lambda text: re.sub(r'cluster = "h20_4096".*\n', lambda _: pool, text))


def pools_schema(reader, variants):
    own, grouped = variants.on_pool("own", OWN_POOL), variants.on_pool("grouped", GROUPED_POOL)
    torus, dragonfly = (variants.on_pool(name, re.sub("fabric = .*\n", lambda _, fabric=fabric: fabric, OWN_POOL))
                        for name, fabric in (("torus", TORUS), ("dragonfly", DRAGONFLY.replace("\n", " ").rstrip() + "\n")))
    groups = reader.table([grouped, dragonfly], "pools[0].fabric.groups")
    nested = {"fabric": reader.table([own, torus, dragonfly], "pools[0].fabric", {"groups": groups}), "chip": reader.table([own], "pools[0].chip")}
    return rows_of(reader.table([own, TWO_POOLS], "pools[0]", nested))


def number_or_list():
    """Of all layers, or of each; a new one for each key, which gets a meaning of its own."""
    return {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}


def parallel_schema(reader, variants):
    per_rank = {"experts_per_rank": number_or_list()}
    placed = variants.changed("placed", lambda text: re.sub(
        r'pool = "old"\nranks = 16', '[[parallel.experts.places]]\npool = "old"\nranks = 16', text).replace("batches_in_turn = 2", ""), APART)
    places = reader.table([placed], "parallel.experts.places[0]", per_rank)
    experts = reader.table([APART], "parallel.experts", {**per_rank, "on_attention_ranks": number_or_list(), "places": rows_of(places)})
    stages = rows_of(reader.table([STAGES], "parallel.stages[0]"))
    kind = reader.table([TWO_POOLS], "parallel.replica_kinds[0]", {"stages": stages, "experts": experts})
    collectives = variants.changed("collectives", lambda text: text.replace("[parallel]", '[parallel]\ncollectives = { all_reduce = "automatic" }'))
    return reader.table([PIPELINE, TWO_POOLS], "parallel", {
        "stages": stages, "replica_kinds": rows_of(kind), "collectives": reader.table([collectives], "parallel.collectives"),
        "local_sgd": reader.table([FAR], "parallel.local_sgd"), "experts": experts})


def fleet_schemas(reader, variants):
    """Of [regime] and [fleet]."""
    fleet = variants.extended("fleet", FLEET)
    lists = {key: rows_of(reader.table([fleet], f"fleet.{key}[0]")) for key in ("stock", "supply", "rented", "licences")}
    regime = reader.table([fleet], "regime", {"alternatives": {"type": "object"}})  # its keys are the rules' own
    return {"regime": regime, "fleet": reader.table([fleet], "fleet", lists)}


def simulation_schema(reader, variants):
    simulated = variants.extended("simulated", SIMULATION)
    drawn = variants.extended("drawn", SIMULATION.replace("chip = 0", "count = 1"))
    slow = {key: rows_of(reader.table([simulated, drawn], f"simulation.{key}[0]")) for key in ("stragglers", "slow_links")}
    return reader.table([simulated], "simulation", slow)


def reliability_schema(reader, variants):
    bandwidth = variants.changed("bandwidth", lambda text: re.sub(r"checkpoint_save = .*", 'checkpoint_bandwidth = "10 GB/s"', text), FAILURES)
    return reader.table([FAILURES, bandwidth], "reliability")


def nested_schemas(reader, variants):
    """Of each table of a scenario."""
    transported = variants.changed("transported", lambda text: text.replace("[[site_links]]", '[[site_links]]\ntransport = "device_direct"'), TWO_POOLS)
    routings = [variants.extended(f"routing{i}", f"\n[routing]\n{kind}\n") for i, kind in enumerate(ROUTINGS)]
    published = variants.extended("published", '\n[published]\nsource = "none"\n')
    search = variants.extended("search", "\n[search]\ntensor = [1]\n")
    return {"model": MODEL,
            "training": reader.table([ONE_NODE], "training", {"batch_ramp": rows_of(reader.table([MONEY], "training.batch_ramp[0]"))}),
            "pools": pools_schema(reader, variants),
            "site_links": rows_of(reader.table([TWO_POOLS, transported], "site_links[0]")),
            "published": reader.table([published], "published"),
            "parallel": parallel_schema(reader, variants),
            **fleet_schemas(reader, variants),
            "economics": reader.table([MONEY], "economics"),
            "search": reader.table([search], "search"),
            "simulation": simulation_schema(reader, variants),
            "reliability": reliability_schema(reader, variants),
            "routing": reader.table(routings, "routing")}


def scenario_schema(binary):
    reader = Reader(binary)
    with tempfile.TemporaryDirectory() as folder:
        schema = reader.table([ONE_NODE], "", nested_schemas(reader, Variants(folder)))
    add_meanings(schema, meanings())
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Scenario of MoEsaic", **schema}


if __name__ == "__main__":
    print(json.dumps(scenario_schema(sys.argv[1]), indent=1, ensure_ascii=False))
