"""Backups of what is ours in a database, and restoring them (extra `local`)."""

from sharedstate.backup.dump import Backup, back_up
from sharedstate.backup.load import DEFAULT_GAP, restore

__all__ = ["DEFAULT_GAP", "Backup", "back_up", "restore"]
