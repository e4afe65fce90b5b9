"""What agents sign for the public: form, bounds, digest and signature of listings and withdrawals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from coase.errors import SignatureError, TermsError
from coase.identity import Identity
from coase.terms.listing import MAX_BYTES, MAX_SECONDS, MAX_STEPS, Listing, Signed, Withdrawal

NOW = 1_700_000_000
SELLER, STRANGER = Identity.from_seed("listing tests", "seller"), Identity.from_seed("listing tests", "stranger")
LARGEST = 2**62 - 1
SIGNED = sorted(set(Listing.model_fields) - {"signature"})


def fields(**changes: Any) -> dict[str, Any]:
    """All that `Listing.signed` requires, and what a test changes."""
    required = {"key": "main", "sequence": 1, "kind": "compute", "title": "Steps", "price": 5000, "lowest": 4000}
    return {**required, "issued": NOW, "expires": NOW + 60} | changes


def listing(**changes: Any) -> Listing:
    """A listing of the seller."""
    return Listing.signed(SELLER, **fields(**changes))


def refused(action: Any, *arguments: Any, **options: Any) -> str:
    """The code of the `TermsError` that an action must end with."""
    with pytest.raises(TermsError) as caught:
        action(*arguments, **options)
    assert len(caught.value.message) < 500
    return caught.value.code


WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True)
LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cf"]), max_size=40)
LISTINGS = st.fixed_dictionaries(
    {
        "key": WORDS,
        "sequence": st.integers(1, 2**53),
        "kind": WORDS,
        "title": LINES.filter(bool),
        "description": LINES,
        "unit": WORDS,
        "price": st.integers(5000, 6000),
        "lowest": st.integers(1, 5000),
        "attributes": st.dictionaries(
            WORDS.filter(lambda name: name not in Listing.model_fields),
            LINES | st.integers(-(2**53), 2**53) | st.booleans(),
            max_size=4,
        ),
    }
).map(lambda some: fields(**some))

# ---- signing and reading


@given(LISTINGS)
def test_a_signed_listing_is_read_back_and_verifies(some: dict[str, Any]) -> None:
    """Text and bytes give the same listing, with the same digest, and it verifies."""
    ours = Listing.signed(SELLER, **some)
    for text in (ours.text, ours.text.encode(), json.dumps(json.loads(ours.text), indent=1)):
        found = Listing.parse(text)
        found.verify()
        assert (found, found.digest) == (ours, ours.digest)


def test_the_digest_is_that_of_a_personal_message(need: Any) -> None:
    """Any wallet can sign one: eth_account computes the same digest and recovers the account."""
    messages, account = need("eth_account.messages"), need("eth_account").Account
    ours = listing(title="Schritte für alle", attributes={"gpu": True, "memory_mib": 2048})
    message = messages.encode_defunct(ours.body)
    assert messages._hash_eip191_message(message).hex() == ours.digest
    assert account.recover_message(message, signature=bytes.fromhex(ours.signature)) == ours.account


def test_the_body_is_everything_but_the_signature() -> None:
    """The canonical bytes hold each field once, sorted."""
    ours = listing()
    assert list(json.loads(ours.body)) == SIGNED
    assert json.loads(ours.body) | {"signature": ours.signature} == json.loads(ours.text)


@pytest.mark.parametrize("name", SIGNED)
def test_each_field_is_signed(name: str) -> None:
    """A listing with another value in any one field has another digest and does not verify."""
    ours = listing(attributes={"rank": 1})
    others = {
        "agent": STRANGER.address,
        "account": STRANGER.account,
        "content": "ab" * 32,
        "attributes": {"rank": True},
    }
    value = getattr(ours, name)
    other = others[name] if name in others else value + 1 if isinstance(value, int) else value + "x"
    changed = ours.model_copy(update={name: other})
    assert changed.digest != ours.digest
    with pytest.raises(SignatureError):
        changed.verify()


@given(st.integers(0, 64), st.integers(0, 7))
def test_a_changed_signature_does_not_verify(place: int, bit: int) -> None:
    """Any bit of the signature, turned."""
    ours = listing()
    signature = bytearray.fromhex(ours.signature)
    signature[place] ^= 1 << bit
    with pytest.raises(SignatureError):
        ours.model_copy(update={"signature": signature.hex()}).verify()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"account": STRANGER.account}, "account"),
        ({"account": SELLER.account.lower()}, "account"),
        ({"agent": STRANGER.address}, "agent"),
        ({"agent": STRANGER.address, "account": STRANGER.account}, "agent"),
    ],
)
def test_one_key_stands_behind_agent_and_account(changes: dict[str, Any], says: str) -> None:
    """Nobody can name another's address or account, nor write its own in another way, though it signs that."""
    draft = listing().model_copy(update=changes)
    forged = draft.model_copy(update={"signature": SELLER.sign(draft.signing_hash).hex()})
    with pytest.raises(SignatureError, match=says):
        forged.verify()


