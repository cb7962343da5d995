"""How the architect answers a shortage: by numbers, and never twice the same way. Pure.

The means, in the order in which they are tried:
1. Move what is missing from the reserve, then from the slack of finished subsystems.
2. Ask for a redesign at a later level of the rules: of the subsystem itself, or of another whose
   saving can then be moved.
3. Ask a subsystem that the short one depends on to draw less, for that may lower the need itself.
4. Move an advance from those who could not design yet; whether they can spare it will show.
5. Give up, with the figures.

It ends: the *stage* of a design is the sum of all levels. Redesigns raise the stage, and there are
only so many levels; within one stage each subsystem gets at most MOVES_PER_STAGE moves. So the
number of answers is at most levels + (levels + 1) x subsystems x MOVES_PER_STAGE.

What it pays for that: means are never taken back. A robot that is tight in mass and cost at once
may be given up although a search through all combinations of levels would find it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from humanoid.domain.amounts import RESOURCES, Amounts
from humanoid.domain.budgets import RESERVE, Budgets, whole
from humanoid.flow import READS, Alternative, upstream

# A need can change at an unchanged stage only when something upstream settles differently after
# a move of its own; the flow is that deep.
MOVES_PER_STAGE = 4


@dataclass(frozen=True, slots=True)
class Shortage:
    """A subsystem that does not fit its limits. `usage` is None when it has no design at all."""

    source: str
    usage: Amounts | None
    alternatives: list[Alternative] = field(default_factory=list)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the architect knows when nobody is working any more.

    `usages` and `alternatives` hold the finished subsystems only: others have nothing to give yet.
    `waiting` are those who cannot design before the short one has finished. `moves` counts the
    budget moves of the present stage by subsystem.
    """

    budgets: Budgets
    usages: Mapping[str, Amounts]
    alternatives: Mapping[str, list[Alternative]]
    moves: Mapping[str, int] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()

    def slack(self, source: str) -> dict[str, Amounts]:
        """What each finished subsystem has been given and does not use."""
        return {
            name: (self.budgets[name] - self.usages[name]).positive()
            for name in self.usages
            if name != source
        }


@dataclass(frozen=True, slots=True)
class MoveBudgets:
    """Parts of others' budgets, or of the reserve, for a subsystem: what each of them gives."""

    source: str
    gifts: dict[str, Amounts]
    reason: str


@dataclass(frozen=True, slots=True)
class Redesign:
    """A subsystem is to design again, at a later level of its rules."""

    subsystem: str
    level: int
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No means is left."""

    reason: str
    missing: Amounts


Decision = MoveBudgets | Redesign | GiveUp


def decide(shortage: Shortage, now: Situation) -> Decision:
    """The architect's answer to a shortage."""
    if shortage.usage is None:
        return _first_feasible(shortage)
    limits = now.budgets[shortage.source]
    need = shortage.usage.over(limits)
    slack = now.slack(shortage.source)
    spare = _spare(now, slack)
    may_move = now.moves.get(shortage.source, 0) < MOVES_PER_STAGE
    if need.fits(spare) and may_move:
        return _move(shortage.source, need, now, slack)
    # Signed: what is left over of one resource may be spent on by a redesign.
    gap = shortage.usage - limits - spare
    redesign = _best_redesign(shortage, gap, now) or _relief_from_upstream(shortage, now)
    if redesign is not None:
        return redesign
    advance = {**slack, **{name: now.budgets[name] for name in now.waiting}}
    if need.fits(_spare(now, advance)) and may_move:
        return _move(shortage.source, need, now, advance)
    return _give_up(shortage, need, spare)


def _spare(now: Situation, givers: Mapping[str, Amounts]) -> Amounts:
    return sum(givers.values(), now.budgets[RESERVE])


def _first_feasible(shortage: Shortage) -> Decision:
    for option in shortage.alternatives:
        reason = f"{shortage.reason}; possible with {option.name}"
        return Redesign(shortage.source, option.level, reason)
    return GiveUp(shortage.reason, Amounts())


def _move(source: str, need: Amounts, now: Situation, givers: Mapping[str, Amounts]) -> MoveBudgets:
    """Takes what is needed from the reserve, then from the givers, most first."""
    gifts: dict[str, Amounts] = {}
    told = []
    for resource in RESOURCES:
        missing = need[resource]
        holdings = {name: amounts[resource] for name, amounts in givers.items()}
        most_first = sorted(holdings, key=holdings.__getitem__, reverse=True)
        for giver in (RESERVE, *most_first):
            has = holdings.get(giver, now.budgets[giver][resource])
            given = Amounts(**{resource: min(missing, has)}).rounded().positive()
            if given:
                gifts[giver] = gifts.get(giver, Amounts()) + given
                missing -= given[resource]
                told.append(f"{given} from {giver}")
    return MoveBudgets(source, gifts, f"moved to {source}: {'; '.join(told)}")


def _options(shortage: Shortage, now: Situation) -> Iterator[tuple[str, Alternative, Amounts]]:
    """Every redesign at hand with what it saves, the short subsystem's own ones first.

    Another's counts only when it stays within that one's own budget: moving a shortage around
    solves nothing.
    """
    assert shortage.usage is not None
    for option in shortage.alternatives:
        yield shortage.source, option, shortage.usage - option.usage
    for name, options in now.alternatives.items():
        for option in options:
            if name != shortage.source and option.usage.fits(now.budgets[name]):
                yield name, option, now.usages[name] - option.usage


def _best_redesign(shortage: Shortage, gap: Amounts, now: Situation) -> Redesign | None:
    limits = whole(now.budgets)

    def unmet(saving: Amounts) -> float:
        """What stays missing, as a share of the whole robot's limits, over all resources."""
        return (gap - saving).positive().share_of(limits)

    # min takes the first of equals: the own redesigns, the mildest level first.
    options = list(_options(shortage, now))
    if not options:
        return None
    name, option, saving = min(options, key=lambda entry: unmet(entry[2]))
    if unmet(saving) >= unmet(Amounts()) and unmet(saving) > 0:
        return None
    owner = "it" if name == shortage.source else name
    effect = f"{owner} then needs {option.usage}"
    if missing := (gap - saving).positive():
        effect += f", which still leaves {missing} missing"
    return Redesign(name, option.level, f"{name} to be redesigned: {option.name} ({effect})")


def _relief_from_upstream(shortage: Shortage, now: Situation) -> Redesign | None:
    """A battery shrinks with what it feeds, by how much only a redesign tells.

    That may even be worth a dearer motor, as long as reserve and slack can pay for it.
    """
    for name in (n for n in READS if n in upstream(shortage.source)):
        affordable = now.budgets[name] + _spare(now, now.slack(name))
        for option in now.alternatives.get(name, []):
            saved = (now.usages[name] - option.usage).positive()
            if option.usage.fits(affordable) and saved.power_w:
                effect = f"it saves {saved}, on which {shortage.source} depends"
                reason = f"{name} to be redesigned: {option.name} ({effect})"
                return Redesign(name, option.level, reason)
    return None


def _give_up(shortage: Shortage, need: Amounts, spare: Amounts) -> GiveUp:
    return GiveUp(
        f"{shortage.source} is {need} over its limits, reserve and slack hold {spare}, "
        "and no redesign that is left helps",
        (need.over(spare) or need).rounded(),
    )
