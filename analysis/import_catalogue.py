#!/usr/bin/env python3
"""Turns the facts file chips.yaml into platforms/: chips, price books, exchange rates, sources. It was run once, to
begin the catalogue.

The TOML files are ours to maintain from then on: correct and extend those, not this script. It stays here so that
everybody can see how each figure came from its source:

    python3 analysis/import_catalogue.py ../shared/facts/chips.yaml platforms

What it changes on the way, and says so in the note of the figure:
  - chips.yaml adds both directions of a scale-up link; the catalogue keeps each way, so the figure is halved.
  - Memory labels are read as binary (an "80 GB" HBM chip holds 80 GiB); what a tool showed as visible is kept as an alternative.
  - The figures of CORRECTIONS below.
  - A price of a server or module of 8 is divided by 8; of a span ("0.80-3.00") the middle is taken and called an estimate.
It takes over only chips with a bf16 or fp16 peak and a memory size; of the others a simulation could use nothing.
"""
import argparse
import pathlib
import re

import yaml

HEAD = "# First written by analysis/import_catalogue.py; maintained by hand since: edit here.\n"

# Under which names the timing tables (column `chip`) list a chip.
TIMING_NAMES = {
    "nvidia_v100_sxm2_32": ["V100-SXM2"],
    "nvidia_a100_sxm4_40": ["A100-SXM4-40GB"],
    "nvidia_a100_sxm4_80": ["A100-SXM4-80GB", "A100-SXM4", "nvidia-A100"],
    "nvidia_a100_pcie_80": ["A100-PCIe-80GB", "A100-PCIe-80GB-NVLpair"],
    "nvidia_h100_sxm5": ["H100-SXM5-80GB", "H100-SXM5-80GB-4x8", "H100-unspecified"],
    "nvidia_h800_sxm5": ["H800-SXM"],
    "nvidia_h20": ["H20"],
    "nvidia_h200_sxm": ["H200-SXM-141GB"],
    "nvidia_l4": ["L4"],
    "nvidia_l40s": ["L40S-48GB"],
    "nvidia_b200": ["B200-SXM-180GB"],
    "nvidia_gb200": ["GB200"],
    "nvidia_gb300": ["GB300"],
    "amd_mi210": ["MI210"],
    "amd_mi300x": ["MI300X", "MI300X-or-MI325X"],
    "amd_mi308x": ["MI308X"],
    "amd_mi325x": ["MI325X"],
    "amd_mi355x": ["MI355X", "MI350X-or-MI355X"],
    "huawei_ascend_910b2": ["Ascend910B2", "Ascend910B-Atlas800T-A2"],
    "huawei_ascend_950pr": ["Ascend950PR"],
    "huawei_ascend_950dt": ["Ascend950DT"],
    "alibaba_ppu": ["PPU-ZW810E"],
}

MI308X_REMARK = ("80 of the 304 compute units of the MI300X at the same clock: 80/304 of its peak. AMD publishes no figure; "
                 "the true one may be lower, since at this rate the chip would be controlled and AMD's driver has a limiter "
                 "(PTL) for its peak")
MI308X_SOURCE = "derived from the compute units listed by ROCm/aiter and the peak of the MI300X"


def estimate(value, source, note):
    return {"v": value, "source": source, "confidence": "estimate", "note": note}


def correct_mi308x(chip):
    chip["peak_dense"] = {"bf16": estimate(344, MI308X_SOURCE, MI308X_REMARK),
                          "fp16": estimate(344, MI308X_SOURCE, MI308X_REMARK),
                          "fp8": estimate(688, MI308X_SOURCE, MI308X_REMARK)}


def correct_ppu(chip):
    """The published 200 GB/s each way goes before the 700 of a news board that does not say what it counts."""
    link = chip["scale_up"]["bidir_GBps_per_chip"]
    press = {k: v for k, v in link.items() if k != "alternatives"}
    press["note"] = "the board says 700 GB/s and not whether one way or both; read here as both ways"
    published = dict(link["alternatives"][0])
    published["note"] = "taken before the 700 GB/s of a news board, which does not say what it counts"
    published["alternatives"] = [press]
    chip["scale_up"]["bidir_GBps_per_chip"] = published
    total = chip["io_total_bidir_GBps"]
    total["note"] = "700 of the news board and 128 of PCIe"
    total["alternatives"] = [{**total, "v": 528, "note": "400 of the simulator profile and 128 of PCIe"}]


CORRECTIONS = {"amd_mi308x": correct_mi308x, "alibaba_ppu": correct_ppu}

