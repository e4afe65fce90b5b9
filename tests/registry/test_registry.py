"""The registry: what it takes, what it refuses and why, what it finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from coase.errors import RegistryRefused
from coase.identity import Identity
from coase.registry.registry import EARLY_SECONDS, MAX_OFFSET, MAX_PER_AGENT, MAX_RESULTS, Registry
from coase.registry.store import SqliteStorage
from coase.terms.listing import MAX_BYTES, MAX_SECONDS, Listing, Withdrawal

Offer = Callable[..., Listing]

NOW = 1_700_000_000
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def refusal(action: Callable[..., Any], *arguments: Any, **options: Any) -> RegistryRefused:
    """The error that an action must end with."""
    with pytest.raises(RegistryRefused) as caught:
        action(*arguments, **options)
    assert caught.value.hint
    return caught.value


def changed(listing: Listing, **fields: Any) -> str:
    """Its JSON with other values, under the old signature."""
    return json.dumps(json.loads(listing.text) | fields)


# ---- taking


@pytest.mark.parametrize(
    "form", [lambda x: x, lambda x: x.text, lambda x: x.text.encode()], ids=["object", "str", "bytes"]
)
def test_what_was_published_is_found(registry: Registry, offer: Offer, form: Callable[[Listing], Any]) -> None:
    """A listing, as an object or as JSON, is returned as it was checked, found and got."""
    listing = offer(attributes={"rank": 1, "gpu": True, "region": "eu"})
    assert registry.publish(form(listing)) == listing
    assert registry.search("kind=compute rank=1 training") == [listing]
    assert registry.get(listing.agent, listing.key) == listing


def test_publishing_again_does_nothing(registry: Registry, offer: Offer) -> None:
    """The current listing may come again, as it does after a restart."""
    registry.publish(offer())
    assert registry.publish(offer()) == offer()
    assert registry.search() == [offer()]


def test_a_new_one_replaces_the_old(registry: Registry, offer: Offer) -> None:
    """A higher sequence in the same slot takes the place of the old listing."""
    registry.publish(offer())
    registry.publish(offer(sequence=7, price=6000))
    assert registry.search() == [offer(sequence=7, price=6000)]


def test_slots_and_agents_are_apart(registry: Registry, offer: Offer, stranger: Identity) -> None:
    """One agent's slots do not touch each other, nor another agent's."""
    listings = [offer(), offer(key="other"), offer(by=stranger)]
    for listing in listings:
        registry.publish(listing)
    registry.publish(offer(sequence=2, price=4500))
    assert len(registry.search()) == 3
    assert registry.get(stranger.address, "main") == listings[2]


# ---- refusing


def test_an_expired_listing(registry: Registry, offer: Offer, clock: Any) -> None:
    """A listing is refused from its last second on."""
    clock.time = offer().expires
    assert refusal(registry.publish, offer()).code == "listing_expired"
    clock.time -= 1
    registry.publish(offer())


def test_an_early_listing(registry: Registry, offer: Offer, clock: Any) -> None:
    """A listing from the future is refused, but for what clocks may differ by."""
    clock.time = NOW - EARLY_SECONDS - 1
    assert refusal(registry.publish, offer()).code == "listing_early"
    clock.time += 1
    registry.publish(offer())


@pytest.mark.parametrize("sequence", [1, 4, 5])
def test_a_replayed_listing(registry: Registry, offer: Offer, sequence: int) -> None:
    """An older listing, and another of the same sequence, are refused; the current one stays."""
    registry.publish(offer(sequence=5))
    assert refusal(registry.publish, offer(sequence=sequence, price=4500)).code == "listing_replayed"
    assert registry.search() == [offer(sequence=5)]


def test_a_listing_cannot_outlive_its_replacement(registry: Registry, offer: Offer, clock: Any) -> None:
    """When a short-lived listing has expired, a longer-lived one that it replaced does not come back."""
    registry.publish(offer(expires=NOW + MAX_SECONDS))
    registry.publish(offer(sequence=2, issued=NOW, expires=NOW + 10))
    for clock.time in (NOW + 11, NOW + MAX_SECONDS - 1):
        registry.publish(offer(key=f"k{clock.time}", issued=clock.time, expires=clock.time + 9))
        assert refusal(registry.publish, offer(expires=NOW + MAX_SECONDS)).code == "listing_replayed"


def test_too_many_listings(registry: Registry, offer: Offer, stranger: Identity) -> None:
    """An agent has so many slots and no more; its own can be filled anew, and others are not concerned."""
    for number in range(MAX_PER_AGENT):
        registry.publish(offer(key=f"k{number}"))
    assert refusal(registry.publish, offer(key="another")).code == "listing_too_many"
    registry.publish(offer(key="k0", sequence=2))
    registry.publish(offer(by=stranger))
    assert len(registry.search(limit=1000)) == MAX_PER_AGENT + 1


def test_slots_become_free(registry: Registry, offer: Offer, clock: Any) -> None:
    """Long after its listings have expired, an agent can use other slots."""
    for number in range(MAX_PER_AGENT):
        registry.publish(offer(key=f"k{number}", expires=NOW + 1))
    clock.time = NOW + 1 + MAX_SECONDS
    registry.publish(offer(key="another", issued=clock.time, expires=clock.time + 1))
    assert [listing.key for listing in registry.search()] == ["another"]


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 10 * MAX_BYTES])
@pytest.mark.parametrize("form", [str, str.encode])
def test_too_large_a_listing(registry: Registry, offer: Offer, size: int, form: Callable[[str], Any]) -> None:
    """The size is looked at before anything else, spaces included."""
    text = offer().text
    assert refusal(registry.publish, form(text + " " * (size - len(text)))).code == "listing_too_large"
    assert registry.publish(form(text + " " * (MAX_BYTES - len(text)))) == offer()


def test_too_long_lived_a_listing(registry: Registry, offer: Offer) -> None:
    """A listing that would live longer than allowed is refused under a code of its own."""
    registry.publish(offer(expires=NOW + MAX_SECONDS))
    text = changed(offer(sequence=2), expires=NOW + MAX_SECONDS + 1)
    assert refusal(registry.publish, text).code == "listing_too_long"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"1",
        b'"listing"',
        b"{",
        b"\xff\xfe",
        b'{"a":' * 10_000,
        b"[" * 60_000,
        b'{"price": 1e400}',
        b'{"price": NaN}',
        b"1" * 60_000,
        "\ud800",
    ],
    ids=repr,
)
def test_what_is_no_listing(registry: Registry, text: bytes | str) -> None:
    """Text of another form, however deep, is refused as malformed."""
    assert refusal(registry.publish, text).code == "listing_malformed"
    assert refusal(registry.withdraw, text).code == "listing_malformed"


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
@SHARED
def test_any_bytes_are_refused(registry: Registry, data: bytes | str) -> None:
    """Nothing but a refusal comes of random bytes."""
    assert refusal(registry.publish, data).code == "listing_malformed"


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
JSON = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=8), SCALARS, max_size=3)


@given(data=st.data(), name=st.sampled_from(sorted(Listing.model_fields)), value=JSON)
@SHARED
def test_any_change_after_signing_is_refused(
    registry: Registry, offer: Offer, data: st.DataObject, name: str, value: Any
) -> None:
    """Whatever any field is changed to, the listing is malformed or tampered with, never taken."""
    original = offer(attributes={"rank": 1}, description="sandboxed", content="ab" * 32)
    plausible = {
        "agent": st.just(Identity.from_seed(1, "x").address),
        "account": st.sampled_from([Identity.from_seed(1, "x").account, original.account.lower()]),
        "price": st.integers(4000, 9000),
        "lowest": st.integers(1, 5000),
        "tick": st.sampled_from([1, 10, 100, 1000]),
        "sequence": st.integers(1, 2**53),
        "issued": st.integers(NOW - 50, NOW + EARLY_SECONDS),
        "expires": st.integers(NOW + 1, NOW + 86_401),
        "attributes": st.dictionaries(st.sampled_from(["rank", "gpu"]), st.integers() | st.booleans(), max_size=2),
        "signature": st.binary(min_size=65, max_size=65).map(bytes.hex),
        "content": st.sampled_from(["", "cd" * 32]),
    }
    value = data.draw(st.just(value) | plausible.get(name, st.from_regex(r"[a-z]{1,9}", fullmatch=True)))
    if json.loads(original.text)[name] != value or type(json.loads(original.text)[name]) is not type(value):
        code = refusal(registry.publish, changed(original, **{name: value})).code
        assert code in ("listing_tampered", "listing_malformed", "listing_too_long")
        assert registry.search() == []


def test_a_lower_price_is_tampering(registry: Registry, offer: Offer) -> None:
    """A well-formed change is told apart from a malformed listing."""
    assert refusal(registry.publish, changed(offer(), price=4500)).code == "listing_tampered"
    assert refusal(registry.publish, offer().model_copy(update={"price": 4500})).code == "listing_tampered"


def test_an_object_made_without_checks(registry: Registry, offer: Offer) -> None:
    """An object is read again like any text."""
    for update in ({"price": 1.5}, {"price": "5000"}, {"title": "a\x1b[31m"}, {"kind": object()}, {"issued": -1}):
        assert refusal(registry.publish, offer().model_copy(update=update)).code == "listing_malformed"
    bare = BaseModel.model_construct.__func__(Listing)  # type: ignore[attr-defined]  # with no field at all
    assert refusal(registry.publish, bare).code == "listing_malformed"


def test_a_field_too_many(registry: Registry, offer: Offer) -> None:
    """What is not signed is not carried along."""
    assert refusal(registry.publish, changed(offer(), note="hello")).code == "listing_malformed"


def test_someone_elses_slot(registry: Registry, offer: Offer, stranger: Identity) -> None:
    """Nobody publishes under another's name, though the signature itself is good."""
    registry.publish(offer())
    forged = offer(sequence=2).model_copy(update={"signature": "00" * 65})
    forged = forged.model_copy(update={"signature": stranger.sign(forged.signing_hash).hex()})
    assert refusal(registry.publish, forged).code == "listing_tampered"
    assert registry.search() == [offer()]


