"""Which file of scenarios/software/ describes the software of a published run: by what the record says, one rule for all; and
whether the source names that software, or it only stands for the one that ran.

Known groups first; then words of the record's texts; then maker and date. Of releases that no file describes, the last one
before the run's date is taken, or the first there is.
"""
import pathlib
import re

import launch_scripts

SOFTWARE = pathlib.Path(__file__).resolve().parent.parent / "scenarios" / "software"

# words in title, notes, kind of sharding, schedule or precision -> software; the first that is found
WORDS = [
    (r"llm-foundry|llm foundry|mosaicml|composer|\bmpt\b", "llm_foundry"),
    (r"internevo|internlm", "internevo_2024"),
    (r"zero bubble|zero-bubble", "zero_bubble_2023"),
    (r"maxtext|\bjax\b|\bxla\b", "maxtext_2024"),
    (r"mindformers|mindspore", "mindformers_2024"),
    (r"modellink|mindspeed|torch_npu", "modellink_2024"),
    (r"megatron-deepspeed|deepspeed.*pipeline", "megatron_deepspeed_2022"),
    (r"fms-fsdp", "fms_fsdp_2024"),
    (r"yafsdp \(own", "yafsdp_2024"),
    (r"yafsdp", "hf_fsdp_2024"),  # its README's other column
    (r"torchtitan|fsdp|pytorch lightning", "torchtitan_compile"),
]
# Records of llm-foundry whose launcher asks for FlashAttention-2 (scripts/train/benchmarking/sweep.py); all others ran on Triton.
FLASH2 = r"h100ls_(1b|3b|7b|70b)_"
# A run of v5.1 that says it used the image of v5.0.
OLD_IMAGE = "krai_poweredge_xe9680_mi300x_192gb_n1_v5_0"
# maker -> (first date, software); the last that has begun. Makers without a line run forks of what runs on NVIDIA.
BY_DATE = {
    "nvidia": [((0, 0), "megatron_2021"), ((2022, 1), "megatron_2022"), ((2022, 10), "megatron_2023"),
               ((2024, 1), "megatron_lm_2024"), ((2025, 1), "megatron_lm_2025")],
    "amd": [((0, 0), "rocm_megatron")],
    "huawei": [((0, 0), "modellink_2024")],
}


# beginning of a software's name -> what a source's title says where it is that software and no other that stands for it
TITLES = [
    ("megatron_bridge", r"megatron.?bridge"), ("nemo_mlperf", r"mlperf"), ("rocm_mlperf", r"mlperf"), ("nemo", r"nemo\b"),
    ("llm_foundry", r"llm.?foundry|mosaic"), ("internevo", r"internevo|internlm"), ("zero_bubble", r"zero.bubble"), ("maxtext", r"maxtext"), ("pax", r"\bpax"),
    ("mindformers", r"mindformers|mindspore"), ("modellink", r"modellink|mindspeed"), ("megatron_deepspeed", r"megatron-deepspeed|bigscience"),
    ("torchtitan", r"torchtitan"), ("yafsdp", r"yafsdp"), ("hf_fsdp", r"yafsdp"),
    ("fms_fsdp", r"fms-fsdp"), ("rocm_megatron", r"rocm.?megatron"), ("megatron", r"megatron-lm|megatron-core|megatron-moe"),
]


def is_named(software, record):
    """Whether the source says that this software ran."""
    if record["vendor"] not in BY_DATE:  # a fork
        return False
    title = record["source"]["title"].lower()  # notes also name software that did not run
    words = next((words for begin, words in TITLES if software.startswith(begin)), None)
    if words is None:
        raise ValueError(f"TITLES has no line for the software {software}")
    return bool(re.search(words, title))


def release(prefix, year, month):
    """The file of this prefix for the release of the date, or the one before."""
    wanted = (year % 100) * 100 + month
    known = sorted(int(p.stem.rsplit("_", 1)[1]) for p in SOFTWARE.glob(prefix + "_[0-9]*.toml"))
    before = [number for number in known if number <= wanted]
    return f"{prefix}_{before[-1] if before else known[0]:04d}"


def deepspeed(precision):
    """In bf16 another optimizer of DeepSpeed keeps and sums the gradients than in fp16."""
    return "megatron_deepspeed_2022" + ("_bf16" if "bf16" in precision.lower() else "")


def software_of(record, year_month):
    group, parallel = record["group"], record["parallel"]
    precision = parallel.get("precision") or ""
    texts = " ".join(str(parallel.get(k) or "") for k in ("zero_or_fsdp", "schedule", "precision", "recompute"))
    texts = f"{record['source']['title']} {record.get('notes') or ''} {texts}".lower()
    amd = record["vendor"] == "amd"
    if "bridge" in group or "megatron-bridge" in texts:
        return release("megatron_bridge", *year_month)
    if "nemo" in record["source"]["title"].lower() and not amd:
        return release("nemo", *year_month)
    if "mlperf" in group or "mlperf" in texts:
        ngc = re.search(r"ngc(\d\d)_(\d\d)", record["id"])
        if amd:
            return "rocm_mlperf_2506" if OLD_IMAGE in record["id"] else release("rocm_mlperf", *year_month)
        return release("nemo_mlperf", *((int(ngc[1]), int(ngc[2])) if ngc else year_month))
    if re.search(r"\bpax", record["source"]["title"].lower()):
        engine = "with transformer engine" in texts or year_month >= (2024, 1)
        return f"pax_{'te' if engine else 'xla'}_{2403 if year_month >= (2024, 1) else 2308}"
    if launch_scripts.BEFORE_MC2.match(record["id"] + "_"):
        return "modellink_2402"
    if "bloom" in group:
        return deepspeed(precision)
    for words, name in WORDS:
        if re.search(words, texts):
            if name == "llm_foundry" and "PURE" in precision:
                return "llm_foundry_pure"
            if name == "llm_foundry" and re.search(FLASH2, record["id"]):
                return "llm_foundry_flash2"
            if name == "megatron_deepspeed_2022":
                return deepspeed(precision)
            if name == "torchtitan_compile" and "eager" in precision:
                return "torchtitan_eager"
            return name
    return [name for begin, name in BY_DATE.get(record["vendor"], BY_DATE["nvidia"]) if begin <= year_month][-1]
