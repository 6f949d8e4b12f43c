"""The journals in files: written to in one place, found by an index, repaired after a crash."""
