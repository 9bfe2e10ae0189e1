"""How constants are learnt from published runs: estimates, weights of sources, the half that only judges, intervals."""
import math
import unittest

import calibrate


def run(source, error, identifier="r", sigma=0.01, share=1.0):
    width = math.exp(calibrate.Z80 * sigma)
    return calibrate.Run({"id": f"{source}_{identifier}", "source": source, "chip": "no_such_chip", "precision": "16-bit", "stack": "s",
                          "moe": False, "vendor": "V", "software_known": True, "time_by_kind": {"gemm": share, "all_reduce": 1 - share},
                          "error": error, "interval_80": [1 / width, width]})


class Calibrate(unittest.TestCase):
    def test_the_constant_takes_the_error_away_but_for_what_draws_it_to_one(self):
        runs = [run(f"source {k}", -math.log(1.2), str(i)) for k in range(4) for i in range(50)]
        factor = calibrate.estimate(runs)
        self.assertTrue(1.15 < factor < 1.2)
        self.assertLess(calibrate.estimate(runs[:50]), factor)  # one source says less than four

    def test_only_products_and_attention_are_stretched(self):
        half = run("a", -0.1, share=0.5)
        self.assertAlmostEqual(half.error_at(1.2), -0.1 + math.log(1.1))

    def test_a_source_of_one_run_weighs_less_than_one_of_thirty_and_more_than_a_thirtieth(self):
        runs = [run("long", 0.0, str(i)) for i in range(30)] + [run("short", 0.0)]
        *long, short = calibrate.weights(runs)
        self.assertTrue(sum(long) / 30 < short < sum(long))

    def test_too_few_runs_or_sources_give_no_constant(self):
        self.assertIsNone(calibrate.estimate([run("a", 0.1)] * 7))
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
