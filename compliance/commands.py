"""Compliance work on the command line."""

import typer

from compliance import inspection_commands, order_commands, sample_commands

app = typer.Typer(no_args_is_help=True)
app.add_typer(
    order_commands.app, name="order", help="Rectification orders (限期整改): from breach to closed or escalated."
)
app.add_typer(sample_commands.app, name="sample", help="Connectors for inspection, drawn with known probabilities.")
app.add_typer(inspection_commands.app, name="inspect", help="What inspectors found on the spot.")
app.command("estimate")(inspection_commands.estimate)
