#!/usr/bin/env python3
"""The JSON Schema of scenario files, learnt from the reader itself: every key is asked for with values that cannot be, and
what the error says (known keys, kind of value, unit, choices) becomes the schema. Meanings come from the tables of
docs/scenario.md, each under the heading of its section; a key without one is an error.

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
            choices = re.search(r"[\"']qqqqqqqq[\"'] is not known\.? Known: (.*)", self.complaint(scenario, path, '"qqqqqqqq"'))
            if choices and "scenarios/" not in choices[1]:  # what stands in a file there can be added to
                names = re.sub(r" \(.*?\)", "", choices[1]).split(", ")
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
    """By section ("pools.fabric"; "" for the keys outside all) and key, from the tables `key | meaning` of docs/scenario.md. A
    section goes from the heading that names it to the next that names one."""
    out, section, in_table = {"": {}}, "", False
    for line in (SOURCE / "docs" / "scenario.md").read_text(encoding="utf-8").splitlines():
        heading = re.match(r"#+ `\[+([\w.]+)\]+`$", line)
        section = heading[1] if heading else section
        in_table = line == "| key | meaning |" or in_table and line.startswith("|")
        keys, _, meaning = line.strip("| ").partition(" | ")
        if in_table and meaning:
            words = re.sub(r"\[(\[*[^][]*\]*)\]\([^)]*\)", r"\1", meaning.replace("`", ""))  # of links
            out.setdefault(section, {}).update({key: words for key in re.findall(r"`(\w+)`", keys)})
    return out


# Tables that say for a part what another says for all: a key without a meaning there has the other's.
SAYS_AS = {"parallel.replica_kinds": "parallel", "parallel.stages": "parallel", "parallel.replica_kinds.stages": "parallel.stages",
           "parallel.replica_kinds.experts": "parallel.experts", "parallel.replica_kinds.experts.places": "parallel.experts.places"}


def meaning_of(known, section, key):
    while section is not None:
        if key in known.get(section, {}):
            return known[section][key]
        section = SAYS_AS.get(section)
    return None


def keys_of(schema, section=""):
    """Of a scenario, at all depths: section, key and the schema of its value."""
    for form in schema.get("anyOf", [schema]):
        for key, each in form.get("items", form).get("properties", {}).items():
            yield section, key, each
            yield from keys_of(each, f"{section}.{key}" if section else key)


def with_meanings(schema, known):
    """The schema with a description of each key: its meaning, and how its value is written."""
    schema = json.loads(json.dumps(schema))  # a table that stands in two places becomes two
    lacking = []
    for section, key, each in keys_of(schema):
        meaning = meaning_of(known, section, key)
        if meaning is None:
            lacking.append(f"{section}.{key}".lstrip("."))
        else:
            each["description"] = f"{meaning}; {each['description']}" if "description" in each else meaning
    if lacking:
        raise RuntimeError(f"docs/scenario.md has no meaning for {', '.join(lacking)}")
    return schema


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
OWN_MODEL = """
[model]
id = "own"
[model.shape]
source = "none"
layers = 2
hidden = 8
vocab = 8
sequence_length = 8
[model.attention]
source = "none"
heads = 1
{attention}
[model.moe]
source = "none"
experts = 8
topk = 1
expert_ffn = 8
[model.published]
source = "none"
total_parameters = "1M"
"""
# the second with linear attention in the layers that have none
ATTENTIONS = ['kind = "gqa"\nhead_dim = 8',
              'kind = "gqa"\nhead_dim = 8\nfull_attention_every = 2\n[model.linear_attention]\nsource = "none"\nheads = 1\nkey_dim = 8', 'kind = "mla"\nkv_lora_rank = 8\nnope_dim = 8\nrope_dim = 8\nv_dim = 8']
PRACTICE = """
collectives = { all_reduce = "automatic" }
[[parallel.attention]]
chips = ["nvidia_h20"]
forward = 1.0
backward = 1.0
source = "none"
[[parallel.on]]
chips = ["nvidia_h20"]
host_moe_layer = "0 s"
source = "none"
"""
ROUTINGS = ['kind = "balanced"', 'kind = "zipf"\nexponent = 1.0', 'kind = "dirichlet"\nconcentration = 1.0', 'kind = "gini"\ngini = 0.3',
            'kind = "measured"\nfile = "tokens.csv"']
ONE_NODE, PIPELINE, FAILURES, TWO_POOLS, STAGES, FAR, MONEY, APART = (TUTORIAL / f"{name}.toml" for name in (
    "01-one-node", "02-pipeline", "06-failures", "04-replicas-on-two-pools", "05-stages-on-two-pools", "09-local-sgd", "08-fleet-and-money",
    "11-attention-and-experts-apart"))


class Variants:
    """Scenarios of the tutorial changed so that the reader knows further keys in them."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def changed(self, name, change, scenario=ONE_NODE):
        return self.write(f"{name}.toml", change(scenario.read_text(encoding="utf-8")))

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def extended(self, name, lines):
        return self.changed(name, lambda text: text + lines)

    def on_pool(self, name, pool):
        return self.changed(name, lambda text: re.sub(r'cluster = "h20_4096".*\n', lambda _: pool, text))


