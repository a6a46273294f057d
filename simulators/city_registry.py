"""Registry tables of the simulated city, with the cases that a statement has to tell apart."""

from datetime import date, timedelta

from simulators.city import City, Plug, Post, Site
from simulators.plan import Plan
from simulators.registry_folder import Row

_ADMITTED_ON = date(2021, 11, 1)
_WITHOUT_ACCEPTANCE = 4
_MANAGED_LATE = 5


def tables(city: City, plan: Plan, managed_late_from: date) -> dict[str, list[Row]]:
    """All tables of contract 3 that the city has.

    One charger has no acceptance, one station came under the platform's management on `managed_late_from`, one serial
    number was subsidised before.
    """
    posts = list(city.posts())
    unaccepted = city.sites[min(_WITHOUT_ACCEPTANCE, len(city.sites) - 1)].posts[0].charger_id
    late = late_site(city)
    return {
        "operators": [
            {
                "operator_id": one.operator_id,
                "name": one.name,
                "uscc": "",
                "legal_form": "limited",
                "business_scope": "yes",
                "credit_good": "yes",
                "management_system": "yes",
                "maintenance_team": one.maintenance_team,
                "platform_commitment": "yes",
                "reporting_interval_min": one.reporting_interval_min,
                "admitted_on": _ADMITTED_ON,
            }
            for one in city.operators
        ],
        "stations": [_station(site, managed_late_from if site is late else None) for site in city.sites],
        "power_units": [
            {
                "operator_id": site.operator_id,
                "power_unit_id": next(post.power_unit_id for post in site.posts if post.power_unit_id),
                "station_id": site.station_id,
                "rated_kw": site.cabinet_kw,
            }
            for site in city.sites
            if site.cabinet_kw
        ],
        "chargers": [_charger(post, post.charger_id != unaccepted) for post in posts],
        "connectors": [
            {
                "operator_id": post.operator_id,
                "connector_id": plug.connector_id,
                "charger_id": post.charger_id,
                "kind": plug.kind,
                "rated_kw": plug.rated_kw,
            }
            for post in posts
            for plug in post.plugs
        ],
        "meters": [_meter(post, plug) for post in posts for plug in post.plugs],
        "declarations": list(plan.declarations),
        "tariffs": [
            {
                "operator_id": site.operator_id,
                "station_id": site.station_id,
                "valid_from": _ADMITTED_ON,
                "start_time": "00:00",
                "end_time": "24:00",
                "electricity_price": "0.65",
                "service_price": "0.45",
            }
            for site in city.sites
        ],
        "awards": [
            {
                "serial_no": city.sites[0].posts[-1].serial_no.replace("-", " "),
                "awarded_on": "2022-12-15",
                "programme": "municipal 2022",
                "amount_yuan": "560.00",
                "kind": "ac",
                "subsidised_kw": "7",
            }
        ],
    }


def late_site(city: City) -> Site:
    """The station that comes under the platform's management half-way."""
    in_order = sorted(city.sites, key=lambda site: int(site.station_id[6:]))
    return in_order[min(_MANAGED_LATE, len(in_order) - 1)]


def _station(site: Site, managed_from: date | None) -> Row:
    opened = min(post.commissioned_on for post in site.posts)
    return {
        "operator_id": site.operator_id,
        "station_id": site.station_id,
        "name": site.name,
        "district": site.district,
        "category": site.category,
        "open_to_public": "yes" if site.open_to_public else "no",
        "platform_managed_from": managed_from or opened + timedelta(days=20),
        "opened_on": opened,
    }


def _charger(post: Post, accepted: bool) -> Row:
    return {
        "operator_id": post.operator_id,
        "charger_id": post.charger_id,
        "station_id": post.station_id,
        "power_unit_id": post.power_unit_id,
        "serial_no": post.serial_no,
        "form": "split" if post.power_unit_id else "integrated",
        "kind": post.kind,
        "rated_kw_dc": post.rated_kw_dc or "",
        "rated_kw_ac": post.rated_kw_ac or "",
        "simultaneous": "yes" if post.simultaneous else "no",
        "completed_on": post.commissioned_on - timedelta(days=3),
        "accepted_on": post.commissioned_on if accepted else "",
        "commissioned_on": post.commissioned_on,
        "retired_on": post.retired_on or "",
    }


def _meter(post: Post, plug: Plug) -> Row:
    return {
        "operator_id": post.operator_id,
        "meter_no": f"M-{plug.connector_id}",
        "connector_id": plug.connector_id,
        "installed_on": post.commissioned_on,
        "verified_from": post.commissioned_on,
        "verified_until": post.commissioned_on + timedelta(days=1095),
    }
