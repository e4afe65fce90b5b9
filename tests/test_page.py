"""Pages: everything is escaped, everything is in one file, the same content gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coase.errors import ConfigurationError
from coase.page import Page, embedded


def test_text_is_escaped_everywhere() -> None:
    """A title, a sentence, a cell or a card from outside cannot become markup."""
    bad = "<script>alert(1)</script>"
    page = Page(bad, bad).heading(bad).text(bad).cards([(bad, bad)]).table([bad], [[bad]])
    assert "<script" not in page.render()


def test_numbers_stand_right_and_empty_columns_go() -> None:
    """A column of numbers is aligned; one without content is not shown."""
    html = Page("t").table(["name", "n", "remark"], [["a", 1234567, None], ["b", 0.123456, ""]]).render()
    assert "<th class=n>n" in html
    assert "1,234,567" in html
    assert "0.1235" in html
    assert "remark" not in html


def test_a_table_without_rows_keeps_its_heading() -> None:
    """Nobody wonders what would have been there."""
    assert "<th>name" in Page("t").table(["name"], []).render()


def test_tones_colour_known_words() -> None:
    """A verdict is seen at a glance."""
    assert "<td class=bad>differs" in Page("t").table(["v"], [["differs"]], {"differs": "bad"}).render()


def figure(points: int) -> Any:
    """A line."""
    from matplotlib.figure import Figure

    drawn = Figure()
    drawn.subplots().scatter(range(points), range(points))
    return drawn


def test_small_figures_are_lines_and_large_ones_dots(need: Any) -> None:
    """A page with a million points would not open; the bytes do not depend on the time."""
    need("matplotlib")
    assert embedded(figure(5)).startswith("<svg")
    assert embedded(figure(5)) == embedded(figure(5))
    assert embedded(figure(20_000), "many <dots>").startswith(
        "<img alt='many &lt;dots&gt;' src='data:image/png;base64,"
    )


def test_nothing_is_fetched(need: Any, tmp_path: Path) -> None:
    """The page works without a network: nothing but names of standards looks like an address."""
    need("matplotlib")
    html = Page("t").figure(figure(3), "a caption").write(tmp_path / "page.html").read_text()
    assert "src='http" not in html
    assert "<link" not in html
    assert "a caption" in html


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The error names the file and what to do; nothing half-written stays."""
    with pytest.raises(ConfigurationError, match=r"cannot write .*page\.html"):
        Page("t").write(tmp_path / "no" / "page.html")
    assert list(tmp_path.iterdir()) == []
