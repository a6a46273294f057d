"""Deals out a month's parts: which charger breaks, is maintained, falls silent or has a wrong clock, and when."""

from random import Random

from chargewatch.instants import US_PER_S, iso
from simulators.calendar import DAY_US, HOUR_US, MINUTE_US, start_of
from simulators.city import City, Operator, Post, Site
from simulators.plan import Break, Clock, Plan, Silence, Trouble

_MS_US = 1_000


def deal(seed: int, city: City, from_us: int, to_us: int) -> Plan:
    """The plan of a seed: one of each kind of part, then ordinary faults by each operator's own rate."""
    return _Dealer(seed, city, from_us, to_us).deal()


class _Dealer:
    def __init__(self, seed: int, city: City, from_us: int, to_us: int) -> None:
        self.rng = Random(f"{seed}/scenario")
        self.city = city
        self.plan = Plan(from_us, to_us)
        self.pool = [
            post
            for site in city.sites
            for post in site.posts
            if site.category == "public" and post.retired_on is None and start_of(post.commissioned_on) < from_us
        ]
        self.rng.shuffle(self.pool)

    def deal(self) -> Plan:
        self.dead_site()
        self.silent_site()
        self.maintenance()
        self.silences()
        self.clocks()
        self.links()
        self.ordinary_faults()
        return self.plan

    def at(self, share: float) -> int:
        """An instant at this share of the window, to the millisecond."""
        length = self.plan.to_us - self.plan.from_us
        us = self.plan.from_us + int(length * share) + self.rng.randrange(HOUR_US)
        return us // _MS_US * _MS_US

    def until(self, from_us: int, hours: float) -> int:
        """So many hours later, but an hour before the window's end at the latest."""
        length = (int(hours * HOUR_US) + self.rng.randrange(20 * MINUTE_US)) // _MS_US * _MS_US
        return max(from_us + 10 * MINUTE_US, min(from_us + length, self.plan.to_us - HOUR_US))

    def take(self, operator: Operator | None = None, kind: str | None = None) -> Post | None:
        """A charger without a part yet, None when there is none left."""
        for post in self.pool:
            if (operator is None or post.operator_id == operator.operator_id) and kind in (None, post.kind):
                self.pool.remove(post)
                self.plan.eventful.add(post.charger_id)
                return post
        return None

    def sites_of(self, operator: Operator) -> list[Site]:
        return [s for s in self.city.sites if s.operator_id == operator.operator_id and s.category == "public"]

    def take_site(self, site: Site) -> None:
        self.pool = [post for post in self.pool if post.station_id != site.station_id]
        self.plan.eventful.update(post.charger_id for post in site.posts)

    def dead_site(self) -> None:
        """A station without power for more than a week, which its operator reports."""
        sites = self.sites_of(self.city.operators[2])
        if not sites:
            return
        from_us = self.at(0.35)
        to_us = self.until(from_us, 7.6 * 24)
        self.take_site(sites[0])
        for post in sites[0].posts:
            self.plan.add(post.charger_id, Trouble(from_us, to_us, "faulted", "dead site: no power"))

    def silent_site(self) -> None:
        """A station that serves and is not heard of for twelve days."""
        sites = self.sites_of(self.city.operators[3])
        if not sites:
            return
        from_us = self.at(0.3)
        to_us = self.until(from_us, 12 * 24)
        self.take_site(sites[0])
        self.plan.silences.extend(Silence(post.charger_id, from_us, to_us) for post in sites[0].posts)

    def maintenance(self) -> None:
        """Declared beforehand (one overruns, one ends early), never, too late, without approval; and a grid outage."""
        for number, (why, share, declared_h, real_h, filed_h, approved, cause) in enumerate(
            (
                ("maintenance, declared", 0.2, 12, 12, 72, "yes", "routine_maintenance"),
                ("maintenance, declared, overran", 0.5, 6, 8, 48, "yes", "routine_maintenance"),
                ("maintenance, declared, done early", 0.7, 10, 9, 24, "yes", "routine_maintenance"),
                ("maintenance, never declared", 0.4, 0, 10, 0, "", ""),
                ("maintenance, declared too late", 0.6, 14, 14, -0.5, "yes", "routine_maintenance"),
                ("maintenance, declared, not approved", 0.25, 9, 9, 48, "no", "routine_maintenance"),
                ("grid outage, declared", 0.8, 5, 5, 12, "yes", "grid_outage"),
            ),
            1,
        ):
            post = self.take()
            if post is None:
                return
            from_us = self.at(share) // MINUTE_US * MINUTE_US
            to_us = from_us + int(real_h * HOUR_US)
            state = "faulted" if cause == "grid_outage" else "out_of_service"
            self.plan.add(post.charger_id, Trouble(from_us, to_us, state, why))
            if not cause:
                continue
            end_us = from_us + declared_h * HOUR_US
            self.plan.declarations.append(
                {
                    "operator_id": post.operator_id,
                    "declaration_id": f"D{number:03d}",
                    "scope": "charger",
                    "scope_id": post.charger_id,
                    "cause": cause,
                    "start": iso(from_us),
                    "end": iso(end_us),
                    "filed_at": iso(from_us - int(filed_h * HOUR_US)),
                    "reference": why,
                    "approved": approved,
                }
            )
            if cause == "routine_maintenance" and approved == "yes" and filed_h >= 0:
                self.plan.deducted.setdefault(post.charger_id, []).append((from_us, end_us))

    def silences(self) -> None:
        """Not heard of: for hours, for more than a day (with a fault nobody hears of), with items kept, as offline."""
        for share, hours, kept, greets, offline in (
            (0.15, 3, False, True, False),
            (0.55, 30, False, False, False),
            (0.3, 5, True, True, False),
            (0.75, 4, False, True, True),
        ):
            post = self.take()
            if post is not None:
                from_us = self.at(share)
                to_us = self.until(from_us, hours)
                self.plan.silences.append(Silence(post.charger_id, from_us, to_us, kept, greets, offline))
                if not greets:
                    fault = Trouble(from_us + 5 * HOUR_US, from_us + 8 * HOUR_US, "faulted", "fault")
                    self.plan.add(post.charger_id, fault)

    def clocks(self) -> None:
        """A clock that is late for a week, and one an hour ahead for some hours; a fault within each."""
        for share, hours, shift_us in ((0.25, 168, -90 * US_PER_S), (0.45, 6, HOUR_US)):
            post = self.take(kind="dc")
            if post is None:
                return
            from_us = self.at(share)
            to_us = self.until(from_us, hours)
            self.plan.clocks.append(Clock(post.charger_id, from_us, to_us, shift_us))
            fault_us = from_us + (to_us - from_us) // 3 // _MS_US * _MS_US
            half_us = (to_us - from_us) // 6 // _MS_US * _MS_US
            self.plan.add(post.charger_id, Trouble(fault_us, fault_us + half_us, "faulted", "fault"))

    def links(self) -> None:
        """Links down for eight and for thirty-two hours, a fault that ends then, a recovery nobody hears of."""
        first, second = self.city.operators[:2]
        from_us = self.at(0.38)
        self.plan.breaks.append(Break(first.operator_id, from_us, self.until(from_us, 8)))
        from_us = self.at(0.65)
        to_us = self.until(from_us, 32)
        self.plan.breaks.append(Break(second.operator_id, from_us, to_us))
        post = self.take(second)
        if post is not None and to_us - from_us > DAY_US + 2 * HOUR_US:
            fault = Trouble(from_us - 90 * MINUTE_US, from_us + 70 * MINUTE_US, "faulted", "fault")
            self.plan.add(post.charger_id, fault)
        post = self.take(first)
        if post is not None:
            from_us = self.at(0.85)
            fault = Trouble(from_us, self.until(from_us, 1.5), "faulted", "fault")
            self.plan.add(post.charger_id, fault)
            self.plan.lost_recoveries.add((post.charger_id, fault.to_us))

    def ordinary_faults(self) -> None:
        """Faults as they happen: so many a month and so long, by operator."""
        kinds = {operator.operator_id: operator for operator in self.city.operators}
        length = self.plan.to_us - self.plan.from_us
        for post in self.city.posts():
            operator = kinds[post.operator_id]
            for _ in range(self.rng.randint(*operator.faults_a_month)):
                from_us = self.plan.from_us + self.rng.randrange(HOUR_US, length) // _MS_US * _MS_US
                to_us = from_us + int(self.rng.uniform(*operator.fault_hours) * HOUR_US) // _MS_US * _MS_US
                busy = any(
                    first - DAY_US < to_us and from_us < last + DAY_US
                    for first, last in self.plan.disturbed(post.charger_id)
                )
                if not busy and self.plan.is_free(post.charger_id, from_us, to_us, HOUR_US):
                    self.plan.add(post.charger_id, Trouble(from_us, to_us, "faulted", "fault"))
