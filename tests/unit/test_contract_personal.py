"""Contract 1: plates, VINs and telephone numbers as whole values, refused and masked wherever bytes are kept."""

import json

import pytest

from collector.personal import MASK, is_personal, mask

PERSONAL = [
    "浙C12345", "浙CD12345", "浙C12345D", "浙C·12345", "浙C 12345", "京A12345", "粤Z1234港", "川A1234警", "沪A1234学",
    "浙c12345", "浙C１２３４５", "使123456", "WJ浙12345", " 浙C12345 ",
    "LSVAU2180N2183294", "lsvau2180n2183294", "LFV3A28K8H3012345", "1HGCM82633A004352",
    "13812345678", "138 1234 5678", "138-1234-5678", "+8613812345678", "8613812345678", "008613812345678",
    "+86 138 1234 5678", "0577-88888888", "(0577)88888888", "010-12345678", "+44 7911 123456", "+1 (202) 555-0123",
    MASK, "浙\u200bC12345", "138\u20601234\u00ad5678",
]  # fmt: skip
NOT_PERSONAL = [
    "", "v1", "a8f3c2", "vehicle-000123", "12345678", "0000012345", "23812345678", "12812345678", "138123456789",
    "浙C", "浙C1234", "温州市公安局", "Overvoltage on phase 2", "E-0x1F", "E5", "2023-06-01", "550e8400-e29b-41d4-a716",
    "LSVAU2180N218329", "IOQAU2180N2183294", "12345678901234567", "call 13812345678 please", "plate 浙C12345",
    "d41d8cd98f00b204e", "EVDisconnected", "400-820-8820",
]  # fmt: skip


@pytest.mark.parametrize("value", PERSONAL)
def test_a_persons_value_is_recognised(value: str) -> None:
    assert is_personal(value)


@pytest.mark.parametrize("value", NOT_PERSONAL)
def test_what_is_no_persons_value_passes(value: str) -> None:
    assert not is_personal(value)


@pytest.mark.parametrize("value", PERSONAL)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_it_is_masked_wherever_it_stands(value: str, ascii_only: bool) -> None:
    message = {
        "items": [{"vehicle": value, "connector_id": "LSVAU2180N2183294", "energy_kwh": 13812345678}],
        "stop_reason": value, "vendor": {"plates": ["x", value], "phone": value}, "session_id": "13812345678",
        "status": value, "at": value, value: "a key", "void": value, "energy_kwh": value, "seq": 13812345678,
        "connector_ids": ["13812345678", "c1"],
    }  # fmt: skip
    masked = json.loads(mask(json.dumps(message, ensure_ascii=ascii_only).encode()))
    assert masked == {
        "items": [{"vehicle": MASK, "connector_id": "LSVAU2180N2183294", "energy_kwh": 13812345678}],
        "stop_reason": MASK, "vendor": {"plates": ["x", MASK], "phone": MASK}, "session_id": "13812345678",
        "status": MASK, "at": MASK, MASK: "a key", "void": MASK, "energy_kwh": MASK, "seq": 13812345678,
        "connector_ids": ["13812345678", "c1"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"vehicle":"13812345678', b'{"vehicle":"[masked]"'),
        (b'{"vehicle":13812345678}', b'{"vehicle":"[masked]"}'),
        (b'{"vehicle" : "13812345678" , \xff', b'{"vehicle" : "[masked]" , \xff'),
        ('{"vehicle":"浙C12345"}'.encode("gb18030"), b'{"vehicle":"[masked]"}'),
        (b'{"v\\u0065hicle":"138\\u00312345678"}', b'{"v\\u0065hicle":"[masked]"}'),
        (b'{"connector_id":"\\u6d59C12345"}', b'{"connector_id":"[masked]"}'),
        ('{"items":["浙C12345"]}'.encode(), b'{"items":["[masked]"]}'),
        ('{"vehicle":"浙C12345"}'.encode("utf-16-le"), '{"vehicle":"[masked]"}'.encode("utf-16-le")),
        ('{"vehicle":"13812345678"}'.encode("utf-16-be"), '{"vehicle":"[masked]"}'.encode("utf-16-be")),
        ('{"vehicle":"13812345678"}'.encode("utf-16"), '{"vehicle":"[masked]"}'.encode("utf-16")),
        (b"{'vehicle':'LSVAU2180N2183294'}", b"{'vehicle':'\"[masked]\"'}"),
        ("<v>浙c·12345</v><v>浙C12345</v>".encode(), b'<v>"[masked]"</v><v>"[masked]"</v>'),
        (b"tel=138-1234-5678&x=0577-88888888", b'tel="[masked]"&x="[masked]"'),
        (b'{"x":"a"b","vehicle":"13812345678"}', b'{"x":"a"b","vehicle":""[masked]""}'),
    ],
)
def test_it_is_masked_in_what_cannot_be_read(payload: bytes, expected: bytes) -> None:
    assert mask(payload) == expected


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b'"', b'"\\', b"{}", "温州".encode("gb18030"), b'{"a":"b\\"c"}'])
def test_bytes_without_a_persons_value_stay_as_they_are(payload: bytes) -> None:
    assert mask(payload) == payload
