"""Runs the tests of a folder, or says which Debian package is missing and exits with 77: ctest shows that as skipped."""
import importlib.util
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77


def main():
    missing = [f"python3-{name}" for name in ("h5py", "pandas", "matplotlib", "yaml") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed")
        return SKIPPED
    sys.path.insert(0, str(HERE.parent.parent / "analysis"))
    tests = unittest.defaultTestLoader.discover(str(HERE))
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


sys.exit(main())
