"""The time of receipt: the database's clock, carried on between two looks at it by one that cannot be set."""

import time
from datetime import datetime, timedelta


class Clock:
    """Calling it gives the time now; the database's, as it was last looked at, plus what has passed since."""

    def __init__(self) -> None:
        self._anchor: tuple[datetime, float] | None = None

    def set(self, moment: datetime) -> None:
        """The database's time at this moment."""
        self._anchor = moment, time.monotonic()

    def __call__(self) -> datetime:
        """The time now."""
        assert self._anchor is not None, "the store is opened before the first message"
        moment, since = self._anchor
        return moment + timedelta(seconds=time.monotonic() - since)