def text_or(table):
    """A name of what stands elsewhere, or the table itself."""
    return {"anyOf": [{"type": "string"}, table]}


def model_schema(reader, variants):
    own = [variants.changed(f"model{i}", lambda text, attention=attention: re.sub(r"\nmodel = .*", "", text) + OWN_MODEL.format(attention=attention))
           for i, attention in enumerate(ATTENTIONS)]
    nested = {key: reader.table(own, f"model.{key}") for key in ("shape", "attention", "moe", "published")}
    return reader.table(own, "model", nested | {"linear_attention": reader.table(own[1:2], "model.linear_attention")})


def pools_schema(reader, variants):
    own, grouped = variants.on_pool("own", OWN_POOL), variants.on_pool("grouped", GROUPED_POOL)
    torus, dragonfly = (variants.on_pool(name, re.sub("fabric = .*\n", lambda _, fabric=fabric: fabric, OWN_POOL))
                        for name, fabric in (("torus", TORUS), ("dragonfly", DRAGONFLY.replace("\n", " ").rstrip() + "\n")))
    groups = reader.table([grouped, dragonfly], "pools[0].fabric.groups")
    nested = {"fabric": reader.table([own, torus, dragonfly], "pools[0].fabric", {"groups": groups}), "chip": reader.table([own], "pools[0].chip")}
    return rows_of(reader.table([own, TWO_POOLS], "pools[0]", nested))


def number_or_list():
    """Of all layers, or of each."""
    return {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}


def parallel_schema(reader, variants):
    per_rank = {"experts_per_rank": number_or_list()}
    placed = variants.changed("placed", lambda text: re.sub(
        r'pool = "old"\nranks = 16', '[[parallel.experts.places]]\npool = "old"\nranks = 16', text).replace("batches_in_turn = 2", ""), APART)
    places = reader.table([placed], "parallel.experts.places[0]", per_rank)
    experts = reader.table([APART], "parallel.experts", {**per_rank, "on_attention_ranks": number_or_list(), "places": rows_of(places)})
    stages = rows_of(reader.table([STAGES], "parallel.stages[0]"))
    kind = reader.table([TWO_POOLS], "parallel.replica_kinds[0]", {"stages": stages, "experts": experts})
    practice = variants.extended("practice", PRACTICE)
    return reader.table([PIPELINE, TWO_POOLS], "parallel", {
        "stages": stages, "replica_kinds": rows_of(kind), "collectives": reader.table([practice], "parallel.collectives"),
        **{key: rows_of(reader.table([practice], f"parallel.{key}[0]")) for key in ("attention", "on")},
        "local_sgd": reader.table([FAR], "parallel.local_sgd"), "experts": experts})


def fleet_schemas(reader, variants):
    """Of [regime] and [fleet]."""
    fleet = variants.extended("fleet", FLEET)
    lists = {key: rows_of(reader.table([fleet], f"fleet.{key}[0]")) for key in ("stock", "supply", "rented", "licences")}
    regime = reader.table([fleet], "regime", {"alternatives": {"type": "object"},  # its keys are the rules' own
                                              "what_if": text_or({"type": "object"})})
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
    variants.write("tokens.csv", "layer,expert,tokens\n0,0,1\n")
    routings = [variants.extended(f"routing{i}", f"\n[routing]\n{kind}\n") for i, kind in enumerate(ROUTINGS)]
    published = variants.extended("published", '\n[published]\nsource = "none"\n')
    search = variants.extended("search", "\n[search]\ntensor = [1]\n")
    return {"model": text_or(model_schema(reader, variants)),
            "training": reader.table([ONE_NODE], "training", {
                "batch_ramp": rows_of(reader.table([MONEY], "training.batch_ramp[0]")), "wider": reader.table([ONE_NODE], "training.wider")}),
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
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Scenario of MoEsaic", **with_meanings(schema, meanings())}


if __name__ == "__main__":
    print(json.dumps(scenario_schema(sys.argv[1]), indent=1, ensure_ascii=False))