# ---- listings and withdrawals


def test_a_withdrawal_verifies() -> None:
    """It is signed and read like a listing."""
    ours = Withdrawal.signed(SELLER, key="main", sequence=2)
    assert Withdrawal.parse(ours.text) == ours
    ours.verify()


@pytest.mark.parametrize("reader", [Listing, Withdrawal])
def test_neither_reads_as_the_other(reader: type[Signed]) -> None:
    """A listing that was intercepted is no withdrawal, whichever fields are left out or added; nor the reverse."""
    made: list[Signed] = [Withdrawal.signed(SELLER, key="main", sequence=1), listing()]
    other = next(one for one in made if not isinstance(one, reader))
    assert refused(reader.parse, other.text) == "listing_malformed"
    known = json.loads(made[0].text) | json.loads(made[1].text)
    trimmed = {name: value for name, value in known.items() if name in reader.model_fields}
    with pytest.raises(SignatureError):
        reader.parse(json.dumps(trimmed | {"signature": other.signature})).verify()


@pytest.mark.parametrize("value", [False, None, 0, "true"])
def test_a_withdrawal_says_so(value: Any) -> None:
    """The mark of a withdrawal is `true` and nothing else that could be signed."""
    ours = Withdrawal.signed(SELLER, key="main", sequence=2)
    assert refused(Withdrawal.parse, json.dumps(json.loads(ours.text) | {"withdraw": value})) == "listing_malformed"


# ---- bounds


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "Main"},
        {"key": ""},
        {"key": "k" * 33},
        {"key": "main\n"},
        {"sequence": 0},
        {"sequence": 2**53 + 1},
        {"sequence": True},
        {"sequence": "1"},
        {"kind": "a b"},
        {"title": ""},
        {"title": "t" * 121},
        {"title": "two\nlines"},
        {"title": "a\x1b[31mred"},
        {"title": "a\x00"},
        {"title": "a\u202eb"},
        {"title": "a\u2066b"},
        {"title": "a\u061cb"},
        {"title": "a\ud800"},
        {"title": None},
        {"description": "d" * 2001},
        {"description": "a\tb"},
        {"description": "a\rb"},
        {"attributes": {"A": 1}},
        {"attributes": {"a": 1.0}},
        {"attributes": {"a": None}},
        {"attributes": {"a": [1]}},
        {"attributes": {"a": {"b": 1}}},
        {"attributes": {"a": 2**53 + 1}},
        {"attributes": {"a": "x" * 201}},
        {"attributes": {"a": "x\x7f"}},
        {"attributes": {"price": 1}},
        {"attributes": {"withdrawn": 1, "kind": "model"}},
        {"attributes": {f"a{i}": i for i in range(33)}},
        {"unit": ""},
        {"price": 0},
        {"price": 2**62},
        {"price": 5000.0},
        {"lowest": 0},
        {"lowest": 5001},
        {"tick": 0},
        {"tick": 3},
        {"tick": -1},
        {"lowest": 1, "price": MAX_STEPS + 2},
        {"content": "ab"},
        {"content": "AB" * 32},
        {"issued": -1},
        {"expires": NOW},
        {"expires": NOW + MAX_SECONDS + 1},
        {"expires": 2**40},
        {"extra": 1},
    ],
    ids=lambda changes: ascii(changes)[:50],
)
def test_what_cannot_be_signed(changes: dict[str, Any]) -> None:
    """Values out of bounds, of another type, or that a terminal would obey; and what is read is bounded alike."""
    assert refused(listing, **changes) == "bad_listing"
    text = json.dumps(json.loads(listing().text) | changes)
    expected = "listing_too_long" if changes.get("expires") == NOW + MAX_SECONDS + 1 else "listing_malformed"
    assert refused(Listing.parse, text) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "k" * 32, "sequence": 2**53, "title": "t" * 120, "description": "two\nlines"},
        {"price": LARGEST, "lowest": LARGEST},
        {"price": LARGEST, "lowest": 1, "tick": LARGEST - 1},
        {"lowest": 1, "price": MAX_STEPS + 1},
        {"expires": NOW + MAX_SECONDS},
        {"attributes": {f"a{i}": -(2**53) for i in range(32)}},
        {"title": "🧮 ελληνικά naïve 文字"},
        {"content": "ab" * 32},
    ],
    ids=lambda changes: ascii(changes)[:50],
)
def test_the_bounds_themselves_are_allowed(changes: dict[str, Any]) -> None:
    """The largest of each kind is signed, read and verified."""
    Listing.parse(listing(**changes).text).verify()


