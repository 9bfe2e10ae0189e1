"""Which paper, a folder, a record belongs to."""
from .scenario import slug

# A group of records -> paper folder. What one party published with one method counts as one source.
PAPERS = {
    "nv_a100_megatron_sc21": "megatron_sc21", "nv_a100_megatron_sc21_table2": "megatron_sc21",
    "nv_a100_korthikanti": "korthikanti_2022",
    "nv_a100_bloom": "bloom_2022", "nv_a100_bloom_b": "bloom_2022", "nv_a100_bloom_c": "bloom_2022",
    "nv_a100_internevo": "internevo_2024", "nv_a100_internevo_ckpt": "internevo_2024",
    "nv_llmfoundry_a100_40": "llm_foundry_2024", "nv_llmfoundry_a100_80": "llm_foundry_2024",
    "nv_llmfoundry_h100": "llm_foundry_2024", "nv_llmfoundry_h100ls": "llm_foundry_2024",
    "nv_llmfoundry_h100fp8": "llm_foundry_2024",
    "nv_h100_torchtitan": "torchtitan", "nv_h100_torchtitan_b": "torchtitan", "nv_h200_torchtitan": "torchtitan",
    "nv_h100_nemo2407": "nemo_2407", "nv_h100_megatron_llama": "megatron_lm_readme",
    "nv_bridge_moe": "megatron_bridge", "nv_bridge_dense": "megatron_bridge", "nv_bridge_dense_b": "megatron_bridge",
    "nv_mlperf_gpt3": "mlperf_training", "nv_mlperf_llama31_405b": "mlperf_training",
    "nv_mlperf_llama31_8b": "mlperf_training", "nv_mlperf_llama2_70b_lora": "mlperf_training",
    "amd_mlperf_llama2_70b_lora": "mlperf_training", "amd_mlperf_llama2_70b_lora_b": "mlperf_training",
    "amd_mlperf_llama31_8b": "mlperf_training",
    "nv_a100_zerobubble": "zero_bubble_2023", "nv_h100_jax": "jax_toolbox",
    "hw_modellink": "modellink_2024", "hw_modellink_moe": "modellink_2024",
    "hw_mindformers": "mindformers_2024", "hw_mindformers_telechat": "mindformers_2024",
}

# Beginnings of groups of analysis/unseen/records.yaml that one party published with one method.
SAME_SOURCE = {"nv_dgxc_": "dgxc_benchmarking", "nv_nemo_": "nemo_pages", "mlperfv": "mlperf_training"}


def paper_of(group):
    """Of a group that no table here knows, the group itself."""
    return PAPERS.get(group) or next((paper for begin, paper in SAME_SOURCE.items() if group.startswith(begin)), slug(group))
