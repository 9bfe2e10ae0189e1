"""The documentation does what it says: the tutorial's lines run, and the run-file layout is that of this build."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import run_file_layout

SOURCE = Path(os.environ["MOESAIC_DATA"])
BINARY = os.environ["MOESAIC_BINARY"]


def commands_of(page):
    blocks = re.findall(r"```sh\n(.*?)```", (SOURCE / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("alias ")]


class Documentation(unittest.TestCase):
    def run_line(self, line, folder):
        """In a folder that looks like the source tree, where output may be written."""
        command, _, remark = line.partition("   #")
        code = int(remark.rsplit(" ", 1)[1]) if "exit code" in remark else 0
        environment = {**os.environ, "BINARY": BINARY}
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


if __name__ == "__main__":
    unittest.main()
