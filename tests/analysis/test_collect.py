"""The collector measures every operation that it knows, on the CPU, and writes a table that the program takes."""
import csv
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ["MOESAIC_DATA"])
BINARY = os.environ["MOESAIC_BINARY"]
COLLECTOR = SOURCE / "analysis" / "collect"
HEADER = "chip,op,dtype,m,n,k,batch,extra,evidence,share\n"

# one of each, small
LIST = [
    "gemm,fp32,64,96,32,1,", "gemm,bf16,64,96,32,1,", "bmm,fp32,16,24,32,4,", "grouped_gemm,fp32,16,24,32,4,",
    "moe_ffn,fp32,64,32,48,4,topk=2;experts=8", "attn_fwd,fp32,64,64,16,2,h=4;hkv=2;causal=1",
    "attn_bwd,fp32,64,64,16,2,h=4;hkv=2;causal=1", "mla_fwd,fp32,32,32,24,1,h=4;hkv=4;dv=16;causal=1",
    "mla_bwd,fp32,32,32,24,1,h=4;hkv=4;dv=16;causal=1", "rmsnorm_fwd,fp32,64,128,0,1,", "rmsnorm_bwd,fp32,64,128,0,1,",
    "layernorm_fwd,fp32,64,128,0,1,", "layernorm_bwd,fp32,64,128,0,1,", "softmax_fwd,fp32,64,128,0,1,",
    "softmax_bwd,fp32,64,128,0,1,", "gelu_fwd,fp32,64,128,0,1,", "gelu_bwd,fp32,64,128,0,1,", "silu_mul_fwd,fp32,64,128,0,1,",
    "silu_mul_bwd,fp32,64,128,0,1,", "rope_fwd,fp32,64,128,0,1,", "rope_bwd,fp32,64,128,0,1,", "dropout_fwd,fp32,64,128,0,1,",
    "short_conv_fwd,fp32,64,128,0,1,", "short_conv_bwd,fp32,64,128,0,1,",
    "cross_entropy_fwd,fp32,64,128,0,1,", "cross_entropy_bwd,fp32,64,128,0,1,", "embedding_fwd,fp32,64,16,0,1,",
    "embedding_bwd,fp32,64,16,0,1,", "add,fp32,64,128,0,1,", "copy,fp32,64,128,0,1,", "topk,fp32,64,128,8,1,",
    "permute,fp32,64,128,0,1,topk=2", "permute,fp8_block,64,128,0,1,topk=2", "unpermute,fp32,64,128,0,1,topk=2",
    "quantise,fp8_block,64,256,0,1,", "quantise,fp8,64,256,0,1,", "optimizer_step,fp32,4096,0,0,1,",
    "router_topk_bwd,fp32,64,128,8,1,", "unpermute,fp32,65,128,0,1,topk=2", "gemm,fp32,64,96,13,1,",
]
CANNOT = ["gemm,fp8_block,64,96,32,1,", "grouped_gemm,mxfp4,16,24,32,4,", "all_reduce,fp16,1024,0,0,8,", "gelu_fwd,fp8,64,64,0,1,",
          "optimizer_step,bf16,4096,0,0,1,", "attn_fwd,fp32,64,128,16,2,h=4;causal=1", "delta_rule_fwd,bf16,64,1,16,1,h=4;hkv=2;causal=1"]


