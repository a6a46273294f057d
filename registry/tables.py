"""The registry's tables (contract 3) as data: one description for import, export, checks, the schema and the docs."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

DEFAULT_TIME_ZONE = "Asia/Shanghai"
"""Time zone of policy days where a command is not told another (the default policy's own)."""

CAUSES = (
    "routine_maintenance",
    "grid_outage",
    "force_majeure",
    "vandalism",
    "vehicle_fault",
    "outside_hours",
    "platform_outage",
)
"""Causes that a declaration may name (semantics 3)."""


class Kind(StrEnum):
    """What a column holds; the value is how a sentence names it."""

    ID = "letters, digits, _ - . (at most 50)"
    TEXT = "text"
    DATE = "a day YYYY-MM-DD, or a time with an offset"
    TIME = "a time with an offset, such as 2023-06-01T08:00:00+08:00"
    CLOCK = "a time of day HH:MM, 00:00 to 24:00"
    DECIMAL = "a number such as 12.5"
    YES_NO = "yes or no"
    CHOICE = "one of a list"
    OPENING_HOURS = "opening hours such as Mo-Su 08:00-22:00"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it holds, whether it must be filled, and the numbers or words that are possible in it."""

    name: str
    kind: Kind
    required: bool
    means: str = ""
    choices: tuple[str, ...] = ()
    least: Decimal | None = None
    most: Decimal | None = None

    @property
    def expected(self) -> str:
        """What a cell of this column must hold, for a sentence."""
        if self.kind is Kind.CHOICE:
            return "one of " + ", ".join(self.choices)
        bounds = [f"at least {self.least}"] if self.least is not None else []
        bounds += [f"at most {self.most}"] if self.most is not None else []
        return ", ".join([self.kind.value, *bounds])


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns that name a row of another table by its id."""

    columns: tuple[str, str]
    table: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns, the key that tells a changed row from a new one, and what must fit together in it."""

    name: str
    means: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    periods: tuple[tuple[str, str], ...] = ()
    """Pairs (start, end) of which the end may not come before the start."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


def _column(name: str, kind: Kind, means: str, **more: object) -> Column:
    """A column; as in the contract, a name that ends with `?` may be left empty."""
    return Column(name.rstrip("?"), kind, not name.endswith("?"), means, **more)  # type: ignore[arg-type]


def _id(name: str, means: str = "") -> Column:
    return _column(name, Kind.ID, means)


def _text(name: str, means: str = "") -> Column:
    return _column(name, Kind.TEXT, means)


def _day(name: str, means: str = "") -> Column:
    return _column(name, Kind.DATE, means)


def _time(name: str, means: str = "") -> Column:
    return _column(name, Kind.TIME, means)


def _yes_no(name: str, means: str = "") -> Column:
    return _column(name, Kind.YES_NO, means)


def _choice(name: str, choices: str, means: str = "") -> Column:
    return _column(name, Kind.CHOICE, means, choices=tuple(choices.split()))


def _number(name: str, means: str = "", least: str | None = "0", most: str | None = None) -> Column:
    bounds = {"least": least and Decimal(least), "most": most and Decimal(most)}
    return _column(name, Kind.DECIMAL, means, **bounds)


_OPERATOR = _id("operator_id", "the operator")
_VALID_FROM = _day(
    "valid_from?", "the row holds from this day on, beside earlier rows of the same id; empty: since ever"
)
_LONGITUDE = _number("longitude?", "degrees", "-180", "180")
_LATITUDE = _number("latitude?", "degrees", "-90", "90")
_OF_OPERATOR = Reference(("operator_id", "operator_id"), "operators")
_OF_STATION = Reference(("operator_id", "station_id"), "stations")

OPERATORS = Table(
    "operators",
    "Who operates chargers, and whether 137-四 is met",
    (
        _OPERATOR,
        _text("name"),
        _text("uscc?", "unified social credit code"),
        _choice("legal_form", "limited joint_stock other"),
        _yes_no("business_scope", "charging is within the registered business scope"),
        _yes_no("credit_good", "no entry of dishonesty"),
        _yes_no("management_system", "safety and operations management in place"),
        _yes_no("maintenance_team", "own or contracted maintenance team"),
        _yes_no("platform_commitment", "committed to the municipal platform"),
        _number(
            "reporting_interval_min?", "minutes between signs of life as agreed; empty: the default", "0.1", "525600"
        ),
        _day("admitted_on?", "first day admitted"),
        _day("suspended_on?", "first day suspended"),
        _day("suspended_until?", "last day suspended; empty: no end is set"),
        _day("barred_from?", "first day barred"),
        _day("barred_until?", "last day barred; empty: no end is set"),
        _VALID_FROM,
    ),
    ("operator_id", "valid_from"),
    (),
    (("suspended_on", "suspended_until"), ("barred_from", "barred_until")),
)
STATIONS = Table(
    "stations",
    "Where chargers stand",
    (
        _OPERATOR,
        _id("station_id"),
        _text("name"),
        _text("district", "code; one that the policy does not list is outside every scope"),
        _text("address?"),
        _choice("category", "public dedicated self_use"),
        _yes_no("open_to_public", "offers paid charging to the public"),
        _day("platform_managed_from?", "first day under the municipal platform's management"),
        _LONGITUDE,
        _LATITUDE,
        _column("opening_hours?", Kind.OPENING_HOURS, "empty: always open"),
        _day("opened_on?", "first day open"),
        _day("closed_on?", "first day out"),
        _text("grid_account?", "account of the grid company's bills"),
        _VALID_FROM,
    ),
    ("operator_id", "station_id", "valid_from"),
    (_OF_OPERATOR,),
    (("opened_on", "closed_on"),),
)
POWER_UNITS = Table(
    "power_units",
    "Cabinets that several chargers share",
    (
        _OPERATOR,
        _id("power_unit_id"),
        _id("station_id"),
        _number("rated_kw", "output power of the whole unit, kW"),
        _VALID_FROM,
    ),
    ("operator_id", "power_unit_id", "valid_from"),
    (_OF_OPERATOR, _OF_STATION),
)
CHARGERS = Table(
    "chargers",
    "Chargers, each with its serial number and dates",
    (
        _OPERATOR,
        _id("charger_id"),
        _id("station_id"),
        _id("power_unit_id?", "the cabinet that feeds it"),
        _text("serial_no"),
        _text("replaces_serial_no?", "serial number of the subsidised charger that it replaces"),
        _text("manufacturer?"),
        _text("model?"),
        _choice("form?", "integrated split"),
        _choice("kind", "dc ac hybrid"),
        _number("rated_kw_dc?", "DC output power, kW"),
        _number("rated_kw_ac?", "AC output power, kW"),
        _yes_no("simultaneous?", "all its connectors can serve at once"),
        _day("completed_on?", "day of completion"),
        _day("accepted_on?", "day of acceptance"),
        _day("commissioned_on?", "first day of service"),
        _day("retired_on?", "first day out"),
        _LONGITUDE,
        _LATITUDE,
        _VALID_FROM,
    ),
    ("operator_id", "charger_id", "valid_from"),
    (_OF_OPERATOR, _OF_STATION, Reference(("operator_id", "power_unit_id"), "power_units")),
    (("commissioned_on", "retired_on"),),
)
CONNECTORS = Table(
    "connectors",
    "Connectors, that is charging guns",
    (
        _OPERATOR,
        _id("connector_id"),
        _id("charger_id"),
        _choice("kind", "dc ac"),
        _number("rated_kw", "output power, kW"),
        _text("qr_code?"),
        _VALID_FROM,
    ),
    ("operator_id", "connector_id", "valid_from"),
    (_OF_OPERATOR, Reference(("operator_id", "charger_id"), "chargers")),
)
METERS = Table(
    "meters",
    "Billing meters on the output side",
    (
        _OPERATOR,
        _id("meter_no"),
        _id("connector_id"),
        _day("installed_on?", "first day at this connector; empty: since ever"),
        _day("removed_on?", "first day out"),
        _number("first_kwh?", "register when installed, kWh"),
        _number("last_kwh?", "register when removed, kWh"),
        _number("rollover_at_kwh?", "register value at which it starts again from 0, kWh"),
        _day("verified_from?", "first day of its verification"),
        _day("verified_until?", "last day of its verification"),
        _text("certificate?", "number of the verification's certificate"),
    ),
    ("operator_id", "meter_no", "installed_on"),
    (_OF_OPERATOR, Reference(("operator_id", "connector_id"), "connectors")),
    (("installed_on", "removed_on"), ("verified_from", "verified_until")),
)
DECLARATIONS = Table(
    "declarations",
    "Time that somebody declared to be an exception, such as maintenance",
    (
        _id("operator_id?", "the operator; empty for the platform"),
        _id("declaration_id"),
        _choice("scope", "platform operator station charger connector"),
        _id("scope_id?", "id of what the scope names; empty for the platform"),
        _choice("cause", " ".join(CAUSES)),
        _time("start"),
        _time("end"),
        _time("filed_at", "when it was filed"),
        _text("reference?", "file number"),
        _yes_no("approved"),
        _time("withdrawn_at?"),
    ),
    ("operator_id", "declaration_id"),
    (_OF_OPERATOR,),
    (("start", "end"), ("filed_at", "withdrawn_at")),
)
TARIFFS = Table(
    "tariffs",
    "Published prices by time of day",
    (
        _OPERATOR,
        _id("station_id"),
        _day("valid_from", "first day of this tariff"),
        _column("start_time", Kind.CLOCK, "from this time of day"),
        _column("end_time", Kind.CLOCK, "to this time of day; before the start: past midnight"),
        _number("electricity_price", "yuan/kWh"),
        _number("service_price", "yuan/kWh"),
    ),
    ("operator_id", "station_id", "valid_from", "start_time"),
    (_OF_OPERATOR, _OF_STATION),
)
GRID_BILLS = Table(
    "grid_bills",
    "What the grid company billed",
    (
        _OPERATOR,
        _text("grid_account"),
        _day("from", "first day billed"),
        _day("to", "end of the billed period"),
        _number("energy_kwh"),
        _text("document?", "number of the bill"),
    ),
    ("operator_id", "grid_account", "from"),
    (_OF_OPERATOR,),
    (("from", "to"),),
)
AWARDS = Table(
    "awards",
    "Earlier subsidies, by serial number",
    (
        _text("serial_no"),
        _day("awarded_on"),
        _text("programme"),
        _number("amount_yuan"),
        _choice("kind?", "dc ac hybrid"),
        _number("subsidised_kw?"),
        _day("revoked_on?", "first day out"),
    ),
    ("serial_no", "awarded_on", "programme", "kind"),
    (),
    (("awarded_on", "revoked_on"),),
)

TABLES = (
    OPERATORS,
    STATIONS,
    POWER_UNITS,
    CHARGERS,
    CONNECTORS,
    METERS,
    DECLARATIONS,
    TARIFFS,
    GRID_BILLS,
    AWARDS,
)
BY_NAME = {table.name: table for table in TABLES}
