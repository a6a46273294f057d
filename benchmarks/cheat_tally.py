"""What was injected, what was found, and what it costs: pure sums over seeds, and how they are printed."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from benchmarks.findings import line
from simulators.cheats.patterns import PATTERNS
from simulators.truth import Truth

Key = tuple[str, str]
"""Operator, and the id of an order or of what the registry names."""

BY_ORDER = ("in_maintenance", "meter_expired")
"""Cheats on paper that are counted by the orders which they touch."""


@dataclass(frozen=True)
class Measured:
    """What the statement's engine made of a city.

    `admitted`, `held`: orders that are paid, and that would be but for a finding; the others earn nothing anyway.
    `found`: by rule the orders, and the chargers, stations, connectors and declarations that it names; `holding`: the
    rules that hold.
    """

    admitted: frozenset[Key]
    held: frozenset[Key]
    found: Mapping[str, frozenset[Key]]
    holding: frozenset[str]
    rate_yuan: Decimal


@dataclass
class Tally:
    """Counts by pattern and rule, yuan by pattern, over all cities seen so far."""

    injected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    before: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    after: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    rule_found: Counter[str] = field(default_factory=Counter)
    rule_right: Counter[str] = field(default_factory=Counter)
    rule_beside: Counter[str] = field(default_factory=Counter)
    honest: int = 0
    honest_held: int = 0
    odd: Counter[str] = field(default_factory=Counter)
    odd_held: Counter[str] = field(default_factory=Counter)
    beside: int = 0
    beside_held: int = 0
    honest_found: Counter[str] = field(default_factory=Counter)
    honest_yuan_held: Decimal = Decimal()

    def add(self, truth: Truth, measured: Measured, rules: Mapping[str, tuple[str, ...]]) -> None:
        """One city. `rules`: by pattern the codes of the rules that are for it."""
        guilty: set[Key] = set()
        beside: set[Key] = set()
        unsaid = Counter((one.operator_id, one.session_id) for one in truth.sessions)
        for one in truth.sessions:
            key = (one.operator_id, one.session_id)
            if one.fate != "sent" or unsaid[key] > 1:
                guilty.add(key)  # the ordinary city's own tricks: neither honest nor injected
            elif one.cheat:
                guilty.add(key)
                self._cheat(one.cheat, key, Decimal(one.claimed_kwh) - Decimal(one.due_kwh), measured, rules)
            elif one.beside:
                beside.add(key)
                self.beside += 1
                self.beside_held += key in measured.held
            else:
                self._honest(key, one.oddity, Decimal(one.claimed_kwh), measured)
        for named in truth.cheats:
            key = (named.operator_id, named.id)
            guilty.add(key)
            if named.beside is not None:
                beside.add(named.beside)
            if named.pattern not in BY_ORDER:
                self._cheat(named.pattern, key, Decimal(), measured, rules)
        for rule, keys in measured.found.items():
            self.rule_found[rule] += len(keys)
            self.rule_right[rule] += len(keys & guilty)
            self.rule_beside[rule] += len(keys & beside)

    def recall(self, pattern: str) -> float:
        """Share of the injected that its own rules found."""
        return self.found[pattern] / self.injected[pattern]

    def honest_share(self) -> float:
        """Share of the honest orders that are held."""
        return self.honest_held / max(1, self.honest)

    def _cheat(
        self, pattern: str, key: Key, wrong_kwh: Decimal, measured: Measured, rules: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.injected[pattern] += 1
        self.found[pattern] += any(key in measured.found.get(rule, ()) for rule in rules.get(pattern, ()))
        self.held[pattern] += key in measured.held
        if key in measured.admitted or key in measured.held:
            self.before[pattern] += wrong_kwh * measured.rate_yuan
        if key in measured.admitted:
            self.after[pattern] += wrong_kwh * measured.rate_yuan

    def _honest(self, key: Key, oddity: str, kwh: Decimal, measured: Measured) -> None:
        self.honest += 1
        self.odd[oddity] += 1
        for rule in measured.holding:
            self.honest_found[rule] += key in measured.found[rule]
        if key in measured.held:
            self.honest_held += 1
            self.odd_held[oddity] += 1
            self.honest_yuan_held += kwh * measured.rate_yuan


def print_patterns(tally: Tally, rules: Mapping[str, tuple[str, ...]]) -> None:
    """Injected, found and yuan by pattern."""
    print("\nWhat was injected, and what the rules for it found; yuan wrongly payable")
    print(line("", "injected", "found", "recall", "held by any", "yuan before", "after", "rules"))
    for pattern in PATTERNS:
        if tally.injected[pattern]:
            counts = (f"{tally.injected[pattern]:,}", f"{tally.found[pattern]:,}", f"{tally.recall(pattern):.1%}")
            yuan = (f"{tally.before[pattern]:,.2f}", f"{tally.after[pattern]:,.2f}")
            why = PATTERNS[pattern].no_trace
            names = f"  no trace: {why}" if why else "  " + ", ".join(rules.get(pattern, ("no rule",)))
            print(line(pattern, *counts, f"{tally.held[pattern]:,}", *yuan) + names)
    print(line("all together", "", "", "", "", *(f"{_sum(one.values()):,.2f}" for one in (tally.before, tally.after))))


def print_rules(tally: Tally) -> None:
    """Precision by rule: what it found that somebody had cheated at."""
    print("\nWhat each rule found: cheats, honest orders that a cheat contradicts, and others")
    print(line("", "found", "cheats", "contradicted", "others", "precision"))
    for rule, found in sorted(tally.rule_found.items()):
        right, beside = tally.rule_right[rule], tally.rule_beside[rule]
        precision = f"{right / found:.1%}" if found else "–"
        print(line(rule, f"{found:,}", f"{right:,}", f"{beside:,}", f"{found - right - beside:,}", precision))


def print_honest(tally: Tally) -> None:
    """What the honest bear."""
    print("\nHonest orders, by why they look odd")
    print(line("", "orders", "held", "share"))
    for oddity in sorted(tally.odd):
        share = tally.odd_held[oddity] / tally.odd[oddity]
        print(line(oddity or "ordinary", f"{tally.odd[oddity]:,}", f"{tally.odd_held[oddity]:,}", f"{share:.2%}"))
    print(line("all", f"{tally.honest:,}", f"{tally.honest_held:,}", f"{tally.honest_share():.2%}"))
    held = tally.beside_held / max(1, tally.beside)
    print(line("beside them: contradicted by a cheat", f"{tally.beside:,}", f"{tally.beside_held:,}", f"{held:.2%}"))
    rules = [f"{rule} {count}" for rule, count in tally.honest_found.most_common() if count]
    print(f"  found by rule: {', '.join(rules) or 'none'}")
    print(f"  yuan of honest orders that wait for a person: {tally.honest_yuan_held:,.2f}")


def _sum(yuan: Iterable[Decimal]) -> Decimal:
    return sum(yuan, Decimal())
