"""Tests of the journals, in files that fail as disks do."""
