"""In which time zone a person's day begins: what they chose, else that of the firm's main office."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from accounts.models import Firm, Office, User

_EASTERN, _CENTRAL, _MOUNTAIN, _PACIFIC = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)
# Each state by its two letters and its name; where it has two zones, that of most of its people.
_STATES: dict[str, str] = {
    _EASTERN: (
        "CT Connecticut/DE Delaware/DC District of Columbia/FL Florida/GA Georgia/IN Indiana/KY Kentucky/ME Maine/"
        "MD Maryland/MA Massachusetts/MI Michigan/NH New Hampshire/NJ New Jersey/NY New York/NC North Carolina/"
        "OH Ohio/PA Pennsylvania/RI Rhode Island/SC South Carolina/VT Vermont/VA Virginia/WV West Virginia"
    ),
    _CENTRAL: (
        "AL Alabama/AR Arkansas/IL Illinois/IA Iowa/KS Kansas/LA Louisiana/MN Minnesota/MS Mississippi/MO Missouri/"
        "NE Nebraska/ND North Dakota/OK Oklahoma/SD South Dakota/TN Tennessee/TX Texas/WI Wisconsin"
    ),
    _MOUNTAIN: "CO Colorado/ID Idaho/MT Montana/NM New Mexico/UT Utah/WY Wyoming",
    _PACIFIC: "CA California/NV Nevada/OR Oregon/WA Washington",
    "America/Phoenix": "AZ Arizona",
    "America/Anchorage": "AK Alaska",
    "Pacific/Honolulu": "HI Hawaii",
    "America/Puerto_Rico": "PR Puerto Rico",
}


@cache
def _zones_of_states() -> dict[str, str]:
    found = {}
    for zone, states in _STATES.items():
        for one in states.split("/"):
            letters, _, name = one.partition(" ")
            found[letters.casefold()] = found[name.casefold()] = zone
    return found


@cache
def known_zones() -> tuple[str, ...]:
    """Names of zones to choose from: places, without the historical names."""
    regions = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/")
    return tuple(
        sorted(zone for zone in available_timezones() if zone.startswith((*regions, "Pacific/")) or zone == "UTC")
    )


def zone_of_state(state: str) -> str:
    """The zone of a state as an office names it; empty when it is none of these."""
    return _zones_of_states().get(" ".join(state.casefold().split()), "")


def zone_of(user: User, chosen: str) -> ZoneInfo:
    """`chosen` is the person's own choice, or empty."""
    if chosen in available_timezones():
        return ZoneInfo(chosen)
    return ZoneInfo(_of_office(user) or settings.TIME_ZONE)


def _of_office(user: User) -> str:
    """That of the main office of the person's firm, or of the firm that audits the person's organization."""
    firms = Firm.objects.filter(members__user=user) | Firm.objects.filter(clients__members__user=user)
    office = Office.objects.filter(firm__in=firms.values("pk"), is_main=True).order_by("firm_id").first()
    return zone_of_state(office.state) if office else ""
