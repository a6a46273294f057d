"""What the registry says where somebody cheats on paper, and where it only says more than usual."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from simulators.calendar import DAY_US, URBAN_DISTRICTS, day_of
from simulators.cheats import hours
from simulators.cheats.dealing import Deal
from simulators.city import City, Post, Site
from simulators.city_registry import late_site
from simulators.orders import ELECTRICITY_PRICE, NIGHT_ELECTRICITY_PRICE, NIGHT_SERVICE_PRICE, SERVICE_PRICE
from simulators.plan import Plan
from simulators.registry_folder import Row
from simulators.truth import TrueCheat

_STEP_DEGREES, _A_ROW = 0.012, 12
"""More than a kilometre from station to station."""


@dataclass(slots=True)
class Exchange:
    """A meter that was replaced: on which day, and the old one's last register."""

    day: date
    last_wh: int


@dataclass(slots=True)
class Papers:
    """The registry of a city in which somebody cheats; `cheats` says who, `exchanges` whose meter was replaced."""

    deal: Deal
    city: City
    plan: Plan
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    declarations: list[Row] = field(default_factory=list)
    cheats: list[TrueCheat] = field(default_factory=list)
    _earning: set[str] = field(init=False)
    _sites: dict[str, Site] = field(init=False)
    _posts: dict[str, Post] = field(init=False)
    _twins: dict[str, Post] = field(init=False)

    def __post_init__(self) -> None:
        paid = {one.operator_id for one in self.city.operators if one.maintenance_team == "yes"}
        self._earning = {
            site.station_id
            for site in self.city.sites
            if site.category == "public" and site.district in URBAN_DISTRICTS and site.operator_id in paid
        } - {late_site(self.city).station_id}
        self._sites = {site.station_id: site for site in self.city.sites}
        self._posts = {post.charger_id: post for post in self.city.posts()}
        self._twins = {}
        for post in self.city.posts():
            self._twins.setdefault(_plain(post.serial_no), post)

    def rewritten(self, tables: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
        """The tables with all of it."""
        places = self._places()
        for row in tables["declarations"]:  # the ordinary city has one, too
            if row["cause"] == "routine_maintenance" and str(row["filed_at"]) > str(row["start"]):
                self._caught("late_maintenance", "declaration", row, str(row["declaration_id"]))
        return {
            **tables,
            "stations": [self._station(row, places[str(row["station_id"])]) for row in tables["stations"]],
            "chargers": [self._charger(row) for row in tables["chargers"]],
            "connectors": [self._connector(row) for row in tables["connectors"]],
            "meters": [one for row in tables["meters"] for one in self._meters(row)],
            "tariffs": [one for row in tables["tariffs"] for one in self._tariffs(row)],
            "declarations": [*tables["declarations"], *self.declarations],
        }

    def expires_on(self, connector_id: str) -> date:
        """Last day of the verification of a meter that is not verified again."""
        days = (self.plan.to_us - self.plan.from_us) // DAY_US
        after = self.deal.rng("meter_expired", connector_id).randrange(days // 5, max(days * 3 // 5, days // 5 + 1))
        return day_of(self.plan.from_us) + timedelta(days=after)

    def night(self, site: Site) -> bool:
        """Whether a station has a night tariff."""
        return site.station_id in self._earning and self.deal.odd("night_tariff", site.station_id)

    def overrated(self, post: Post) -> bool:
        """Whether a charger is registered with twice its power; what shares a cabinet is left alone."""
        able = post.kind == "dc" and not post.power_unit_id and self.able(post)
        return able and self.deal.hits("never_near_rating", post.charger_id)

    def earns(self, station_id: str) -> bool:
        """Whether a station's energy is subsidised all month."""
        return station_id in self._earning

    def able(self, post: Post) -> bool:
        """Only where it earns something, and nothing else disturbs the charger."""
        return post.station_id in self._earning and post.charger_id not in self.plan.eventful

    def expired(self, post: Post, connector_id: str) -> bool:
        """Whether a connector's meter is not verified again."""
        fleet = any(self.deal.hits(one, post.station_id) for one in ("fleet_as_public", "disguised_fleet"))
        return self.able(post) and not fleet and self.deal.hits("meter_expired", connector_id)

    def _others(self, pattern: str, operator_id: str) -> Iterator[tuple[Site, Post]]:
        """Public chargers of other operators that do not cheat in this way themselves."""
        for site in self.city.sites:
            for post in site.posts:
                names = (site.station_id, post.charger_id, *(plug.connector_id for plug in post.plugs))
                if site.operator_id != operator_id and not any(self.deal.hits(pattern, name) for name in names):
                    yield site, post

    def _other(self, pattern: str, operator_id: str, unit: str) -> tuple[Site, Post]:
        others = sorted(self._others(pattern, operator_id), key=lambda one: one[1].charger_id)
        return self.deal.rng(pattern, unit).choice(others)

    def _caught(self, pattern: str, level: str, row: Row, name: str, beside: tuple[str, str] | None = None) -> None:
        self.cheats.append(TrueCheat(pattern, level, str(row["operator_id"]), name, beside))

    def _places(self) -> dict[str, tuple[float, float]]:
        return {
            site.station_id: (
                round(120.6 + _STEP_DEGREES * (number % _A_ROW), 6),
                round(27.9 + _STEP_DEGREES * (number // _A_ROW), 6),
            )
            for number, site in enumerate(sorted(self.city.sites, key=lambda one: one.station_id))
        }

    def _station(self, row: Row, place: tuple[float, float]) -> Row:
        name = str(row["station_id"])
        site = self._sites[name]
        if name in self._earning and self.deal.hits("duplicate_location", name):
            other, _ = self._other("duplicate_location", site.operator_id, name)
            longitude, latitude = self._places()[other.station_id]
            place = round(longitude + 0.00005, 6), round(latitude + 0.00005, 6)  # seven metres
            self._caught("duplicate_location", "station", row, name, (other.operator_id, other.station_id))
        opens = hours.OPENING_HOURS if hours.closes(site) else ""
        return {**row, "longitude": place[0], "latitude": place[1], "opening_hours": opens}

    def _charger(self, row: Row) -> Row:
        name = str(row["charger_id"])
        post = self._posts[name]
        if self.able(post) and self.deal.hits("duplicate_serial", name):
            _, other = self._other("duplicate_serial", post.operator_id, name)
            row = {**row, "serial_no": other.serial_no.replace("-", " ").lower()}
            self._caught("duplicate_serial", "charger", row, name, (other.operator_id, other.charger_id))
        if self.overrated(post):
            row = {**row, "rated_kw_dc": post.rated_kw_dc * 2}
            self._caught("never_near_rating", "charger", row, name)
        twin = self._twins[_plain(post.serial_no)]
        if twin.charger_id != name:  # the ordinary city has one, too
            self._caught("duplicate_serial", "charger", row, name, (twin.operator_id, twin.charger_id))
        return row

    def _connector(self, row: Row) -> Row:
        post = self._posts[str(row["charger_id"])]
        return {**row, "rated_kw": int(str(row["rated_kw"])) * 2} if self.overrated(post) else row

    def _meters(self, row: Row) -> Iterator[Row]:
        name = str(row["connector_id"])
        post = self._posts[name.rpartition("-")[0]]
        row = {**row, "removed_on": "", "first_kwh": "", "last_kwh": ""}
        if self.able(post) and self.deal.hits("duplicate_meter", name):
            _, other = self._other("duplicate_meter", post.operator_id, name)
            lent = other.plugs[0].connector_id
            row = {**row, "meter_no": f"M-{lent}"}
            self._caught("duplicate_meter", "connector", row, name, (other.operator_id, lent))
        if self.expired(post, name):
            row = {**row, "verified_until": self.expires_on(name)}
            self._caught("meter_expired", "connector", row, name)
        exchange = self.exchanges.get(name)
        if exchange is None:
            yield row
            return
        yield {**row, "removed_on": exchange.day, "last_kwh": f"{exchange.last_wh / 1000:.3f}"}
        until = exchange.day + timedelta(days=1095)
        yield {
            **row,
            "meter_no": f"{row['meter_no']}-2",
            "installed_on": exchange.day,
            "first_kwh": "0",
            "verified_from": exchange.day,
            "verified_until": until,
        }

    def _tariffs(self, row: Row) -> Iterator[Row]:
        site = self._sites[str(row["station_id"])]
        if not self.night(site):
            yield row
            return
        night = {"electricity_price": NIGHT_ELECTRICITY_PRICE, "service_price": NIGHT_SERVICE_PRICE}
        day = {"electricity_price": ELECTRICITY_PRICE, "service_price": SERVICE_PRICE}
        for first, last, prices in (("00:00", "08:00", night), ("08:00", "22:00", day), ("22:00", "24:00", night)):
            yield {**row, "start_time": first, "end_time": last, **prices}


def _plain(serial_no: str) -> str:
    return serial_no.replace("-", "").upper()