@unittest.skipUnless(importlib.util.find_spec("torch"), "python3-torch is not installed")
class Collector(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.table = Path(self.folder.name) / "measured.csv"

    def list_of(self, rows, chip="H20"):
        path = Path(self.folder.name) / "missing.csv"
        path.write_text(HEADER + "".join(f"{chip},{row},transferred,0.1\n" for row in rows), encoding="utf-8")
        return path

    def collect(self, path, *more):
        return subprocess.run([sys.executable, COLLECTOR, path, "-o", self.table, "--device", "cpu", "--seconds", "0.002", *more],
                              capture_output=True, text=True, check=False)

    def rows(self):
        lines = [line for line in self.table.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        return list(csv.DictReader(lines))

    def test_every_operation_is_measured_and_the_program_takes_the_table(self):
        done = self.collect(self.list_of(LIST))
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = self.rows()
        self.assertEqual([r["op"] for r in rows], [line.split(",")[0] for line in LIST], done.stderr)
        for row in rows:
            self.assertGreater(float(row["time_us"]), 0)
            self.assertIn("kern=torch-", row["extra"])
            self.assertEqual(row["chip"], "cpu")  # a CPU's times never pass for those of the chip that was asked for
            self.assertEqual(row["source"], "moesaic-collect")
        self.assertIn("cold=weights", rows[0]["extra"])
        listed = subprocess.run([BINARY, "timings", "list", self.table, "--json"], capture_output=True, text=True, check=True)
        table = json.loads(listed.stdout)["tables"][-1]
        self.assertEqual((table["rows"], table["rows_refused"]), (len(LIST), 0), listed.stderr)

    def test_what_cannot_be_measured_is_counted_with_its_reason(self):
        done = self.collect(self.list_of(LIST[:1] + CANNOT))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.rows()), 1)
        self.assertEqual(done.stderr.count("not measured: 1 x"), len(CANNOT), done.stderr)

    def test_a_second_run_measures_only_what_is_left(self):
        self.collect(self.list_of(LIST[:2]))
        done = self.collect(self.list_of(LIST[:3]))
        self.assertEqual(len(self.rows()), 3)
        self.assertIn("2 x in the table already", done.stderr)

    def test_the_head_says_where_and_when(self):
        self.collect(self.list_of(LIST[:1]))
        head = [line for line in self.table.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        for key in ("device", "torch", "date"):
            self.assertTrue(any(line.startswith(f"# {key}: ") for line in head), head)

    def test_bad_lists_are_told_in_one_line(self):
        path = self.list_of(["gemm,fp32,many,96,32,1,"])
        done = self.collect(path)
        self.assertEqual((done.returncode, done.stderr), (1, f'error: {path}:2: m: "many" is no whole number of 0 or more\n'))
        both = self.list_of(LIST[:1])
        both.write_text(both.read_text(encoding="utf-8") + f"B200,{LIST[0]},transferred,0.1\n", encoding="utf-8")
        self.assertIn("give --chip, one of B200, H20", self.collect(both).stderr)
        self.assertEqual(self.collect(both, "--chip", "H20").returncode, 0)

    def test_what_the_device_refuses_is_counted_and_the_rest_is_measured(self):
        path = self.list_of(["cross_entropy_fwd,fp32,64,0,0,1,", LIST[0], "attn_fwd,fp32,64,64,0,1,h=4"] + LIST[2:3])
        for _ in range(2):  # a restart meets the same kernels again
            done = self.collect(path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual([r["op"] for r in self.rows()], ["gemm", "bmm"])
            self.assertIn("not measured: 1 x cross_entropy_fwd in fp32 is refused: RuntimeError: random_ expects", done.stderr)
            self.assertIn("not measured: 1 x attn_fwd in fp32 is refused: ", done.stderr)

    def test_a_bad_row_is_told_with_line_and_field_before_anything_is_measured(self):
        for row, said in (("attn_fwd,fp32,64,64,16,2,h=x", 'extra: h: "x" is no whole number of 0 or more'),
                          ("gemm,fp32,-64,96,32,1,", 'm: "-64" is no whole number of 0 or more')):
            path = self.list_of([LIST[0], row])
            path.write_text("# a comment counts as a line\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
            done = self.collect(path)
            self.assertEqual((done.returncode, done.stderr), (1, f"error: {path}:5: {said}\n"))
            self.assertFalse(self.table.exists())
        path.write_text(HEADER + "H20,gemm,fp32,64,96,32\n", encoding="utf-8")
        self.assertEqual(self.collect(path).stderr, f"error: {path}:2: batch: this field is missing\n")
        path.unlink()
        self.assertEqual(self.collect(path).stderr, f"error: {path}: No such file or directory\n")

    def test_a_name_for_hdf5_is_refused_with_what_makes_it(self):
        done = self.collect(self.list_of(LIST[:1]), "-o", self.table.with_suffix(".h5"))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^error: .*measured.h5: the collector writes CSV: .*\n$")
        self.assertFalse(self.table.with_suffix(".h5").exists())
        self.collect(self.list_of(LIST[:1]))
        advice = re.search("`moesaic (.*)`", done.stderr).group(1).split()
        subprocess.run([BINARY, *advice], capture_output=True, check=True)
        self.assertTrue(self.table.with_suffix(".h5").exists())

    def test_a_line_that_was_cut_is_dropped_wherever_it_was_cut(self):
        path = self.list_of(LIST[:2])
        self.collect(path)
        whole = self.table.read_bytes()
        last = len(whole.splitlines(keepends=True)[-1])
        for left in (len(whole) - 1, len(whole) - 30, len(whole) - last + 1, len(whole) - last, 3):
            self.table.write_bytes(whole[:left])
            done = self.collect(path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual("its last line was cut short and is dropped" in done.stderr, left != len(whole) - last)
            self.assertEqual([r["dtype"] for r in self.rows()], ["fp32", "bf16"])
            self.assertTrue(all(r["licence"] == "own measurement" for r in self.rows()))
            self.assertTrue(self.table.read_bytes().startswith(b"# device"))

    def test_a_run_that_is_killed_leaves_whole_lines(self):
        self.collect(self.list_of(LIST[:1]))
        with subprocess.Popen([sys.executable, COLLECTOR, self.list_of(LIST), "-o", self.table, "--device", "cpu", "--seconds", "0.5"],
                              stderr=subprocess.PIPE, text=True) as run:
            run.stderr.readline()
            run.kill()
        self.assertTrue(self.table.read_bytes().endswith(b"own measurement\n"))
        self.assertGreater(len(self.rows()), 1)

    def test_a_file_of_another_kind_is_not_written_on(self):
        path = self.list_of(LIST[:1])
        before = path.read_bytes()[:-1]
        path.write_bytes(before)
        done = self.collect(path, "-o", path)
        self.assertEqual((done.returncode, path.read_bytes()), (1, before))
        self.assertIn("is no table of the collector", done.stderr)

    def test_each_shape_is_measured_once(self):
        one, same = "attn_fwd,fp32,64,64,16,2,h=4;causal=1", "attn_fwd,fp32,64,64,16,2,kern=fa2;causal=1;h=4"
        done = self.collect(self.list_of([LIST[0], one, LIST[0], same, LIST[1]]))
        self.assertEqual([(r["op"], r["dtype"]) for r in self.rows()], [("gemm", "fp32"), ("attn_fwd", "fp32"), ("gemm", "bf16")],
                         done.stderr)

    def test_the_library_of_the_table_is_that_which_was_measured(self):
        self.collect(self.list_of(["gemm,fp32,64,96,32,1,cold=weights;kern=cublas"]))
        self.assertRegex(self.rows()[0]["extra"], r"^cold=weights;kern=torch-[^;]+$")

    def test_a_byte_order_mark_is_passed_over(self):
        path = self.list_of(LIST[:2])
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        self.assertEqual(self.collect(path, "--limit", "1").returncode, 0)
        self.table.write_bytes(b"\xef\xbb\xbf" + self.table.read_bytes())
        done = self.collect(path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 x in the table already", done.stderr)

    def test_several_lists_are_measured_as_one_most_time_first(self):
        lists = []
        for name, share, row in (("a", "0.1", LIST[0]), ("b", "0.3", LIST[1]), ("c", "", LIST[2]), ("d", "0.2", LIST[0])):
            lists.append(Path(self.folder.name) / f"{name}.csv")
            lists[-1].write_text(HEADER + f"H20,{row},transferred,{share}\n", encoding="utf-8")
        done = self.collect(lists[0], *lists[1:])
        self.assertEqual([(r["op"], r["dtype"]) for r in self.rows()], [("gemm", "bf16"), ("gemm", "fp32"), ("bmm", "fp32")], done.stderr)

    def test_no_kernel_is_begun_after_the_budget_is_spent(self):
        path = self.list_of(LIST[:3])
        self.assertEqual(self.collect(path, "--budget", "1", "--limit", "1").returncode, 0)
        done = self.collect(path, "--budget", "0")
        self.assertEqual((done.returncode, len(self.rows())), (0, 1))
        self.assertIn("not measured: 2 x the budget is spent: run again for the rest", done.stderr)

    def test_the_list_that_the_program_writes_is_taken(self):
        path = Path(self.folder.name) / "missing.csv"
        subprocess.run([BINARY, "timings", "coverage", SOURCE / "scenarios/tutorial/01-one-node.toml", "--missing", path],
                       capture_output=True, check=True)
        smallest = Path(self.folder.name) / "router.csv"
        lines = path.read_text(encoding="utf-8").splitlines()
        smallest.write_text("\n".join([lines[0]] + [line for line in lines if ",topk," in line]) + "\n", encoding="utf-8")
        self.assertEqual(self.collect(smallest).returncode, 0)
        self.assertEqual(self.rows()[0]["op"], "topk")


class WithoutPyTorch(unittest.TestCase):
    def collect(self, *words):
        """Without the folders of installed packages (-S)."""
        return subprocess.run([sys.executable, "-E", "-S", COLLECTOR, *words], capture_output=True, text=True, check=False)

    def test_help_needs_no_pytorch(self):
        done = self.collect("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--seconds", done.stdout)

    def test_a_run_says_which_package_to_install(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "missing.csv"
            path.write_text(HEADER + f"H20,{LIST[0]},transferred,0.1\n", encoding="utf-8")
            done = self.collect(path, "-o", Path(folder) / "measured.csv")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"^error: PyTorch is not installed: .*python3-torch.*\n$")


if __name__ == "__main__":
    unittest.main()
