"""Backups of our schemas, and restoring them (extra `local`)."""

from sharedstate_ops.backup.backing_up import Backup, back_up
from sharedstate_ops.backup.restoring import DEFAULT_GAP, restore

__all__ = ["DEFAULT_GAP", "Backup", "back_up", "restore"]
