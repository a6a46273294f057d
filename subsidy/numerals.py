"""Amounts in Chinese capital numerals, as they stand on vouchers: 壹佰贰拾叁元肆角伍分.

The rules and their examples are those of 支付结算办法, annex 1 (正确填写票据和结算凭证的基本规定); where it allows two
forms, the one that it gives first. 整 stands after yuan, and (as it may) after jiao.
"""

from decimal import Decimal

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("仟", "佰", "拾", "")
_GROUPS = ((10**8, "亿"), (10**4, "万"))
MOST = Decimal(10) ** 16
"""Amounts below this can be written; more than any city pays."""


def capital(yuan: Decimal) -> str:
    """An amount in words that no stroke turns into another one; ValueError for parts of a fen, and from MOST on.

    >>> capital(Decimal("107000.53"))
    '壹拾万柒仟元零伍角叁分'
    """
    if not yuan.is_finite() or abs(yuan) >= MOST or yuan.scaleb(2) % 1:
        raise ValueError(f"{yuan} yuan is no amount in whole fen below {MOST:f}")
    whole, rest = divmod(abs(int(yuan.scaleb(2))), 100)
    jiao, fen = divmod(rest, 10)
    if not whole and not rest:
        return "零元整"
    said = f"{_whole(whole)}元" if whole else ""
    if jiao:
        said += ("零" if whole and whole % 10 == 0 else "") + f"{_DIGITS[jiao]}角"
    elif fen and whole:
        said += "零"
    said += f"{_DIGITS[fen]}分" if fen else "整"
    return f"负{said}" if yuan < 0 else said


def _whole(number: int) -> str:
    for size, unit in _GROUPS:
        if number >= size:
            high, low = divmod(number, size)
            zero = "零" if 0 < low < size // 10 else ""
            return _whole(high) + unit + zero + (_whole(low) if low else "")
    said, gap = "", False
    for digit, place in zip(f"{number:04d}", _PLACES, strict=True):
        if digit == "0":
            gap = bool(said)
        else:
            said += ("零" if gap else "") + _DIGITS[int(digit)] + place
            gap = False
    return said
