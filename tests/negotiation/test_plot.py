"""Pictures: coase/negotiation/plot.py."""

from __future__ import annotations

import struct
import sys
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coase
from coase.errors import MissingExtra, UsageError
from coase.negotiation.plot import View, save, svg

pytest.importorskip("matplotlib")

PRICE = coase.Domain(price=range(100))


def deal(**arguments: object) -> coase.Result:
    """Boulware against Conceder."""
    return coase.negotiate(coase.skill("boulware"), coase.skill("conceder"), PRICE, **arguments)  # type: ignore[arg-type]


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, after reading all of it: every chunk's checksum, and all pixels."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, pixels, width, height = 8, b"", 0, 0
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0]
        if kind == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
        pixels += body if kind == b"IDAT" else b""
        at += 12 + length
    assert kind == b"IEND"
    assert len(zlib.decompress(pixels)) == height * (1 + 4 * width)
    return width, height


def test_a_png_is_a_png(tmp_path: Path) -> None:
    """`Result.plot` writes a whole picture with two panels and returns its path."""
    path = deal(reservation=(0.1, 0.1)).plot(tmp_path / "trace.png")
    width, height = png_size(path.read_bytes())
    assert width > 1.5 * height > 900


def test_an_svg_holds_its_words_as_text(tmp_path: Path) -> None:
    """Axes, legend and the agreement can be read, and equal results give equal bytes."""
    first = deal(reservation=(0.1, 0.1)).plot(tmp_path / "first.svg").read_text()
    again = deal(reservation=(0.1, 0.1)).plot(str(tmp_path / "again.svg")).read_text()
    words = " ".join(ET.fromstring(first).itertext())
    for text in (
        "Agreed: price 19",
        "the buyer took the seller's in step 69 of 100",
        "utility of the buyer",
        "Pareto frontier",
        "seller's reservation",
    ):
        assert text in words
    assert first == again


def test_an_embedded_picture_shows_offers_only(tmp_path: Path) -> None:
    """Without utilities, which are private in a live deal, there is one panel, with prices in their own unit."""
    text = svg(deal(reservation=(0.1, 0.1)).trace, View(unit="$", scale=0.01))
    words = " ".join(ET.fromstring(text).itertext())
    assert text.startswith("<svg")
    assert "price ($)" in words
    assert "Agreed: price 0.19 $" in words
    assert "utility" not in words


@pytest.mark.parametrize("kind", ["walk", "deadline", "one step", "no price", "no offer", "many", "single", "hostile"])
def test_every_ending_can_be_drawn(kind: str, tmp_path: Path) -> None:
    """Deals, walks, deadlines, tiny and large domains, and words that a font lacks, all without a warning."""
    firm, soft = coase.Negotiator(), coase.skill("conceder")
    table = np.linspace(0, 1, 6)
    words = coase.Domain(speed=["慢", "$x^2$", "<b>"], gpu=[True, False])
    results = {
        "walk": lambda: coase.negotiate(firm, firm, PRICE, reservation=(0, 2)),
        "deadline": lambda: coase.negotiate(firm, firm, PRICE, deadline=5),
        "one step": lambda: coase.negotiate(firm, firm, PRICE, deadline=1),
        "no price": lambda: coase.negotiate(soft, soft, words, utilities=(table, 1 - table)),
        "no offer": lambda: coase.negotiate(firm, firm, PRICE, reservation=(2, 0)),
        "many": lambda: coase.negotiate(soft, soft, coase.Domain(price=range(100_000))),
        "single": lambda: coase.negotiate(soft, soft, coase.Domain(price=[7])),
        "hostile": lambda: coase.negotiate(firm, firm, words, utilities=(table, table), deadline=1),
    }
    result = results[kind]()
    png_size(save(result, tmp_path / "a.png").read_bytes())
    ET.fromstring(svg(result.trace))


@pytest.mark.parametrize("name", ["trace.gif", "trace", "nowhere/trace.png"])
def test_files_that_cannot_be_written_are_refused(name: str, tmp_path: Path) -> None:
    """Another type of picture, or a folder that does not exist, is the caller's mistake."""
    with pytest.raises(UsageError) as caught:
        deal().plot(tmp_path / name)
    assert caught.value.code == "bad_picture"


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra) as caught:
        deal().plot(tmp_path / "trace.png")
    assert "coase[plot]" in caught.value.hint


def test_the_agreement_lies_on_the_offer_that_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the picture of concessions, and also where waiting cost something: all is drawn before discounts."""
    from matplotlib.figure import Figure

    drawn: list[Figure] = []

    def kept(path: Path, draw: Any, size: tuple[float, float]) -> Path:
        drawn.append(Figure())
        draw(drawn[0])
        return path

    monkeypatch.setattr("coase.negotiation.plot.chart", kept)
    pair = coase.skill("boulware"), coase.skill("conceder")
    result = coase.negotiate(*pair, coase.Domain(price=range(100)), reservation=(0.1, 0.1), discount=(0.9, 0.8))
    result.plot_concessions(tmp_path / "concessions.png")
    taken = (len(result.trace.turns) - 2) % 2  # the move before the acceptance: 0 the buyer's
    for party, ax in enumerate(drawn[0].axes):
        own, others, _, star = (np.array(line.get_xydata()) for line in ax.get_lines())
        last = own if party == taken else others
        assert star.tolist() == [[result.step, pytest.approx(last[-1, 1])]]
