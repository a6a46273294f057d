"""Sessions → dispositions → amounts → statements, and the findings that hold an amount back (137-六)."""