# ---- withdrawing


def test_a_withdrawn_listing_is_gone(registry: Registry, offer: Offer, seller: Identity) -> None:
    """After a withdrawal the listing is neither found nor got, and does not come back; a newer one may."""
    registry.publish(offer())
    registry.withdraw(Withdrawal.signed(seller, key="main", sequence=2))
    assert registry.search() == []
    assert registry.get(seller.address, "main") is None
    assert refusal(registry.publish, offer()).code == "listing_replayed"
    assert refusal(registry.publish, offer(sequence=2)).code == "listing_replayed"
    registry.publish(offer(sequence=3))
    assert registry.search() == [offer(sequence=3)]


def test_a_repeated_withdrawal(registry: Registry, offer: Offer, seller: Identity) -> None:
    """The same withdrawal again does nothing; an old one does not withdraw what came later."""
    registry.publish(offer())
    request = Withdrawal.signed(seller, key="main", sequence=2)
    registry.withdraw(request.text.encode())
    registry.withdraw(request)
    registry.publish(offer(sequence=3))
    assert refusal(registry.withdraw, request).code == "listing_replayed"
    assert registry.search() == [offer(sequence=3)]


def test_what_withdraws_nothing(registry: Registry, offer: Offer, seller: Identity, stranger: Identity) -> None:
    """A slot never used, a sequence too low, another's signature, and a listing in its place are refused."""
    registry.publish(offer(sequence=4))
    unknown = Withdrawal.signed(seller, key="other", sequence=9)
    assert refusal(registry.withdraw, unknown).code == "listing_unknown"
    low = Withdrawal.signed(seller, key="main", sequence=4)
    assert refusal(registry.withdraw, low).code == "listing_replayed"
    forged = Withdrawal.signed(stranger, key="main", sequence=9).model_copy(
        update={"agent": seller.address, "account": seller.account}
    )
    assert refusal(registry.withdraw, forged).code == "listing_tampered"
    assert refusal(registry.withdraw, offer(sequence=9).text).code == "listing_malformed"
    assert refusal(registry.publish, Withdrawal.signed(seller, key="main", sequence=9).text).code == "listing_malformed"
    assert registry.search() == [offer(sequence=4)]


