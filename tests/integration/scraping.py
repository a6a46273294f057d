"""What a process shows on /metrics."""

import urllib.request


def scraped(port: int) -> dict[str, float]:
    """Its samples, by name and labels as they are written."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}
