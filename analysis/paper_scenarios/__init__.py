"""The scenario of a published run: its record, and a module for each section that is written of it."""
