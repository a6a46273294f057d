"""Registry tables for real sessions; what their own table does not say is filled in (docs/simulators.md says how)."""

import zlib
from collections import defaultdict
from datetime import date

from simulators.calendar import URBAN_DISTRICTS
from simulators.real_sessions import RealSessions
from simulators.registry_folder import Row


def tables(real: RealSessions, heartbeat_min: int) -> dict[str, list[Row]]:
    """Operators, stations, chargers (one a connector), connectors and meters, in the columns of contract 3."""
    commissioned = real.commissioning()
    operator_since: dict[str, date] = {}
    station_since: dict[tuple[str, str], date] = {}
    names: dict[str, str] = {}
    stations: dict[tuple[str, str], tuple[str, str, str]] = {}
    for one in real.connectors:
        since = commissioned[one.key]
        place = (one.operator_id, one.station_id)
        operator_since[one.operator_id] = min(since, operator_since.get(one.operator_id, since))
        station_since[place] = min(since, station_since.get(place, since))
        names.setdefault(one.operator_id, one.operator_name)
        stations.setdefault(place, (one.station_name, one.longitude, one.latitude))
    result: dict[str, list[Row]] = {
        "operators": [
            _operator(key, names[key], since, heartbeat_min) for key, since in sorted(operator_since.items())
        ],
        "stations": [_station(place, stations[place], since) for place, since in sorted(station_since.items())],
        "chargers": [],
        "connectors": [],
        "meters": [],
    }
    counted: defaultdict[str, int] = defaultdict(int)
    for one in real.connectors:
        counted[one.operator_id] += 1
        # Numbered, because real ids may differ in case and hyphens only, which serial numbers do not.
        number = f"{one.operator_id}.{counted[one.operator_id]:06d}"
        since = commissioned[one.key]
        result["chargers"].append(
            {
                "operator_id": one.operator_id,
                "charger_id": one.connector_id,
                "station_id": one.station_id,
                "serial_no": f"SN.{number}",
                "form": "integrated",
                "kind": one.kind,
                "rated_kw_dc": one.rated_kw if one.kind == "dc" else "",
                "rated_kw_ac": one.rated_kw if one.kind == "ac" else "",
                "simultaneous": "yes",
                "completed_on": since,
                "accepted_on": since,
                "commissioned_on": since,
            }
        )
        result["connectors"].append(
            {
                "operator_id": one.operator_id,
                "connector_id": one.connector_id,
                "charger_id": one.connector_id,
                "kind": one.kind,
                "rated_kw": one.rated_kw,
            }
        )
        result["meters"].append(
            {
                "operator_id": one.operator_id,
                "meter_no": f"M.{number}",
                "connector_id": one.connector_id,
                "installed_on": since,
                "first_kwh": "0",
            }
        )
    return result


def _operator(operator_id: str, name: str, since: date, heartbeat_min: int) -> Row:
    return {
        "operator_id": operator_id,
        "name": name,
        "legal_form": "limited",
        "business_scope": "yes",
        "credit_good": "yes",
        "management_system": "yes",
        "maintenance_team": "yes",
        "platform_commitment": "yes",
        "reporting_interval_min": heartbeat_min,
        "admitted_on": since,
    }


def _station(place: tuple[str, str], described: tuple[str, str, str], since: date) -> Row:
    (operator_id, station_id), (name, longitude, latitude) = place, described
    return {
        "operator_id": operator_id,
        "station_id": station_id,
        "name": name,
        # A checksum, not hash(): the same station lies in the same district in every process.
        "district": URBAN_DISTRICTS[zlib.crc32(f"{operator_id}/{station_id}".encode()) % len(URBAN_DISTRICTS)],
        "category": "public",
        "open_to_public": "yes",
        "platform_managed_from": since,
        "longitude": longitude,
        "latitude": latitude,
        "opened_on": since,
    }
