"""Records of published runs that nobody here has seen become scenarios that the program simulates, or are left out with a reason."""
import copy
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

import make_paper_scenarios

SOURCE = Path(os.environ["MOESAIC_DATA"])
BINARY = os.environ["MOESAIC_BINARY"]
NOTHING = dict.fromkeys(("sanity_flag", "layout_flag", "consistency_flag", "notes", "target_note", "flops_definition", "missing_for_full"))

RECORD = {
    "id": "own_8b_8", "kind": "training_run", "vendor": "nvidia", "model_class": "dense", "heterogeneous": False,
    "completeness": "full", "group": "own cluster", "primary_metric": "step_time_s",
    "target": {"metric": "step_time_s", "value": 3.0, "unit": "s"},
    "source": {"title": "a page of one's own", "url": "https://example.org", "locator": "table 1", "date": "2025-03",
               "read_via": "read"},
    "model": {"name": "Llama 3 8B", "layers": 4, "hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": None, "ffn": 14336,
              "gated_ffn": True, "vocab": None, "seq_len": 4096, "moe": None, "mla": None, "shape_source": None},
    "hardware": {"chip": "H100", "chips_total": 8, "chips_per_node": 8, "nodes": 1, "chip_id": "nvidia_h100_sxm5",
                 "chip_id_note": None, "nic_gbps_per_chip": None, "fabric": None},
    "parallel": {"tp": 2, "pp": 1, "vpp": None, "cp": 1, "ep": None, "etp": None, "dp": 4, "zero_or_fsdp": None, "zero_stage": None,
                 "zero_group": None, "sequence_parallel": None, "micro_batch_seqs": 1, "global_batch_seqs": 8, "seq_len": 4096,
                 "recompute_kind": "unknown", "precision": "bf16", "precision_kind": "bf16", "precision_note": None, "schedule": None,
                 "schedule_kind": "none"},
    "measured": {}, "derived": {"step_time_s": 3.0, "step_time_s_basis": "measured"},
} | NOTHING


def changed(**parts):
    record = copy.deepcopy(RECORD)
    for part, values in parts.items():
        record[part] = record[part] | values if isinstance(values, dict) else values
    return record