# ---- finding


def test_expired_listings_are_not_found(registry: Registry, offer: Offer, clock: Any) -> None:
    """A listing is found until the second before it expires."""
    registry.publish(offer())
    clock.time = offer().expires - 1
    assert registry.search() == [offer()]
    clock.time += 1
    assert registry.search() == []
    assert registry.get(offer().agent, "main") is None


def test_the_cheapest_first(registry: Registry, offer: Offer, stranger: Identity) -> None:
    """Order is by price, then by agent and key, and pages do not overlap."""
    listings = [offer(key=f"k{number}", price=4000 + number % 3) for number in range(9)]
    listings += [offer(by=stranger, key=f"k{number}", price=4000 + number % 3) for number in range(9)]
    for listing in listings:
        registry.publish(listing)
    listings.sort(key=lambda listing: (listing.price, listing.agent, listing.key))
    assert registry.search() == listings
    assert [*registry.search(limit=5), *registry.search(limit=5, offset=5), *registry.search(offset=10)] == listings


@pytest.mark.parametrize("title", ["\u00c9t\u00e9", "E\u0301te\u0301"])
@pytest.mark.parametrize("query", ["\u00e9t\u00e9", "e\u0301te\u0301", "ETE"])
def test_words_are_found_however_accents_are_written(registry: Registry, offer: Offer, title: str, query: str) -> None:
    """An accent may be part of its letter or follow it, in title and query, or be left out."""
    registry.publish(offer(title=title))
    assert len(registry.search(query)) == 1


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (-1, 0), (MAX_RESULTS + 1, 0), (1, -1), (1, MAX_OFFSET + 1)])
def test_pages_are_bounded(registry: Registry, limit: int, offset: int) -> None:
    """A page has a size, and an end."""
    assert refusal(registry.search, limit=limit, offset=offset).code == "query_malformed"


