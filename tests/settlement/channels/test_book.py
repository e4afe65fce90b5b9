"""A party's channels in one file: coase/settlement/channels/book.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from coase.settlement.channels.book import Cover, open_book, peek
from coase.settlement.channels.payer import Payer, purses


def test_one_process_at_a_time(tmp_path: Path, shop: Any, refused: Any) -> None:
    """Held, it can be looked into and not be opened; let go, it is there for the next, as it was left."""
    path, cover = tmp_path / "book.db", Cover(shop.place, shop.token, shop.alice.account)
    with open_book(path, cover) as db:
        Payer(shop.alice, shop.place, db, most_a_call=5).funded(shop.config, 9)
        assert refused(lambda: open_book(path, cover).__enter__()) == "book_in_use"
        with peek(path) as (found, other):
            assert (found, [one.deposited for one in purses(other)]) == (cover, [9])
    with open_book(path, cover) as db:
        assert len(purses(db)) == 1
    assert refused(lambda: open_book(path, replace(cover, account=shop.bob.account)).__enter__()) == "other_book"
    with open_book(path, cover):
        pass  # a refusal holds nothing


def test_what_is_no_book(tmp_path: Path, shop: Any, refused: Any) -> None:
    """Nothing, and something else."""
    text, cover = tmp_path / "text", Cover(shop.place, shop.token, shop.alice.account)
    text.write_text("x" * 5_000)
    assert refused(lambda: peek(tmp_path / "none").__enter__()) == "no_book"
    assert refused(lambda: peek(text).__enter__()) == "no_book"
    assert refused(lambda: open_book(text, cover).__enter__()) == "no_book"
    (tmp_path / "empty").touch()
    assert refused(lambda: peek(tmp_path / "empty").__enter__()) == "no_book"
