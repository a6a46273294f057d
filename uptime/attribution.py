"""Which of many new inputs changed what: found by computing again with each alone, and with each left out.

A list of everything that came in is no explanation. An input is named where, for some connector, taking it in alone
changes the result, or leaving it out of all does; and where the named ones together do not yet give the new result,
those others without which it cannot be had.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

Account = object
"""What a connector has to its account, comparable; None where it has none."""
Evaluate = Callable[[Collection[int]], Mapping[int, Account]]
"""Given the inputs that are taken in (by index), the account of each connector."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What the inputs did to the connectors whose account changed."""

    before: Mapping[int, Account]
    after: Mapping[int, Account]
    alone: dict[tuple[int, int], Account] = field(default_factory=dict)
    """(input, connector) → account with this input alone, where that differs from `before`."""
    without: dict[tuple[int, int], Account] = field(default_factory=dict)
    """(input, connector) → account with all but this input, where that differs from `after`."""
    together: set[tuple[int, int]] = field(default_factory=set)
    """(input, connector) that neither alone nor left out shows, and without which the result is not had."""

    @property
    def named(self) -> set[tuple[int, int]]:
        """Each (input, connector) of which the input changed the connector's account."""
        return {*self.alone, *self.without, *self.together}


def attribute(
    touches: Sequence[Collection[int]], ask: Evaluate, before: Mapping[int, Account], after: Mapping[int, Account]
) -> Attribution:
    """The inputs (by index) that changed each connector's account; `touches` are the connectors each may change.

    `before` and `after` are the accounts with none and with all of them. Inputs that touch no connector in common are
    tried in one evaluation: their effects cannot meet. Only the connectors whose account changed are looked at.
    """
    everything = set(range(len(touches)))
    changed = {one for one in {*before, *after} if before.get(one) != after.get(one)}
    found = Attribution(before, after)
    mine = [frozenset(one) & changed for one in touches]
    at_work = frozenset(index for index in everything if mine[index])
    answers = {frozenset(): before, at_work: after}

    def evaluate(chosen: Collection[int]) -> Mapping[int, Account]:
        """The same question is asked once; what touches nothing that changed makes no difference."""
        key = at_work.intersection(chosen)
        if key not in answers:
            answers[key] = ask(key)
        return answers[key]

    groups = disjoint(mine)
    for group in groups:
        alone, without = evaluate(set(group)), evaluate(everything - set(group))
        for index in group:
            for connector in mine[index]:
                if alone.get(connector) != before.get(connector):
                    found.alone[index, connector] = alone.get(connector)
                if without.get(connector) != after.get(connector):
                    found.without[index, connector] = without.get(connector)
    _complete(found, changed, mine, evaluate)
    return found


def _complete(found: Attribution, changed: Collection[int], mine: Sequence[frozenset[int]], evaluate: Evaluate) -> None:
    """Where the named inputs do not suffice, leave the others out one by one, as long as the result stands."""
    while True:
        chosen = {index for index, _ in found.named}
        given = evaluate(chosen)
        short = {one for one in changed if given.get(one) != found.after.get(one)}
        if not short:
            return
        # Those left in at the end are more than `chosen`: with that alone the result was not had.
        kept = set(range(len(mine)))
        for index in sorted(kept - chosen):
            less = evaluate(kept - {index}) if mine[index] & short else found.after
            needed = {one for one in mine[index] & short if less.get(one) != found.after.get(one)}
            found.together.update((index, one) for one in needed)
            kept -= set() if needed else {index}


def disjoint(touches: Sequence[Collection[int]]) -> list[list[int]]:
    """The inputs in as few groups as a first fit gives, so that no connector is touched twice in one group.

    Inputs that touch nothing are in none.
    """
    groups: list[tuple[set[int], list[int]]] = []
    for index, connectors in enumerate(touches):
        if not connectors:
            continue
        for taken, members in groups:
            if taken.isdisjoint(connectors):
                taken.update(connectors)
                members.append(index)
                break
        else:
            groups.append((set(connectors), [index]))
    return [members for _, members in groups]
