"""What in a database is ours, by its ledger of migrations; and what others have in our place."""

from __future__ import annotations

import re
from importlib.resources import files

from sharedstate_ops.stack import migrations
from sharedstate_ops.stack.connections import Connection

_CREATED = re.compile(
    r"""\bcreate\s+(?:or\s+replace\s+)?
    (table|view|materialized\s+view|function|procedure|type|domain)\s+
    (?:if\s+not\s+exists\s+)?public\.(\w+)""",
    re.IGNORECASE | re.VERBOSE,
)
# As pg_identify_object writes it: `trigger_name on public.conflicts`, `public.conflicts.column`.
_IDENTITY = re.compile(
    r"""((?P<own>.+)\ on\ |for\ )? (core|public)\.(?P<name>.+?)
    (\ in\ publication\ (?P<publication>.+))?""",
    re.VERBOSE,
)
# Names that Postgres makes up for what has none: constraints, their sequences, the query of a view.
_MADE_UP = re.compile(r"\w+_(pkey|key|fkey|check|excl|seq|not_null)\d*|_RETURN")


def made_by(texts: list[str]) -> dict[str, list[str]]:
    """Relations, routines and types in public that migrations with these texts have made."""
    made: dict[str, list[str]] = {"relations": [], "routines": [], "types": []}
    kinds = {"function": "routines", "procedure": "routines", "type": "types", "domain": "types"}
    for kind, name in _CREATED.findall("\n".join(texts)):
        made[kinds.get(kind.lower(), "relations")].append(name)
    return made


def read_ledger(connection: Connection) -> tuple[list[str], list[str]]:
    """The texts of the applied migrations of ours, and the versions of those that are others'.

    Ours are files of this package and what begins with the mark, of a later release. That a text
    mentions `core` says nothing: a policy of others may ask for the workspace.
    """
    known = {migration.version: migration.text for migration in migrations.available()}
    texts, others = [], []
    for version, text in migrations.ledger(connection).items():
        if version in known or text.lstrip().startswith(migrations.MARKER):
            # Recorded without its text (by `migration repair`), a file of the same version has it.
            texts.append(text or known[version])
        else:
            others.append(version)
    return texts, others


def of_others(connection: Connection) -> list[str]:
    """What a restore could not keep: in public, on our tables, or made with something of ours."""
    texts, foreign_versions = read_ledger(connection)
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    query = files("sharedstate_ops.backup").joinpath("others.sql").read_text(encoding="utf-8")
    found = [f"migration {version}" for version in foreign_versions]
    for kind, identity, is_in_doubt in connection.execute(query, made_by(texts)):
        if not is_in_doubt or not _is_named(str(identity), words):
            found.append(f"{kind} {identity}".replace('rule "_RETURN" on', "view"))
    return found


def _is_named(identity: str, words: set[str]) -> bool:
    """Whether it is on something of ours and our migrations name it, or nobody does."""
    match = _IDENTITY.fullmatch(identity)
    if match is None:
        return False
    name = match["publication"] or match["own"] or match["name"].split(".")[-1]
    name = name.strip('"')
    return name in words or _MADE_UP.fullmatch(name) is not None
