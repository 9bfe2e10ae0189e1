"""The documentation does what it says: the tutorial's lines run, and the run-file layout is that of this build."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

import run_file_layout
import scenario_schema

SOURCE = Path(os.environ["MOESAIC_DATA"])
BINARY = os.environ["MOESAIC_BINARY"]


def commands_of(page):
    blocks = re.findall(r"```sh\n(.*?)```", (SOURCE / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("alias ")]


class Documentation(unittest.TestCase):
    def run_line(self, line, folder, further=None):
        """In a folder that looks like the source tree, where output may be written."""
        command, _, remark = line.partition("   #")
        code = int(remark.rsplit(" ", 1)[1]) if "exit code" in remark else 0
        environment = {**os.environ, "BINARY": BINARY, **(further or {})}
        done = subprocess.run(["bash", "-c", f'moesaic() {{ "$BINARY" "$@"; }}\n{command}'], cwd=folder, env=environment,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, f"{line}\n{done.stderr}")

    def test_every_line_of_the_tutorial_runs(self):
        has_page = (SOURCE / "analysis" / "report" / "vega.bundle.js").exists()
        lines = commands_of("tutorial.md")
        self.assertGreater(len(lines), 12)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("scenarios", "platforms", "analysis"):
                os.symlink(SOURCE / name, Path(folder) / name)
            for line in lines:
                if line.startswith("moesaic report") and not has_page:
                    print(f"not run without ./dev page: {line}")
                    continue
                with self.subTest(line):
                    self.run_line(line, folder)

    def test_the_steps_that_the_tutorial_tells_are_those_of_this_version(self):
        page = (SOURCE / "docs" / "tutorial.md").read_text(encoding="utf-8")
        section = page[page.index("Attention and experts can part too"):page.index("Not every layer has to attend")]
        commands = re.findall(r"^moesaic (run .*)$", section, re.M)
        told = (re.search(r"^step +(\S+ s) ", section, re.M)[1],) + tuple(
            f"{time} s" for time in re.search(r"the others take (\S+) s, (\S+) s and (\S+) s a step", section).groups())
        self.assertEqual(len(commands), 4)
        for command, time in zip(commands, told):
            screen = subprocess.run(["bash", "-c", f'"$BINARY" {command}'], cwd=SOURCE, env={**os.environ, "BINARY": BINARY},
                                    capture_output=True, text=True, check=True).stdout
            self.assertIn(f"step      {time} (", screen, command)

    def test_the_rates_that_the_tutorial_tells_of_long_sequences_are_those_of_this_version(self):
        page = (SOURCE / "docs" / "tutorial.md").read_text(encoding="utf-8")
        section = page[page.index("Not every layer has to attend"):page.index("## 6.")]
        short, long = re.findall(r"^moesaic (run .*)$", section, re.M)
        told = re.search(r"from ([\d,]+) to ([\d,]+) tokens/s; .*, from ([\d,]+) to ([\d,]+)\.", section).groups()
        other = " --set model=qwen3_30b_a3b"
        for command, rate in zip((short, long, short + other, long + other), told):
            screen = subprocess.run(["bash", "-c", f'"$BINARY" {command}'], cwd=SOURCE, env={**os.environ, "BINARY": BINARY},
                                    capture_output=True, text=True, check=True).stdout
            self.assertIn(f"speed     {rate} tokens/s,", screen, command)

    def test_the_chip_that_is_not_in_the_catalogue_runs_as_described(self):
        text = (SOURCE / "docs" / "adding.md").read_text(encoding="utf-8")
        files = re.findall(r"```toml\n# (\S+\.toml)\n(.*?)```", text, re.DOTALL)
        self.assertEqual(len(files), 4)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("scenarios", "platforms"):
                shutil.copytree(SOURCE / name, Path(folder) / name)
            for name, content in files:
                (Path(folder) / name).write_text(content, encoding="utf-8")
            lines = [line for line in commands_of("adding.md") if "X" not in line]  # X stands for a name
            self.assertEqual(len(lines), 3)
            for line in lines:
                with self.subTest(line):
                    self.run_line(line, folder, {"MOESAIC_DATA": folder})

    def test_commands_over_several_lines_can_be_pasted(self):
        for page in sorted((SOURCE / "docs").glob("*.md")):
            for line, following in re.findall(r"^(.*)\n(?= +(--\S+))", page.read_text(encoding="utf-8"), re.MULTILINE):
                self.assertTrue(line.endswith("\\"), f"{page.name}: {line} / {following}")

    def test_every_tutorial_scenario_is_in_the_tutorial(self):
        text = (SOURCE / "docs" / "tutorial.md").read_text(encoding="utf-8")
        for scenario in sorted((SOURCE / "scenarios" / "tutorial").glob("*.toml")):
            self.assertIn(scenario.name, text)

    def test_the_layout_of_run_files_is_that_of_this_build(self):
        text = (SOURCE / "docs" / "run-file.md").read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for scenario, settings in (("tutorial/01-one-node", ["--timeline"]), ("papers/ling_2025/device_d", []),
                                       ("tutorial/08-fleet-and-money", [])):
                files.append(str(Path(folder) / f"{len(files)}.h5"))
                subprocess.run([BINARY, "run", str(SOURCE / "scenarios" / f"{scenario}.toml"), "-o", files[-1]] + settings,
                               check=True, capture_output=True)
            for line in run_file_layout.layout(files):
                self.assertIn(line, text)


class Pages(unittest.TestCase):
    """What the program says of itself: manual, completion, schema."""

    def printed(self, *words):
        return subprocess.run([BINARY, *words], check=True, capture_output=True, text=True).stdout

    def test_the_manual_has_every_command_with_options_and_examples_and_no_hidden_one(self):
        page = self.printed("manual")
        self.assertTrue(page.startswith(".TH MOESAIC 1"))
        for line in (".SS moesaic run", ".SS moesaic timings check", "Example: moesaic run"):
            self.assertIn(f"\n{line}", page)
        self.assertIn("\\-\\-timings", page)
        self.assertNotIn("sweep\\-worker", page)

    def offers(self, script, *words):
        """What bash would offer; the last word is being written."""
        line = f"source {script}; COMP_WORDS=(moesaic {' '.join(words)}); COMP_CWORD={len(words)}; _moesaic; echo \"${{COMPREPLY[*]}}\""
        return subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True).stdout.split()

    def test_bash_completes_commands_those_inside_them_and_options(self):
        with tempfile.NamedTemporaryFile("w") as script:
            script.write(self.printed("completion"))
            script.flush()
            self.assertEqual(self.offers(script.name, "repr"), ["reproduce"])
            self.assertIn("check", self.offers(script.name, "timings", "''"))
            self.assertEqual(self.offers(script.name, "trace", "step.toml", "--out"), ["--output"])

    def schema(self):
        return json.loads((SOURCE / "scenarios" / "scenario.schema.json").read_text(encoding="utf-8"))

    def test_the_schema_is_what_the_reader_takes(self):
        """Made anew with ./dev schema."""
        self.assertEqual(self.schema(), scenario_schema.scenario_schema(BINARY))

    def test_every_key_of_the_schema_has_a_meaning_and_every_meaning_a_key(self):
        keys = {(section, key): each.get("description") for section, key, each in scenario_schema.keys_of(self.schema())}
        self.assertGreater(len(keys), 300)
        self.assertEqual([at for at, meaning in keys.items() if not meaning], [])
        told = [(section, key) for section, known in scenario_schema.meanings().items() for key in known]
        self.assertEqual([at for at in told if at not in keys], [])

    def test_a_key_means_what_its_own_section_says(self):
        pools = {"chip": "a build"}
        known = {"": {"pools": "the chips", "fleet": "what there is"}, "pools": pools, "fleet": {"chip": "an id"}}
        schema = {"properties": {section: {"properties": {"chip": {"type": "string", "description": "a text"}}} for section in ("pools", "fleet")}}
        told = {(section, key): each["description"] for section, key, each in
                scenario_schema.keys_of(scenario_schema.with_meanings(schema, known))}
        self.assertEqual((told["pools", "chip"], told["fleet", "chip"]), ("a build; a text", "an id; a text"))
        del pools["chip"]
        with self.assertRaisesRegex(RuntimeError, r"no meaning for pools\.chip$"):
            scenario_schema.with_meanings(schema, known)

    def check(self, value, schema, at):
        """The part of JSON Schema that ours uses."""
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
        fitting = [each for each in schema.get("anyOf", [schema]) if isinstance(value, kinds[each["type"]])]
        self.assertTrue(fitting, at)
        schema = fitting[0]
        if "enum" in schema:
            self.assertIn(value, schema["enum"], at)
        if "pattern" in schema:
            self.assertRegex(value, schema["pattern"], at)
        for i, each in enumerate(value if isinstance(value, list) else []):
            self.check(each, schema["items"], f"{at}[{i}]")
        for key, each in value.items() if isinstance(value, dict) and "properties" in schema else []:
            self.assertIn(key, schema["properties"], at)
            self.check(each, schema["properties"][key], f"{at}.{key}")

    def test_every_shipped_scenario_keeps_to_the_schema(self):
        schema = self.schema()
        files = [*SOURCE.glob("scenarios/tutorial/*.toml"), *SOURCE.glob("scenarios/papers/*/*.toml")]
        self.assertGreater(len(files), 50)
        for file in files:
            self.check(tomllib.loads(file.read_text(encoding="utf-8")), schema, str(file))


if __name__ == "__main__":
    unittest.main()