class Records(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def written(self, *records):
        return make_paper_scenarios.write_all(list(records), self.folder)

    def test_a_record_of_an_unknown_group_is_simulated_in_a_folder_of_that_name(self):
        written, left_out = self.written(RECORD)
        self.assertEqual([path.relative_to(self.folder) for path in written], [Path("own_cluster/own_8b_8.toml")])
        self.assertFalse(left_out)
        run = subprocess.run([BINARY, "reproduce", "all", "--folder", self.folder, "--json"], capture_output=True, text=True, check=True)
        record, = json.loads(run.stdout)["records"]
        self.assertEqual((record["id"], record["published"]), ("own_8b_8", 3.0))
        self.assertGreater(record["simulated"], 0.01)

    def test_what_is_open_is_told_as_an_assumption(self):
        written, _ = self.written(RECORD)
        text = written.pop().read_text()
        for assumption in ("Recompute: not stated", "Vocabulary 128256", "Sequence parallelism on", "not sharded"):
            self.assertIn(assumption, text)

    def test_adapters_on_a_chip_whose_script_nobody_read_take_the_least_recompute(self):
        written, _ = self.written(changed(model={"lora": "rank not stated"}))
        self.assertIn('recompute = "least"', written.pop().read_text())

    def test_nodes_of_four_chips_stay_nodes_of_four(self):
        written, _ = self.written(changed(hardware={"chips_per_node": 4, "nodes": 2}))
        text = written.pop().read_text()
        for line in ("chips_per_node = 4", "nodes = 2", "chips = 8"):
            self.assertIn(line + "\n", text)

    def test_a_lighter_chip_needs_no_note(self):
        written, left_out = self.written(changed(hardware={"chip": "H100-96GB HBM2e"}))
        self.assertFalse(left_out)
        self.assertIn("peak_share = 0.894", written.pop().read_text())

    def test_a_record_that_lacks_a_field_is_left_out_by_its_name_and_the_others_stay(self):
        short = changed(id="short")
        del short["hardware"]["chip"]
        written, left_out = self.written(short, RECORD)
        self.assertEqual(len(written), 1)
        self.assertEqual(dict(left_out), {"short lacks the field hardware.chip": 1})

    def test_a_record_without_maker_or_model_stops_none_of_the_others(self):
        makerless = changed(id="makerless")
        del makerless["vendor"]
        written, left_out = self.written(makerless, changed(id="empty", model=None), RECORD)
        self.assertEqual(len(written), 1)
        self.assertEqual(dict(left_out), {"makerless lacks the field vendor": 1, "empty lacks the field model": 1})

    def test_what_cannot_be_simulated_is_counted_by_its_reason(self):
        written, left_out = self.written(changed(completeness="partial"), changed(heterogeneous=True),
                                         changed(hardware={"chip_id": "no_such_chip"}), changed(parallel={"micro_batch_seqs": None}))
        self.assertFalse(written)
        self.assertEqual(dict(left_out), {"not complete (partial)": 1, "mixed chips": 1, "no node type for no_such_chip": 1,
                                          "parallel.micro_batch_seqs is not stated": 1})

    def test_a_schedule_is_assumed_only_where_there_are_stages(self):
        def text(stages):
            written, _ = self.written(changed(parallel={"schedule_kind": "unknown", "pp": stages, "tp": 1, "dp": 8 // stages}))
            return written.pop().read_text()
        self.assertNotIn("schedule", text(1))
        self.assertIn("The interleaved schedule: not stated.", text(2))

    def test_software_that_only_stands_for_another_is_said_to(self):
        def text(title):
            written, _ = self.written(changed(source={"title": title}))
            return written.pop().read_text()
        self.assertNotIn("software_known", text("Megatron-LM, 2025"))
        self.assertIn("software_known = false", text("A trainer of one's own"))

    def test_a_count_of_recomputed_layers_is_their_share(self):
        written, _ = self.written(changed(parallel={"recompute_kind": "partial", "recompute_layers": 3}, model={"layers": 12}))
        text = written.pop().read_text()
        self.assertIn('recompute = "full"\nrecompute_share = 0.25\n', text)
        self.assertNotIn("Recompute of part of the layers", text)

    def test_one_readme_may_tell_of_several_softwares(self):
        def software(title, month="2024-03", **parallel):
            written, _ = self.written(changed(source={"title": title, "date": month}, parallel=parallel))
            return re.search('^software = "(.*)"$', written.pop().read_text(), re.M)[1]
        self.assertEqual(software("YaFSDP README", zero_or_fsdp="YaFSDP (own sharding)"), "yafsdp_2024")
        self.assertEqual(software("YaFSDP README", zero_or_fsdp="PyTorch FSDP full shard"), "hf_fsdp_2024")
        self.assertEqual(software("JAX-Toolbox Pax README", "2023-08"), "pax_xla_2308")
        self.assertEqual(software("Paxml benchmark"), "pax_te_2403")

    def test_what_a_record_says_of_experts_and_recompute_is_taken(self):
        moe = {"experts": 8, "topk": 2, "expert_ffn": 1024}
        written, left_out = self.written(
            changed(model={"moe": moe}, parallel={"ep": 4, "tp": 1, "dp": 8, "moe_exchange": "deepep", "cuda_graphs": "attention", "recompute_as": "moe_act+mlp"}),
            changed(id="typo", model={"moe": moe}, parallel={"moe_exchange": "deep_ep"}),
            changed(id="joined", parallel={"recompute_as": "mlp+full"}))
        text = written.pop().read_text()
        for line in ('exchange_library = "deepep"', 'host_moe_layer = "2.8 ms"', 'recompute = "moe_act+mlp"'):
            self.assertIn(line + "\n", text)
        self.assertEqual(left_out["typo: moe_exchange deep_ep is none of all_to_all, deepep, hybridep"], 1)
        self.assertEqual(sum("joined: recompute_as mlp+full is none of" in said for said in left_out), 1)

    def test_a_router_that_chose_freely_loads_experts_as_published_of_like_models(self):
        def text(**parallel):
            written, _ = self.written(changed(model={"moe": {"experts": 8, "topk": 2, "expert_ffn": 1024}}, parallel=parallel))
            return written.pop().read_text()
        self.assertIn('[routing]\nkind = "gini"\ngini = 0.17\n', text(ep=4, moe_token_balance="real router"))
        for even in ("forced balance", "token drop (capacity factor 1.0)", None):
            self.assertNotIn("[routing]", text(ep=4, moe_token_balance=even))
        self.assertNotIn("[routing]", text(ep=1, moe_token_balance="real router"))  # one rank has all experts

    def test_what_a_record_says_of_context_ranks_is_taken(self):
        written, left_out = self.written(changed(parallel={"cp": 2, "dp": 2, "context_exchange": "all_to_all"}),
                                         changed(id="typo", parallel={"cp": 2, "dp": 2, "context_exchange": "ulysses"}))
        self.assertIn('context = 2\ncontext_exchange = "all_to_all"\n', written.pop().read_text())
        self.assertEqual(dict(left_out), {"typo: context_exchange ulysses is none of ring, all_gather, all_to_all": 1})

    def test_what_a_record_does_not_say_of_experts_is_left_to_the_software(self):
        written, _ = self.written(changed(model={"moe": {"experts": 8, "topk": 2, "expert_ffn": 1024}}, parallel={"ep": 4, "moe_exchange": "deepep"}))
        text = written.pop().read_text()
        self.assertIn('exchange_library = "deepep"\n', text)
        for key in ("host_moe_layer", "overlap_exchange", "fused_gate", "optimizer_moments"):
            self.assertNotIn(key, text)

    def test_a_window_is_that_of_the_model_and_only_of_versions_that_have_one(self):
        def windows(name, length):
            written, _ = self.written(changed(model={"name": name}, parallel={"seq_len": length}))
            return [line for line in written.pop().read_text().split("\n") if line.startswith(("window", "full_attention"))]
        self.assertEqual(windows("gpt-oss-20b", 8192), ["window = 128", "full_attention_every = 2"])
        self.assertEqual(windows("Mistral-7B", 32768), ["window = 4096"])
        self.assertEqual(windows("Mistral-7B", 4096), [])
        self.assertEqual(windows("Mistral-7B-v0.3", 32768), [])

    def test_a_lower_peak_needs_its_reason(self):
        written, left_out = self.written(changed(hardware={"peak_share": 0.8}),
                                         changed(id="said", hardware={"peak_share": 0.8, "chip_id_note": "clocks capped at 1.4 GHz"}))
        self.assertEqual(dict(left_out), {"hardware.peak_share without chip_id_note, which says why": 1})
        text = written.pop().read_text()
        self.assertIn('source = "clocks capped at 1.4 GHz"\npeak_share = 0.8\n', text)
        self.assertEqual(text.count("[pools.chip]"), 1)

    def test_deepseek_v3_of_megatron_bridge_lies_on_its_stages_as_the_recipe_says(self):
        def layers(group, stages, chunks):
            parallel = {"tp": 1, "pp": stages, "vpp": chunks, "dp": 8 // stages, "schedule_kind": "interleaved_1f1b" if chunks > 1 else "1f1b"}
            written, left_out = self.written(changed(group=group, model={"name": "DeepSeekV3", "layers": 61}, parallel=parallel))
            self.assertFalse(left_out)
            return re.findall(r"^(layers = \[.*|layer_split = .*)$", written.pop().read_text(), re.MULTILINE)
        self.assertEqual(layers("nv_bridge_own", 4, 4), ["layers = [" + "4, " * 15 + "1]"])
        self.assertEqual(layers("nv_bridge_own", 8, 1), ["layers = [" + "8, " * 7 + "5]"])
        self.assertEqual(layers("nv_bridge_own", 8, 4), ['layer_split = "with_ends"'])  # none is listed
        self.assertEqual(layers("own cluster", 4, 4), ['layer_split = "with_ends"'])

    def test_the_records_that_were_gathered_later_become_scenarios(self):
        records = yaml.safe_load((SOURCE / "analysis" / "unseen" / "records.yaml").read_text(encoding="utf-8"))["records"]
        self.assertEqual(len({r["id"] for r in records}), len(records))
        written, left_out = self.written(*records)
        self.assertEqual(len(written) + sum(left_out.values()), len(records))
        self.assertGreater(len(written), 370)
        self.assertFalse([reason for reason in left_out if "lacks" in reason])

    def test_the_command_reads_a_file_of_records(self):
        records = self.folder / "records.yaml"
        records.write_text(yaml.safe_dump({"schema_version": 1, "records": [RECORD, changed(id="other", completeness="weak")]}))
        run = subprocess.run(["/usr/bin/python3", SOURCE / "analysis" / "make_paper_scenarios.py", records, self.folder / "out"],
                             capture_output=True, text=True, check=True)
        self.assertIn("1 scenarios written", run.stderr)
        self.assertIn("1 records left out: not complete (weak)", run.stderr)
