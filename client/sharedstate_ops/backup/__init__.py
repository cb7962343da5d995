"""Backups of what is ours in a database, and restoring them (extra `local`)."""

from sharedstate_ops.backup.backing_up import Backup, back_up
from sharedstate_ops.backup.restoring import DEFAULT_GAP, Restored, restore

__all__ = ["DEFAULT_GAP", "Backup", "Restored", "back_up", "restore"]
