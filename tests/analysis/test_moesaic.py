"""The Python reader and its figures on run files that the program of this build writes."""
import io
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import moesaic

SOURCE = Path(os.environ["MOESAIC_DATA"])
TUTORIAL = SOURCE / "scenarios" / "tutorial"


def simulate(folder, scenario, *settings, code=0):
    path = Path(folder) / f"{scenario}{len(settings)}.h5"
    command = [os.environ["MOESAIC_BINARY"], "run", str(TUTORIAL / f"{scenario}.toml"), "-o", str(path)]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return moesaic.read_run(path)


class RunFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.one = simulate(cls.folder.name, "01-one-node")
        cls.two = simulate(cls.folder.name, "04-replicas-on-two-pools")
        cls.misfit = simulate(cls.folder.name, "01-one-node", "model=ling_plus", code=2)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_a_figure_carries_its_unit(self):
        step = self.one["step/step_time"]
        self.assertEqual(step.unit, "s")
        self.assertTrue(str(step).endswith(" s"))
        self.assertEqual(self.one["step/chips"].value, 8)
        self.assertEqual(self.one.name, "Ling-Lite on one H20 server")

    def test_parts_of_a_class_add_up_to_the_step(self):
        classes = self.two.frame("step/classes")
        self.assertEqual(classes.attrs["units"]["compute"], "s")
        for total in classes.drop(columns="class").sum(axis=1):
            self.assertAlmostEqual(total, self.two["step/step_time"].value, places=9)

    def test_memory_parts_add_up_to_what_is_needed(self):
        memory = self.two.frame("memory")
        self.assertEqual(len(memory), 2)  # the rows of two rank classes; /memory/fits is no column
        self.assertNotIn("fits", memory)
        parts = memory[["weights", "gradients", "optimizer", "activations", "buffers", "reserve"]].sum(axis=1)
        for part, needed in zip(parts, memory["needed"]):
            self.assertAlmostEqual(part, needed, delta=1.0)

    def test_evidence_adds_up_to_one(self):
        self.assertAlmostEqual(self.one.evidence().sum(), 1.0, places=9)

    def test_the_comparison_has_a_row_for_what_fits(self):
        table = moesaic.compare([self.one, self.misfit, self.two])
        self.assertEqual(list(table["scenario"]), [self.one.name, self.two.name])
        self.assertEqual(table.attrs["units"]["cost_per_trillion_tokens"], "CNY")
        self.assertTrue((table["step_time_low"] < table["step_time"]).all())
        self.assertTrue((table["step_time"] < table["step_time_high"]).all())

    def test_what_is_not_there_is_named(self):
        with self.assertRaisesRegex(KeyError, "has no step/step_tim; it has .*step/step_time"):
            self.one["step/step_tim"]
        with self.assertRaisesRegex(KeyError, "has no table step"):
            self.one.frame("steps")
        self.assertTrue(self.one.published().empty)
        with self.assertRaises(OSError):
            moesaic.read_run(TUTORIAL / "01-one-node.toml")

    def test_a_run_that_does_not_fit_has_memory_but_no_step(self):
        self.assertFalse(self.misfit.fits)
        self.assertNotIn("step/step_time", self.misfit)
        memory = self.misfit.frame("memory")
        self.assertTrue((memory["needed"] > memory["capacity"]).any())

    def test_the_time_split_draws_every_class_and_part(self):
        axes = moesaic.draw_time_split(self.two).axes[0]
        names = [label.get_text() for label in axes.get_yticklabels()]
        self.assertEqual([name.replace("\n", " ") for name in names], list(self.two.frame("step/classes")["class"]))
        # each bar ends where the step does
        right = max(patch.get_x() + patch.get_width() for patch in axes.patches)
        self.assertAlmostEqual(right, self.two["step/step_time"].value, places=6)

    def test_memory_is_drawn_in_gib_with_its_capacity(self):
        axes = moesaic.draw_memory(self.one).axes[0]
        self.assertAlmostEqual(axes.lines[0].get_xdata()[0], self.one.frame("memory")["capacity"][0] / 2**30)

    def test_cost_has_an_interval_and_refuses_runs_without_prices(self):
        axes = moesaic.draw_cost([self.one, self.two]).axes[0]
        self.assertAlmostEqual(axes.patches[0].get_width(), self.one["cost/cost_per_trillion_tokens"].value / 1e6)
        with self.assertRaisesRegex(ValueError, "price book"):
            moesaic.draw_cost([self.misfit])

    def test_every_figure_can_be_saved_as_svg_with_text(self):
        for canvas in (moesaic.draw_time_split(self.one), moesaic.draw_memory(self.one),
                       moesaic.draw_evidence([self.one, self.misfit]), moesaic.draw_cost([self.one])):
            out = io.BytesIO()
            canvas.savefig(out, format="svg")
            self.assertIn(b"</svg>", out.getvalue())


if __name__ == "__main__":
    unittest.main()
