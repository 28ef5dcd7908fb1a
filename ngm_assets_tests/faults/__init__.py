"""Faults: kills, full disks, broken files and locked stores; nothing may be lost or doubled."""
