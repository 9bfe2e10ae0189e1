"""The text of a scenario while it is written: lines of TOML, and what was assumed."""
import re


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def slug(text):
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


class Scenario:
    def __init__(self, record):
        self.record = record
        self.assumptions = []
        self.lines = []

    def assume(self, text):
        if text not in self.assumptions:
            self.assumptions.append(text)

    def put(self, key, value):
        self.lines.append(f"{key} = {toml(value)}")

    def section(self, name):
        self.lines += ["", name]
