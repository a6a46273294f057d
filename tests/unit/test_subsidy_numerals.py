"""Amounts in capital numerals: the examples of the rules themselves, every place of a zero, and that none are alike."""

import random
from decimal import Decimal

import pytest

from subsidy.numerals import MOST, capital

# The first six are the examples of 支付结算办法, annex 1.
KNOWN = {
    "1409.50": "壹仟肆佰零玖元伍角整",
    "6007.14": "陆仟零柒元壹角肆分",
    "1680.32": "壹仟陆佰捌拾元零叁角贰分",
    "107000.53": "壹拾万柒仟元零伍角叁分",
    "16409.02": "壹万陆仟肆佰零玖元零贰分",
    "325.04": "叁佰贰拾伍元零肆分",
    "0": "零元整",
    "-0.00": "零元整",
    "0.01": "壹分",
    "0.10": "壹角整",
    "0.56": "伍角陆分",
    "1.00": "壹元整",
    "10.00": "壹拾元整",
    "10.01": "壹拾元零壹分",
    "11": "壹拾壹元整",
    "100.00": "壹佰元整",
    "101": "壹佰零壹元整",
    "1001.10": "壹仟零壹元壹角整",
    "1010": "壹仟零壹拾元整",
    "10000": "壹万元整",
    "10001": "壹万零壹元整",
    "10010": "壹万零壹拾元整",
    "11000": "壹万壹仟元整",
    "12560.00": "壹万贰仟伍佰陆拾元整",
    "96000.00": "玖万陆仟元整",
    "10666.67": "壹万零陆佰陆拾陆元陆角柒分",
    "100000000": "壹亿元整",
    "100000001": "壹亿零壹元整",
    "100010000": "壹亿零壹万元整",
    "100100010.01": "壹亿零壹拾万零壹拾元零壹分",
    "110000000": "壹亿壹仟万元整",
    "123456789.12": "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元壹角贰分",
    "2000000000": "贰拾亿元整",
    "1000000000000": "壹万亿元整",
    "9999999999999999.99": "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分",
    "-50.05": "负伍拾元零伍分",
}


@pytest.mark.parametrize(("yuan", "said"), KNOWN.items())
def test_known_amounts(yuan: str, said: str) -> None:
    assert capital(Decimal(yuan)) == said


def value(said: str) -> Decimal:
    """What such words are worth, read the slow way: by units, whatever zeros stand between."""
    sign = -1 if said.startswith("负") else 1
    digits = {name: number for number, name in enumerate("零壹贰叁肆伍陆柒捌玖")}
    units = {"拾": 10, "佰": 100, "仟": 1000}
    yuan, _, tail = said.removeprefix("负").removesuffix("整").rpartition("元")
    total = group = digit = 0
    for one in yuan:
        if one in digits:
            digit = digits[one]
        elif one in units:
            group, digit = group + digit * units[one], 0
        elif one == "万":
            total, group, digit = total + (group + digit) * 10**4, 0, 0
        else:
            total, group, digit = (total + group + digit) * 10**8, 0, 0
    fen = (total + group + digit) * 100
    for one in tail:
        if one in digits:
            digit = digits[one]
        else:
            fen += digit * {"角": 10, "分": 1}[one]
    return sign * Decimal(fen) / 100


def test_words_are_worth_what_they_say_and_hold_no_double_zero() -> None:
    chance = random.Random(7)
    for _ in range(5000):
        places = chance.randint(1, 15)
        digits = "".join(chance.choice("000123456789") for _ in range(places))
        yuan = Decimal(int(digits)) / 100 * chance.choice([1, -1])
        said = capital(yuan)
        assert value(said) == yuan, said
        assert "零零" not in said
        assert "零元" not in said or said == "零元整"
        assert not said.removeprefix("负").startswith("零") or said == "零元整"


@pytest.mark.parametrize("yuan", ["0.001", "NaN", "Infinity", str(MOST)])
def test_what_is_no_amount_is_refused(yuan: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        capital(Decimal(yuan))