HOSTILE = [
    '"',
    "*",
    "NEAR(",
    "NEAR(a b, 2)",
    "title:digits",
    "{title description}:x",
    "a AND",
    "OR",
    "NOT a",
    "^a",
    "a + b",
    "-a",
    "(a",
    "a\x00b",
    "'; drop table listing; --",
    "kind=compute' or '1'='1",
    'kind="compute\' or 1 --"',
    "kind=compute/**/or/**/1",
    "price<=1;drop",
    "x'=1",
    "rank)>=0",
    "agent~%",
    "agent~_",
    "kind~*",
    "region=eu') or 1 or name=('",
    "words=a",
    "rowid>0",
    "body~digits",
    "withdrawn=0",
    "id>0",
    "null=null",
    "\u202eevil",
    "\ud800",
    "é" * 300,
    "a~" + "b" * 400,
]


@pytest.mark.parametrize("query", HOSTILE, ids=ascii)
def test_hostile_queries_find_nothing_of_note(registry: Registry, offer: Offer, query: str) -> None:
    """Syntax of SQL or FTS5 is text or is refused: it neither fails, nor matches everything, nor changes anything."""
    listings = [offer(key="a", attributes={"region": "eu"}), offer(key="b", kind="model")]
    for listing in listings:
        registry.publish(listing)
    try:
        assert registry.search(query) == []
    except RegistryRefused as error:
        code = error.code
        assert code.startswith("query_")
    assert registry.search() == listings


@given(st.one_of(st.text(max_size=80), st.text(alphabet="ab1 \"'*()^:-+<>=!~,;%_.{}ORNDTEA\x00\ud800é", max_size=80)))
@example("kind~ price<1")
@example('""')
@SHARED
def test_any_query_is_answered_or_refused(registry: Registry, offer: Offer, query: str) -> None:
    """No text makes the database complain."""
    registry.publish(offer())
    try:
        found = registry.search(query)
    except RegistryRefused as error:
        found = []
        assert error.code.startswith("query_")  # noqa: PT017  # most texts are refused, and that is the point
    assert found in ([], [offer()])


@pytest.mark.parametrize(
    ("agent", "key"), [("", ""), ("agent1", "main"), ("\ud800", "main"), ("' or 1 --", "' or 1 --")]
)
def test_a_slot_that_cannot_be(registry: Registry, offer: Offer, agent: str, key: str) -> None:
    """What is no address or key has no listing."""
    registry.publish(offer())
    assert registry.get(agent, key) is None
    assert registry.get(offer().agent, key) in (None, offer())


def test_thousands_of_listings(offer: Offer, clock: Any) -> None:
    """Among 5,000 listings a filter finds exactly those that fit, page by page."""
    storage, listings = SqliteStorage(None), []
    sellers = [Identity.from_seed("many", number) for number in map(str, range(100))]
    for number in range(5000):
        attributes = {"rank": number % 50, "region": ("eu", "us")[number % 2]}
        title = "fast steps" if number % 5 else "digits"
        key = f"k{number // 100}"
        listings.append(
            offer(by=sellers[number % 100], key=key, attributes=attributes, title=title, price=4000 + number)
        )
        storage.put(listings[-1])
    registry = Registry(storage, clock)
    expected = [listing for number, listing in enumerate(listings) if number % 50 >= 40 and not number % 10]
    assert registry.search("rank>=40 region=eu digits", limit=1000) == expected
    assert registry.search("rank>=40 region=eu digits", limit=7, offset=7) == expected[7:14]
    assert registry.search("price<4100 digits rank>99") == []
    assert len(registry.search("region~E", limit=1000)) == 1000
    registry.close()


# ---- restarting


def test_a_replay_after_a_restart(tmp_path: Path, offer: Offer, clock: Any, seller: Identity) -> None:
    """Sequences and withdrawals are remembered by the next process, and the current listing may come again."""
    path = tmp_path / "registry.db"
    registry = Registry(path, clock)
    registry.publish(offer(sequence=2))
    registry.publish(offer(key="gone"))
    registry.withdraw(Withdrawal.signed(seller, key="gone", sequence=2))
    registry.close()
    registry = Registry(path, clock)
    assert refusal(registry.publish, offer()).code == "listing_replayed"
    assert refusal(registry.publish, offer(key="gone")).code == "listing_replayed"
    assert registry.publish(offer(sequence=2)) == offer(sequence=2)
    assert registry.search() == [offer(sequence=2)]
    registry.close()
