"""What goes wrong for a user, in sentences.

Exception
 ├── Refusal       the call was wrong or could not be carried out as given: exit status 2
 └── CheckFailed   the call was carried out and its answer is a failure: exit status 1

Both end as one sentence on stderr, never as a traceback; anything else that escapes is a bug of ours.
"""


class Refusal(Exception):
    """The call cannot be carried out as given: what was seen, what was expected, where to read on."""

    def __init__(self, seen: str, expected: str = "", read: str = "") -> None:
        self.seen, self.expected, self.read = seen, expected, read
        parts = [seen.rstrip(".")]
        if expected:
            parts.append(f"expected {expected.rstrip('.')}")
        if read:
            parts.append(f"see {read.rstrip('.')}")
        super().__init__("; ".join(parts) + ".")


class CheckFailed(Exception):
    """The answer to the call is a failure, such as a record that does not verify."""
