"""The architect decides from numbers: reserve, then slack, then redesigns, then the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from humanoid.decisions import (
    MOVES_PER_STAGE,
    GiveUp,
    MoveBudgets,
    Redesign,
    Shortage,
    Situation,
    decide,
)
from humanoid.domain.amounts import Amounts
from humanoid.domain.budgets import ALLOCATION
from humanoid.flow import Alternative

FIRST_CHOICE = Amounts(12.1, 4920, 1700)
GEARED_LEGS = Alternative(1, "gearboxes in the legs", Amounts(8.2, 3720, 860))
GEARED = Alternative(2, "gearboxes everywhere", Amounts(8.7, 4060, 730))
SKELETON = Amounts(8.0, 1200, 0)


def situation(
    usages: dict[str, Amounts] | None = None,
    alternatives: dict[str, list[Alternative]] | None = None,
    moves: dict[str, int] | None = None,
) -> Situation:
    budgets = {**ALLOCATION, "integration": Amounts()}
    return Situation(budgets, usages or {}, alternatives or {}, moves or {})


def test_what_the_reserve_holds_is_moved_from_the_reserve() -> None:
    decision = decide(Shortage("power", Amounts(8.752, 1065, 18)), situation())
    assert isinstance(decision, MoveBudgets)
    assert decision.gifts == {"reserve": Amounts(0.752)}
    assert decision.reason == "moved to power: 0.752 kg from reserve"


def test_the_moved_budgets_add_up_to_the_shortage() -> None:
    now = situation({"skeleton": SKELETON, "sensing": Amounts(1.8, 2300, 38)})
    decision = decide(Shortage("power", Amounts(13.333, 2400.55, 55)), now)
    assert isinstance(decision, MoveBudgets)
    given = sum(decision.gifts.values(), Amounts())
    assert given.rounded() == Amounts(5.333, 400.55, 5)


def test_what_the_reserve_lacks_comes_from_the_one_with_most_slack() -> None:
    now = situation({"skeleton": SKELETON, "sensing": Amounts(1.8, 2300, 38)})
    decision = decide(Shortage("power", Amounts(12.0, 1065, 18)), now)
    assert isinstance(decision, MoveBudgets)
    assert decision.reason == "moved to power: 2 kg from reserve; 2 kg from skeleton"
    assert decision.gifts["skeleton"] == Amounts(2.0)


def test_nobody_is_left_with_less_than_they_use() -> None:
    now = situation({"skeleton": SKELETON, "sensing": Amounts(1.8, 2300, 38)})
    decision = decide(Shortage("power", Amounts(18.0, 1065, 18)), now)
    assert isinstance(decision, MoveBudgets)
    for name, used in now.usages.items():
        assert used.fits(now.budgets[name] - decision.gifts.get(name, Amounts()))


def test_an_unfinished_subsystem_has_no_slack_to_give() -> None:
    decision = decide(Shortage("power", Amounts(12.0, 1065, 18)), situation())
    assert isinstance(decision, GiveUp)


def test_a_shortage_beyond_all_slack_asks_for_the_mildest_redesign_that_closes_it() -> None:
    shortage = Shortage("actuation", FIRST_CHOICE, [GEARED_LEGS, GEARED])
    decision = decide(shortage, situation({"skeleton": SKELETON}))
    assert isinstance(decision, Redesign)
    assert (decision.subsystem, decision.level) == ("actuation", 2)


def test_a_milder_redesign_does_when_slack_covers_the_rest() -> None:
    shortage = Shortage("actuation", FIRST_CHOICE, [GEARED_LEGS, GEARED])
    now = situation({"sensing": Amounts(1.0, 1000, 10), "power": Amounts(7, 1000, 20)})
    decision = decide(shortage, now)
    assert isinstance(decision, Redesign)
    assert decision.level == 1  # 60 W over, 40 + 30 W to spare


def test_another_subsystem_is_redesigned_when_the_short_one_cannot_help_itself() -> None:
    lean = Alternative(2, "lean", Amounts(0.9, 1100, 19))
    now = situation(
        {"sensing": Amounts(3.0, 2500, 50), "skeleton": Amounts(15, 3000)}, {"sensing": [lean]}
    )
    decision = decide(Shortage("power", Amounts(12.0, 2000, 50)), now)
    assert isinstance(decision, Redesign)
    assert (decision.subsystem, decision.level) == ("sensing", 2)


def test_a_redesign_that_bursts_its_own_budget_is_no_help() -> None:
    lighter_but_dearer = Alternative(1, "titanium", Amounts(10.0, 9000))
    now = situation({"skeleton": Amounts(15, 3000)}, {"skeleton": [lighter_but_dearer]})
    decision = decide(Shortage("power", Amounts(12.0, 2000, 50)), now)
    assert isinstance(decision, GiveUp)


def test_less_draw_upstream_is_tried_before_giving_up_on_the_battery() -> None:
    slower = Alternative(3, "lightest", Amounts(12.0, 6000, 600))
    now = situation({"actuation": Amounts(12.0, 6000, 800)}, {"actuation": [slower]})
    decision = decide(Shortage("power", Amounts(12.0, 2000, 50)), now)
    assert isinstance(decision, Redesign)
    assert decision.subsystem == "actuation"
    assert "it saves 200 W, on which power depends" in decision.reason


def test_those_who_could_not_design_yet_give_an_advance_before_giving_up() -> None:
    now = replace(situation({"skeleton": SKELETON}), waiting=("power", "shell"))
    decision = decide(Shortage("actuation", Amounts(12.0, 9000, 800)), now)
    assert isinstance(decision, MoveBudgets)
    assert decision.reason == "moved to actuation: 500 USD from reserve; 2,000 USD from power; " + (
        "500 USD from skeleton"
    )


def test_giving_up_names_the_figures() -> None:
    decision = decide(Shortage("power", Amounts(20.0, 2000, 50)), situation())
    assert isinstance(decision, GiveUp)
    assert decision.missing == Amounts(10.0)
    assert "power is 12 kg over its limits" in decision.reason
    assert "hold 2 kg, 500 USD" in decision.reason


def test_a_robot_that_is_too_heavy_in_all_asks_who_can_save_enough() -> None:
    thin = Alternative(1, "thin", Amounts(14.9, 1200))
    light = Alternative(1, "light", Amounts(4.0, 900))
    now = situation(
        {"skeleton": Amounts(15.0, 1200), "shell": Amounts(5.0, 900)},
        {"skeleton": [thin], "shell": [light]},
    )
    decision = decide(Shortage("integration", Amounts(2.5, 120)), now)
    assert isinstance(decision, Redesign)
    assert decision.subsystem == "shell"


@pytest.mark.parametrize("levels", [[], [GEARED]])
def test_without_any_design_the_next_feasible_level_is_asked_for(levels: list[Alternative]) -> None:
    decision = decide(Shortage("actuation", None, levels, "no motor turns the knee"), situation())
    if levels:
        assert isinstance(decision, Redesign)
        assert decision.level == 2
    else:
        assert isinstance(decision, GiveUp)
        assert decision.reason == "no motor turns the knee"


def test_budgets_are_moved_only_so_often_between_redesigns() -> None:
    now = situation(moves={"power": MOVES_PER_STAGE})
    decision = decide(Shortage("power", Amounts(8.5, 1065, 18)), now)
    assert isinstance(decision, GiveUp)
