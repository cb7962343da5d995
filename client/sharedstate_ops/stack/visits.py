"""Commands that need the stack for a while: a stack that one of them started ends with the last."""

from __future__ import annotations

import os

from sharedstate_ops.stack import processes
from sharedstate_ops.stack.state import StackState


def begin(state: StackState) -> None:
    """This process needs the stack from now on; if nothing runs yet, it is started for visitors."""
    _forget_the_dead(state)
    state.temporary = state.temporary or not state.parts
    state.visitors[str(os.getpid())] = processes.mark_of(os.getpid())


def end(state: StackState) -> bool:
    """This process needs it no more. True when the stack should end, too."""
    state.visitors.pop(str(os.getpid()), None)
    _forget_the_dead(state)
    return state.temporary and not state.visitors


def make_permanent(state: StackState) -> bool:
    """Somebody wants the stack to stay. True when it would have ended with its visitors."""
    would_have_ended = state.temporary and bool(state.parts)
    state.temporary = False
    return would_have_ended


def is_visiting(state: StackState) -> bool:
    """Whether this process said that it needs the stack."""
    return str(os.getpid()) in state.visitors


def is_abandoned(state: StackState) -> bool:
    """Whether all visitors of a temporary stack were killed before they could stop it."""
    _forget_the_dead(state)
    return state.temporary and not state.visitors


def _forget_the_dead(state: StackState) -> None:
    state.visitors = {
        pid: created
        for pid, created in state.visitors.items()
        if processes.find(int(pid), created) is not None
    }
