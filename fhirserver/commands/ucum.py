"""Check a UCUM unit, and bring a value to its canonical unit or to another one."""

import argparse
import sys
from decimal import Decimal, InvalidOperation

from fhirserver.commands.command_error import CommandError

EXAMPLES = """\
examples:
  fhirserver ucum 98.6 '[degF]'          310.15 K
  fhirserver ucum 98.6 '[degF]' Cel      37.00 Cel
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("value", type=_number, metavar="VALUE", help="a decimal, e.g. 98.6")
    parser.add_argument("unit", metavar="UNIT", help="its UCUM code, case sensitive")
    parser.add_argument(
        "to", nargs="?", metavar="TO", help="UCUM code to convert to; the canonical unit if absent"
    )


def run(args: argparse.Namespace) -> int:
    """Print the value and its unit."""
    from fhirserver_terminology.ucum import UcumError, convert

    try:
        value, unit = (
            _canonical(args.value, args.unit)
            if args.to is None
            else (convert(args.value, args.unit, args.to), args.to)
        )
    except UcumError as error:
        raise CommandError(f"{error}.") from None
    sys.stdout.write(f"{value:f} {unit}\n")
    return 0


def _canonical(value: Decimal, code: str) -> tuple[Decimal, str]:
    from fhirserver_terminology.ucum import UcumError, canonical, explain

    problem = explain(code)
    if problem is not None:
        raise UcumError(problem)
    found = canonical(value, code)
    if found is None:
        raise UcumError(f"{code} is UCUM, and {value} of it has no canonical form")
    return found


def _number(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is no number; write a decimal such as 98.6")
    return value