# Key of chips.yaml -> formats of the catalogue. A matrix rate goes before a vector rate of the same format.
PEAKS = {"bf16": ["bf16"], "fp16": ["fp16"], "fp8": ["fp8"], "int8": ["int8"], "tf32": ["tf32"], "fp32": ["fp32"]}


def cleaned(text):
    """Sources and notes without the record numbers of a private index, which nobody else could look up."""
    text = re.sub(r"\s*\([^()]*\b\d{9,}\b[^()]*\)", "", str(text))
    text = re.sub(r"^analyst general knowledge, not re-read in the corpora", "general knowledge, no document read", text)
    text = re.sub(r"\s*\(\w+ corpus excerpt\)|[;,]?\s*(as indexed by|read through) the \w+ corpus", "", text)
    return text.replace("computed in this file from the figures above", "computed from the figures of this chip")


def quoted(text):
    return '"' + cleaned(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def plain(number):
    return f"{number:.10g}"


class Unit:
    """How a number of chips.yaml is written in the catalogue."""

    def __init__(self, unit, factor=1.0, note=""):
        self.unit, self.factor, self.note = unit, factor, note

    def text(self, value):
        return quoted(f"{plain(value * self.factor)} {self.unit}")


class Number:
    note = ""

    def text(self, value):
        return plain(value)


class Text:
    note = ""

    def text(self, value):
        return quoted(value)


class Truth:
    note = ""

    def text(self, value):
        return "true" if value else "false"


TERAFLOPS = Unit("TFLOP/s")
MEMORY = Unit("GiB", note="label read as binary")
VISIBLE_MIB = Unit("MiB", note="visible to the vendor's tool")
RATE = Unit("GB/s")
EACH_WAY = Unit("GB/s", 0.5, note="half of the source's figure for both ways")
LINE_RATE = Unit("Gbit/s")
WATTS = Unit("W")


def joined_notes(*notes):
    return "; ".join(n for n in notes if n)


def body(figure, kind):
    fields = [f"value = {kind.text(figure['v'])}", f"source = {quoted(figure['source'])}",
              f"confidence = {quoted(figure['confidence'])}"]
    note = joined_notes(kind.note, cleaned(figure.get("note") or ""))
    if note:
        fields.append(f"note = {quoted(note)}")
    return ", ".join(fields)


def fact(key, figure, kind, more=()):
    """One line `key = { … }`; alternatives below it. `more`: further (figure, kind) pairs to keep as alternatives."""
    others = [(a, kind) for a in figure.get("alternatives") or []] + [(f, k) for f, k in more if f]
    if not others:
        return f"{key} = {{ {body(figure, kind)} }}"
    lines = "".join(f"\n    {{ {body(f, k)} }}," for f, k in others)
    return f"{key} = {{ {body(figure, kind)}, alternatives = [{lines}\n] }}"


def section(name, lines):
    lines = [line for line in lines if line]
    return f"\n[{name}]\n" + "\n".join(lines) + "\n" if lines else ""


def optional(key, figure, kind, more=()):
    return fact(key, figure, kind, more) if figure and figure.get("v") is not None else ""


def peak_lines(chip):
    peaks = chip["peak_dense"]
    lines = [optional(key, peaks.get(key), TERAFLOPS) for key in PEAKS]
    if fp4 := peaks.get("fp4"):
        lines.append(fact("mxfp4", fp4, TERAFLOPS))
        if chip["vendor"] == "NVIDIA":
            lines.append(fact("nvfp4", fp4, TERAFLOPS))
    lines.append(optional("fp64", peaks.get("fp64_tensor") or peaks.get("fp64"), TERAFLOPS))
    return lines


def memory_lines(chip):
    memory = chip["memory"]
    visible = [(memory.get("visible_MiB"), VISIBLE_MIB), (memory.get("usable_GiB"), Unit("GiB", note="usable")),
               (memory.get("visible_GB"), Unit("GB", note="visible to the vendor's tool"))]
    return [f"type = {quoted(memory['type'])}" if memory.get("type") else "",
            optional("capacity", memory.get("capacity_GB"), MEMORY, visible),
            optional("bandwidth", memory.get("bandwidth_GBps"), RATE)]


def link_lines(chip):
    link = chip.get("scale_up") or {}
    name = {**(link.get("bidir_GBps_per_chip") or link.get("topology") or {}), "v": link.get("name")}
    name = {k: v for k, v in name.items() if k in ("v", "source", "confidence")}
    return [optional("scale_up_name", name if name.get("source") else None, Text()),
            optional("scale_up_bandwidth", link.get("bidir_GBps_per_chip"), EACH_WAY),
            optional("scale_up_topology", link.get("topology"), Text()),
            optional("scale_up_domain", link.get("chips_per_domain"), Number()),
            optional("pcie", chip.get("pcie"), Text()),
            optional("nic_bandwidth", chip.get("nic_Gbps_per_chip"), LINE_RATE)]


def package_lines(chip):
    return [optional("power", chip.get("tdp_W"), WATTS), optional("die_area_mm2", chip.get("die_area_mm2"), Number()),
            optional("process_node", chip.get("process_node"), Text()),
            optional("launch_date", chip.get("launch_date"), Text())]


def rule_lines(chip):
    computed = chip.get("tpp_computed") or {}
    other = [(computed, Number())] if computed.get("v") != (chip.get("tpp") or {}).get("v") else []
    return [optional("eccn", chip.get("eccn"), Text()), optional("tpp", chip.get("tpp"), Number(), other),
            optional("performance_density", chip.get("performance_density"), Number()),
            optional("applicable_die_area_mm2", chip.get("applicable_die_area_mm2"), Number()),
            optional("non_planar_transistors", chip.get("non_planar_transistors"), Truth()),
            optional("io_bandwidth_both_ways", chip.get("io_total_bidir_GBps"), RATE)]


def chip_file(chip):
    names = ", ".join(f'"{n}"' for n in TIMING_NAMES.get(chip["id"], []))
    head = [f"id = {quoted(chip['id'])}", f"vendor = {quoted(chip['vendor'])}", f"name = {quoted(chip['name'])}",
            f"kind = {quoted(chip['kind'])}", f"status = {quoted(chip['status'])}",
            f"us_origin = {str(chip['us_origin']).lower()}",
            f"datacenter_designed = {str(chip['datacenter_designed']).lower()}",
            f"timing_names = [{names}]" if names else ""]
    return (HEAD + "\n".join(line for line in head if line) + "\n" + section("peak", peak_lines(chip))
            + section("memory", memory_lines(chip)) + section("links", link_lines(chip))
            + section("package", package_lines(chip)) + section("export_control", rule_lines(chip)))


def correct(chip):
    CORRECTIONS.get(chip["id"], lambda c: None)(chip)
    return chip


def usable(chip):
    peaks, memory = chip["peak_dense"], chip["memory"]
    return (peaks.get("bf16") or peaks.get("fp16")) and (memory.get("capacity_GB") or {}).get("v")


# Book -> its name, and which of the facts file's prices it takes: a test of place and date.
def in_china(price):
    return bool(re.match(r"China|Chinese|AutoDL", price["place"]))


def dated(price, *years):
    return any(str(y) in str(price["date"]) for y in years)


def of_paper(price, words):
    return words in f"{price['place']} {price['source']}"


BOOKS = {
    "ling_2025": ("Fair cost per device hour in the Ling paper; which chip a device is was inferred",
                  lambda p: of_paper(p, "Ling paper")),
    "deepseek_2024": ("The rent that the DeepSeek-V3 paper assumes", lambda p: of_paper(p, "DeepSeek paper")),
    "china_2023_2024": ("China: street prices, servers and rents of 2023 and 2024",
                        lambda p: in_china(p) and dated(p, 2023, 2024) and not dated(p, 2025)),
    "china_2025": ("China: prices and rents of 2025", lambda p: in_china(p) and dated(p, 2025)),
    "china_2026": ("China: prices and rents of 2026", lambda p: in_china(p) and dated(p, 2026)),
    "world_2026": ("World market outside China: rents and prices of 2026",
                   lambda p: not in_china(p) and dated(p, 2026)),
    "us_list": ("United States: list prices at launch", lambda p: p["place"].startswith("US")),
}
CURRENCIES = {"RMB": "CNY", "USD": "USD"}
TRUST = ["official", "published", "press", "estimate"]


def amounts(price):
    """The number, or the middle and both ends of a span; none where the source gives only words."""
    text = str(price["v"])
    if match := re.fullmatch(r"([\d.]+)-([\d.]+)", text):
        low, high = float(match[1]), float(match[2])
        return [(low + high) / 2, low, high]
    return [float(text)] if re.fullmatch(r"[\d.]+", text) else []


def price_facts(price, per_hour):
    """One price of chips.yaml as (value text, figure, where and when): what stands for it, then the ends of a span."""
    unit = price["unit"]
    share = 8 if "per 8-GPU" in unit else 1
    currency = CURRENCIES.get(unit.split("/")[0].split()[0])
    values = amounts(price)
    if not currency:
        return []
    out = []
    for i, value in enumerate(values):
        notes = [price.get("note") or ""]
        if share == 8:
            notes.append(f"an eighth of {price['v']} {unit}")
        if len(values) == 3:
            notes.append([f"the middle of the published span {price['v']}", "lower end", "upper end"][i])
        confidence = "estimate" if len(values) == 3 and i == 0 else price["confidence"]
        number = plain(round(value / share, 4))
        out.append((f"{number} {currency}{'/h' if per_hour else ''}",
                    {"source": price["source"], "confidence": confidence, "note": joined_notes(*notes)},
                    f"{price['place']}, {price['date']}"))
    return out


def price_entry(kind, chip, prices):
    """The best supported and then the latest price stands, the others are its alternatives."""
    prices = sorted(prices, key=lambda p: str(p["date"]), reverse=True)
    prices = sorted(prices, key=lambda p: (TRUST.index(p["confidence"]), len(amounts(p))))
    facts = [f for p in prices for f in price_facts(p, kind == "rent")]
    if not facts:
        return ""

    def text(value, figure, where=""):
        note = joined_notes(where, figure["note"])
        return (f"value = {quoted(value)}, source = {quoted(figure['source'])}, "
                f"confidence = {quoted(figure['confidence'])}" + (f", note = {quoted(note)}" if note else ""))

    others = "".join(f"\n    {{ {text(*f)} }}," for f in facts[1:])
    alternatives = f", alternatives = [{others}\n]" if others else ""
    first = next(p for p in prices if amounts(p))
    return (f"\n[[{kind}]]\nchip = {quoted(chip)}\nplace = {quoted(first['place'])}\ndate = {quoted(first['date'])}\n"
            f"price = {{ {text(*facts[0][:2])}{alternatives} }}\n")


def book_file(book_id, chips):
    name, takes = BOOKS[book_id]
    entries = ""
    for kind, key in (("rent", "rent_per_hour"), ("purchase", "price")):
        for chip in chips:
            earlier = list(BOOKS)[: list(BOOKS).index(book_id)]
            prices = [p for p in chip[key] or [] if takes(p) and not any(BOOKS[e][1](p) for e in earlier)]
            entries += price_entry(kind, chip["id"], prices) if prices else ""
    return f"{HEAD}id = {quoted(book_id)}\nname = {quoted(name)}\n{entries}"


def rates_file(rates):
    out = HEAD + "# Yearly averages; a conversion names its year.\n"
    for rate in rates:
        to, source = rate["pair"].split(" per ")
        out += (f"\n[[rate]]\nfrom = {quoted(source)}\nto = {quoted(to)}\nyear = {rate['year']}\n"
                f"average = {{ {body(rate, Number())} }}\n")
    return out


def sources_file(sources, written):
    """The documents that the written files name, with their address."""
    out = HEAD + "# Every document that a figure names, once; a test checks that none is missing.\n"
    for name, about in sources.items():
        if quoted(name) not in written:
            continue
        address, note = cleaned(about.get("url") or ""), cleaned(about.get("note") or "")
        url, rest = re.fullmatch(r"(https?://[^ ;,]*)?[ ;,]*(.*)", address).groups()
        out += f"\n[[source]]\nname = {quoted(name)}\n"
        out += f"url = {quoted(url)}\n" if url else ""
        notes = joined_notes(rest, note)
        out += f"note = {quoted(notes)}\n" if notes else ""
    return out


def write(path, text, written):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    written.append(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=pathlib.Path, help="chips.yaml")
    parser.add_argument("platforms", type=pathlib.Path, help="the folder platforms/")
    arguments = parser.parse_args()
    facts = yaml.safe_load(arguments.facts.read_text(encoding="utf-8"))
    chips = [chip for chip in facts["chips"] if usable(correct(chip))]
    for left_out in (chip for chip in facts["chips"] if chip not in chips):
        print(f"left out: {left_out['id']} (no bf16 or fp16 peak, or no memory size)")
    written = []
    for chip in chips:
        write(arguments.platforms / "chips" / f"{chip['id']}.toml", chip_file(chip), written)
    for book_id in BOOKS:
        write(arguments.platforms / "prices" / f"{book_id}.toml", book_file(book_id, chips), written)
    write(arguments.platforms / "exchange_rates.toml", rates_file(facts["exchange_rates"]), written)
    write(arguments.platforms / "sources.toml", sources_file(facts["sources"], "".join(written)), written)


if __name__ == "__main__":
    main()
