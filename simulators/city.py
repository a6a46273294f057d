"""A made-up city: who operates what where. Its shape depends on the seed and the number of stations alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from simulators.calendar import URBAN_DISTRICTS

_CODES = {
    "lucheng": "330302",
    "longwan": "330303",
    "ouhai": "330304",
    "dongtou": "330305",
    "marine_zone": "330306",
    "economic_zone": "330371",
    "yueqing": "330382",
}


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator and how often its connectors give a sign of life."""

    operator_id: str
    name: str
    reporting_interval_min: int
    faults_a_month: tuple[int, int]
    fault_hours: tuple[float, float]
    maintenance_team: str = "yes"


@dataclass(frozen=True, slots=True)
class Plug:
    """A connector; `base_wh` is its register when the simulation begins."""

    connector_id: str
    kind: str
    rated_kw: int
    base_wh: int


@dataclass(frozen=True, slots=True)
class Post:
    """A charger with its connectors."""

    operator_id: str
    station_id: str
    charger_id: str
    serial_no: str
    kind: str
    rated_kw_dc: int
    rated_kw_ac: int
    simultaneous: bool
    power_unit_id: str
    commissioned_on: date
    retired_on: date | None
    plugs: tuple[Plug, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A station; `cabinet_kw` is the rating of its shared power unit, 0 where it has none."""

    operator_id: str
    station_id: str
    name: str
    district: str
    category: str
    open_to_public: bool
    cabinet_kw: int
    posts: tuple[Post, ...]


@dataclass(frozen=True, slots=True)
class City:
    """All operators and stations."""

    operators: tuple[Operator, ...]
    sites: tuple[Site, ...]

    def posts(self) -> Iterator[Post]:
        """Every charger, by station."""
        for site in self.sites:
            yield from site.posts


OPERATORS = (
    Operator("OUJIANG", "瓯江充电有限公司", 15, (0, 2), (0.3, 9.0)),
    Operator("NANTANG", "南塘新能源有限公司", 15, (0, 2), (0.5, 12.0)),
    Operator("YANDANG", "雁荡电力服务有限公司", 15, (2, 4), (12.0, 60.0)),
    Operator("XIANYAN", "仙岩充电有限公司", 5, (0, 1), (0.3, 4.0), maintenance_team="no"),
)
# Which operator runs the n-th station: large, middle, small, smallest.
_RUN_BY = (3, 0, 1, 2, 0, 1, 0, 2, 0, 1, 0, 1, 2, 0, 1, 3, 0, 2, 1, 0, 0, 1, 2, 0)
# (form, kind, DC kW, AC kW, both at once, DC plugs, AC plugs) of each charger of a station.
_DUAL_120 = ("integrated", "dc", 120, 0, True, 2, 0)
_DUAL_60 = ("integrated", "dc", 60, 0, True, 2, 0)
_TERMINAL_120 = ("split", "dc", 120, 0, True, 1, 0)
_POST_7 = ("integrated", "ac", 0, 7, True, 0, 1)
_HYBRID_BOTH = ("integrated", "hybrid", 60, 7, True, 1, 1)
_HYBRID_EITHER = ("integrated", "hybrid", 60, 7, False, 1, 1)
_SHAPES = (
    (_DUAL_60, _DUAL_60, _POST_7),
    (_TERMINAL_120,) * 6 + (_POST_7,) * 2,
    (_DUAL_120,) * 3,
    (_HYBRID_BOTH, _HYBRID_EITHER, _DUAL_60),
    (_POST_7,) * 7,
    (_DUAL_120, _DUAL_60, _POST_7, _POST_7),
)
CABINET_KW = 480


def build(seed: int, stations: int, from_day: date, to_day: date) -> City:
    """The city of a seed; one charger is commissioned and one retired between the two days."""
    rng = Random(f"{seed}/city")
    sites = tuple(_site(rng, number, stations) for number in range(stations))
    return City(OPERATORS, _with_changes(sites, from_day, to_day))


def _site(rng: Random, number: int, stations: int) -> Site:
    operator = OPERATORS[_RUN_BY[number % len(_RUN_BY)]]
    district = URBAN_DISTRICTS[number % len(URBAN_DISTRICTS)]
    category, open_to_public = "public", True
    if number == stations - 1:
        district = "yueqing"
    elif number % 12 == 9:
        category, open_to_public = "self_use", number % 24 == 9
    elif number % 12 == 6:
        category, open_to_public = "dedicated", False
    station_id = f"{_CODES[district]}{number + 1:03d}"
    shape = _SHAPES[number % len(_SHAPES)]
    commissioned = date(2022, 1, 1) + timedelta(days=rng.randrange(480))
    if number == 3:
        commissioned = date(2021, 12, 20)
    posts = []
    for position, (form, kind, dc_kw, ac_kw, both, dc_plugs, ac_plugs) in enumerate(shape, 1):
        charger_id = f"{station_id}-{position:02d}"
        kinds = ["dc"] * dc_plugs + ["ac"] * ac_plugs
        plugs = tuple(
            Plug(f"{charger_id}-{place}", plug, dc_kw if plug == "dc" else ac_kw, rng.randrange(10**6, 9 * 10**7))
            for place, plug in enumerate(kinds, 1)
        )
        posts.append(
            Post(
                operator.operator_id,
                station_id,
                charger_id,
                f"WZ-{number + 1:03d}-{position:02d}",
                kind,
                dc_kw,
                ac_kw,
                both,
                f"{station_id}-C1" if form == "split" else "",
                commissioned,
                None,
                plugs,
            )
        )
    cabinet = CABINET_KW if any(post.power_unit_id for post in posts) else 0
    name = f"{operator.name[:2]}{number + 1}号站"
    return Site(operator.operator_id, station_id, name, district, category, open_to_public, cabinet, tuple(posts))


def _with_changes(sites: tuple[Site, ...], from_day: date, to_day: date) -> tuple[Site, ...]:
    """The last charger of the second station opens in the period, the last one of the third is retired in it."""
    days = (to_day - from_day).days
    changed = list(sites)
    for index, change in (
        (1, {"commissioned_on": from_day + timedelta(days=days // 3)}),
        (2, {"retired_on": from_day + timedelta(days=max(1, days * 2 // 3))}),
    ):
        site = changed[index]
        changed[index] = replace(site, posts=(*site.posts[:-1], replace(site.posts[-1], **change)))  # type: ignore[arg-type]
    # One serial number twice, across operators, written differently.
    twin = changed[2].posts[0].serial_no.replace("-", "").lower()
    first = changed[3].posts[0]
    changed[3] = replace(changed[3], posts=(replace(first, serial_no=twin), *changed[3].posts[1:]))
    return tuple(changed)
