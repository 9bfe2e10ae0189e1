"""How constants are learnt from published runs: estimates, weights of sources, the half that only judges, intervals."""
import math
import unittest

import calibrate


def run(source, error, identifier="r", sigma=0.01, stretched=None, chip="no_such_chip"):
    """@param stretched share of the path by precision; the narrowest is the run's"""
    width = math.exp(calibrate.Z80 * sigma)
    stretched = stretched or {"16-bit": 1.0}
    return calibrate.Run({"id": f"{source}_{identifier}", "source": source, "chip": chip, "stack": "s", "moe": False, "vendor": "V",
                          "precision": max(stretched, key=calibrate.PRECISIONS.index), "software_known": True, "stretched": stretched,
                          "error": error, "interval_80": [1 / width, width]})


class Calibrate(unittest.TestCase):
    def test_the_constant_takes_the_error_away_but_for_what_draws_it_to_one(self):
        runs = [run(f"source {k}", -math.log(1.2), str(i)) for k in range(4) for i in range(50)]
        factor = calibrate.estimate(runs, {})
        self.assertTrue(1.15 < factor < 1.2)
        self.assertLess(calibrate.estimate(runs[:50], {}), factor)  # one source says less than four

    def test_only_products_and_attention_are_stretched(self):
        half = run("a", -0.1, stretched={"16-bit": 0.5})
        self.assertAlmostEqual(half.error_at({}, 1.2), -0.1 + math.log(1.1))

    def test_wide_kernels_of_a_narrow_run_are_stretched_as_wide_runs_say(self):
        chip, cell = "nvidia_b300", ("Blackwell Ultra", "16-bit", "s")
        narrow = run("a", -0.1, stretched={"16-bit": 0.2, "8-bit": 0.5}, chip=chip)
        self.assertAlmostEqual(narrow.error_at({cell: 1.5}, 1.2), -0.1 + math.log(1 + 0.2 * 0.5 + 0.5 * 0.2))
        self.assertAlmostEqual(narrow.error_at({cell: 1.5}), -0.1 + math.log(1 + 0.2 * 0.5))

    def test_constants_of_wide_formats_are_learnt_first_and_narrow_ones_explain_the_rest(self):
        chip, times = "nvidia_b300", {"16-bit": 1.3, "8-bit": 1.1}
        def runs_with(stretched):
            error = -math.log(1 + sum(share * (times[p] - 1) for p, share in stretched.items()))
            return [run(f"source {k}", error, str(i), stretched=stretched, chip=chip) for k in range(30) for i in range(8)]
        by_cell = calibrate.by_cell_of(runs_with({"8-bit": 0.6, "16-bit": 0.3}) + runs_with({"16-bit": 0.9}))
        learnt = calibrate.learn(by_cell, list(by_cell))
        self.assertAlmostEqual(learnt[("Blackwell Ultra", "16-bit", "s")], 1.3, delta=0.02)
        self.assertAlmostEqual(learnt[("Blackwell Ultra", "8-bit", "s")], 1.1, delta=0.02)

    def test_a_source_left_out_teaches_none_of_the_constants_that_predict_it(self):
        wide = [run(source, -0.2, str(i), chip="nvidia_b300") for source in ("a", "b") for i in range(60)]
        narrow = [run("a", 0.0, f"narrow {i}", stretched={"16-bit": 1.0, "8-bit": 0.0}, chip="nvidia_b300") for i in range(9)]
        cells = [r.cell for r in wide]
        with_a = calibrate.left_out_errors(wide + narrow, cells)
        wide_of_a_wrong = [run("a", -0.7, str(i), chip="nvidia_b300") for i in range(60)] + wide[60:]
        without_a = calibrate.left_out_errors(wide_of_a_wrong + narrow, cells)
        for r in narrow:
            self.assertEqual(with_a[r.id], without_a[r.id])

    def test_a_source_of_one_run_weighs_less_than_one_of_thirty_and_more_than_a_thirtieth(self):
        runs = [run("long", 0.0, str(i)) for i in range(30)] + [run("short", 0.0)]
        *long, short = calibrate.weights(runs)
        self.assertTrue(sum(long) / 30 < short < sum(long))

    def test_too_few_runs_or_sources_give_no_constant(self):
        self.assertIsNone(calibrate.estimate([run("a", 0.1)] * 7, {}))
        self.assertFalse(calibrate.is_learnt([run("a", 0.1)] * 20))
        self.assertTrue(calibrate.is_learnt([run("a", 0.1)] * 7 + [run("b", 0.1)]))

    def test_the_model_error_makes_four_of_five_runs_lie_inside(self):
        errors = [0.01 * i for i in range(-50, 51)]
        runs = [run("a", e, str(i)) for i, e in enumerate(errors)]
        sigma = calibrate.model_sigma(runs, {r.id: r.error for r in runs})
        inside = sum(abs(e) <= calibrate.Z80 * math.hypot(sigma, 0.01) for e in errors) / len(errors)
        self.assertAlmostEqual(inside, 0.8, delta=0.01)

    def test_the_half_of_a_group_hangs_on_its_name_alone(self):
        halves = {name: calibrate.is_learnt_on({"group": name}) for name in
                  ("nv_nemo_2502", "nv_dgxc_llama31", "amd_tprimat", "nv_a100_torchtitan")}
        self.assertEqual(halves, {"nv_nemo_2502": True, "nv_dgxc_llama31": False, "amd_tprimat": True, "nv_a100_torchtitan": False})
