"""Facts → service intervals → figures and verdicts (semantics 1–5)."""
