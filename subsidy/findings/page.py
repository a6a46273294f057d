"""The table of docs/commission/findings.md: each rule with its clause, threshold and effect as the policy has them."""

from subsidy.findings.found import limit
from subsidy.policy import Policy

BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"


def table(policy: Policy) -> str:
    """Rows in the order of the policy file: code, clause, threshold, effect, what it means."""
    rows = ["| rule | clause | threshold | effect | how it is read |", "|---|---|---|---|---|"]
    for code in policy.findings.__struct_fields__:
        rule = policy.findings.rule(code)
        threshold = "; ".join(f"{name.replace('_', ' ')} {limit(value)}" for name, value in rule.limits.items())
        words = " ".join(rule.ours.split()).replace("|", "\\|")
        rows.append(f"| `{code}` | {rule.clause} | {threshold} | {rule.effect} | {words} |")
    return "\n".join(rows)


def renewed(text: str, policy: Policy) -> str:
    """A page with the table between its marks renewed."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(policy)}\n{END}{after}"