def test_the_largest_listing_fits_the_size_allowed() -> None:
    """Whatever is within the bounds of its fields can be read, even with every character escaped."""
    attributes = {f"{'a' * 29}_{i:02}": "\U0001f600" * 200 for i in range(32)}
    widest = listing(
        key="k" * 32, kind="k" * 32, unit="u" * 32, sequence=2**53, title="\U0001f600" * 120, attributes=attributes,
        description="\U0001f600" * 2000, price=LARGEST, lowest=LARGEST, content="ab" * 32,
    )  # fmt: skip
    assert len(widest.text.encode()) <= MAX_BYTES
    Listing.parse(widest.text).verify()


# ---- hostile text


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_text_is_read_or_refused(data: bytes | str) -> None:
    """Random bytes end in one error, for listings and withdrawals."""
    assert refused(Listing.parse, data) == refused(Withdrawal.parse, data) == "listing_malformed"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[" * MAX_BYTES, "listing_malformed"),
        ('{"a":' * 13_000, "listing_malformed"),
        ("9" * MAX_BYTES, "listing_malformed"),
        ('{"price":' + "9" * 60_000 + "}", "listing_malformed"),
        ("\ud800", "listing_malformed"),
        (b"\xed\xa0\x80", "listing_malformed"),
        ("\x00", "listing_malformed"),
        (" " * (MAX_BYTES + 1), "listing_too_large"),
        ("é" * (MAX_BYTES // 2 + 1), "listing_too_large"),
        (b" " * (MAX_BYTES + 1), "listing_too_large"),
        ("\ud800" * (MAX_BYTES + 1), "listing_too_large"),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_hostile_text_is_refused(text: str | bytes, code: str) -> None:
    """Depth, size, huge numbers and broken characters; the size is looked at before anything is read."""
    assert refused(Listing.parse, text) == code


@pytest.mark.parametrize("number", ["5000.0", "5e3", "5E3", '"5000"', "true", "0x1388", "NaN", "9" * 5000])
def test_a_number_has_one_form(number: str) -> None:
    """Prices are integers: other forms, which other programs might read differently, are refused."""
    text = listing().text.replace('"price":5000', f'"price":{number}')
    assert number in text
    assert refused(Listing.parse, text) == "listing_malformed"


def test_an_object_without_checks_has_no_text() -> None:
    """What was made without checks and has no JSON form says so."""
    odd = listing().model_copy(update={"title": object()})
    with pytest.raises(TermsError) as caught:
        _ = odd.text
    assert caught.value.code == "listing_malformed"


def test_a_listing_does_not_change() -> None:
    """What is signed is frozen."""
    with pytest.raises(ValidationError, match="frozen"):
        listing().price = 1  # type: ignore[misc]  # that is what is tried
