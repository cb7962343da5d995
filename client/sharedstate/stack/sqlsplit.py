"""Splitting SQL text into statements, as the Supabase CLI stores them in its ledger."""

from __future__ import annotations

import re

# What may contain a semicolon that ends nothing: strings, names, dollar quotes, comments.
_TOKEN = re.compile(
    r"""
    (?P<dollar>\$(?P<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)
  | (?P<escape>(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<name>"(?:[^"]|"")*")
  | (?P<line>--[^\n]*)
  | (?P<block>/\*)
  | (?P<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)
  | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def split_statements(text: str) -> list[str]:
    """The statements of a script without their semicolons; comments stay with what they precede.

    >>> split_statements("select 1; select ';';")
    ['select 1', "select ';'"]
    """
    statements = []
    start = position = 0
    depth = 0  # of `begin atomic` and `case` blocks inside a function's body
    previous = ""
    while match := _TOKEN.search(text, position):
        position = match.end()
        if match.group("dollar"):
            closing = text.find(match.group("dollar"), position)
            position = len(text) if closing < 0 else closing + len(match.group("dollar"))
        elif match.group("block"):
            position = _end_of_block_comment(text, position)
        elif match.group("word"):
            word = match.group("word").lower()
            depth = _depth_after(word, previous, depth)
            previous = word
        elif match.group("end") and depth == 0:
            statements.append(text[start : match.start()])
            start = position
    statements.append(text[start:])
    return [stripped for statement in statements if (stripped := _trimmed(statement))]


def _depth_after(word: str, previous: str, depth: int) -> int:
    if word == "atomic" and previous == "begin":
        return 1
    if depth and word == "case" and previous != "end":
        return depth + 1
    if depth and word == "end":
        return depth - 1
    return depth


def _end_of_block_comment(text: str, position: int) -> int:
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(text, position)):
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position if depth == 0 else len(text)


def _trimmed(statement: str) -> str:
    """Empty when nothing but comments is left."""
    bare = re.sub(r"--[^\n]*|/\*.*?\*/", "", statement, flags=re.DOTALL)
    return statement.strip() if bare.strip() else ""
