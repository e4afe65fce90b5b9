"""Job specs: round trips, hashes, and everything hostile that could be sent instead of one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.compute.spec import MAX_BYTES, JobSpec, parse_spec
from coase.errors import JobRefused

A, B = "a" * 64, "b" * 64
TRAIN: dict[str, Any] = {"kind": "train_steps", "steps": 100, "checkpoint_every": 50, "inputs": {"data": A}}


@st.composite
def specs(draw: st.DrawFn) -> JobSpec:
    """Any acceptable spec."""
    kind = draw(st.sampled_from(["train_steps", "infer"]))
    every, segments = draw(st.integers(1, 100)), draw(st.integers(1, 1000))
    inputs = {"data": draw(st.sampled_from([A, B]))}
    if kind == "infer" or draw(st.booleans()):
        inputs["model"] = B
    return JobSpec.build(
        kind=kind,
        architecture=draw(st.sampled_from(["digits_cnn", "digits_mlp"])),
        seed=draw(st.integers(0, 2**63 - 1)),
        steps=every * segments if kind == "train_steps" else 0,
        checkpoint_every=every,
        batch_size=draw(st.integers(1, 4096)),
        learning_rate=draw(st.sampled_from(["0.002", "0.000000001", "1", "9.999"])),
        threads=draw(st.integers(1, 64)),
        device=draw(st.sampled_from(["auto", "cpu", "cuda"])),
        inputs=inputs,
    )


@given(specs())
def test_a_spec_survives_the_wire_with_its_hash(spec: JobSpec) -> None:
    """JSON text, bytes and mappings all parse back to the same spec and the same hash."""
    wire = spec.model_dump_json()
    for given_spec in (wire, wire.encode(), spec.model_dump(mode="json")):
        again = parse_spec(given_spec)
        assert again == spec
        assert again.content_hash == spec.content_hash


@given(specs(), specs())
def test_different_specs_have_different_hashes(one: JobSpec, other: JobSpec) -> None:
    """The hash names the job."""
    assert (one == other) == (one.content_hash == other.content_hash)


def test_the_hash_is_sha256_of_canonical_json() -> None:
    """Anybody can recompute it with a JSON library and SHA-256."""
    spec = JobSpec.build(**TRAIN)
    text = json.dumps(spec.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    assert spec.content_hash == hashlib.sha256(text.encode()).hexdigest()
    assert "." not in text.replace("0.002", "")  # no float in it


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "shell"},
        {"kind": "infer"},
        {"architecture": "resnet"},
        {"seed": -1},
        {"seed": 2**63},
        {"seed": 1.0},
        {"seed": True},
        {"steps": 0},
        {"steps": -50},
        {"steps": 100_050},
        {"steps": "100"},
        {"steps": 101},
        {"steps": 2000, "checkpoint_every": 1},
        {"checkpoint_every": 0},
        {"batch_size": 0},
        {"batch_size": 4097},
        {"threads": 0},
        {"threads": 65},
        {"device": "tpu"},
        {"inputs": {}},
        {"inputs": {"model": A}},
        {"inputs": {"data": A, "code": B}},
        {"inputs": {"data": A.upper()}},
        {"inputs": {"data": A + "\n"}},
        {"inputs": {"data": "../../etc/passwd"}},
        {"inputs": [["data", A]]},
        {"wall_seconds": 0},
        {"wall_seconds": 86_401},
        {"memory_bytes": 1},
        {"output_bytes": 0},
        {"command": "id"},
        {"cls": 1},
        {"self": 1},
        {"": 1},
        {"content_hash": A},
    ],
    ids=str,
)
def test_an_unacceptable_spec_is_refused_with_a_reason(change: dict[str, Any]) -> None:
    """Out of range, of another type, unknown: the refusal has a code and says where."""
    for given_spec in ({**TRAIN, **change}, json.dumps({**TRAIN, **change})):
        with pytest.raises(JobRefused) as refused:
            parse_spec(given_spec)
        assert refused.value.code == "job_malformed"
        assert "not an acceptable job" in refused.value.message


@pytest.mark.parametrize(
    "rate", ["0", "0.0", "-0.1", "1e-3", "nan", "inf", "10", ".5", "1.", " 0.1", "0.1 ", "00.1", "\u0660.\u0661", "0x1"]
)
def test_a_learning_rate_is_one_plain_decimal(rate: str) -> None:
    """No exponents, no signs, no other digits than ASCII: one text means one number everywhere."""
    with pytest.raises(JobRefused):
        JobSpec.build(**TRAIN, learning_rate=rate)


@pytest.mark.parametrize("rate", [0.002, 1, None])
def test_a_learning_rate_is_never_a_number(rate: Any) -> None:
    """Floats have no canonical form."""
    with pytest.raises(JobRefused):
        JobSpec.build(**TRAIN, learning_rate=rate)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "job_malformed"),
        ("{", "job_malformed"),
        ("[]", "job_malformed"),
        ("null", "job_malformed"),
        ("NaN", "job_malformed"),
        ("[" * 10_000, "job_malformed"),
        ('{"steps": ' + "9" * 5000 + "}", "job_malformed"),
        ('{"kind": "infer", "kind": "train_steps"}', "job_malformed"),
        (b"\xff\xfe{}", "job_malformed"),
        ('"' + "x" * MAX_BYTES + '"', "job_too_large"),
        (b" " * (MAX_BYTES + 1), "job_too_large"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_text_that_is_no_spec_is_refused(text: str | bytes, code: str) -> None:
    """Too large, too deep, ambiguous or not JSON at all."""
    with pytest.raises(JobRefused) as refused:
        parse_spec(text)
    assert refused.value.code == code


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*JobSpec.model_fields, "x"]), anything))
def test_any_mapping_is_a_spec_or_refused(mapping: dict[str, Any]) -> None:
    """Nothing that JSON can say raises anything but `JobRefused`."""
    try:
        assert isinstance(parse_spec(mapping), JobSpec)
    except JobRefused as refused:
        code = refused.code
    else:
        code = "job_malformed"
    assert code == "job_malformed"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_spec_or_refused(body: bytes) -> None:
    """The same for bytes."""
    with pytest.raises(JobRefused):
        parse_spec(body)


def test_a_spec_cannot_be_changed() -> None:
    """It is frozen, and counts its segments."""
    spec = JobSpec.build(**TRAIN)
    assert spec.segments == 2
    with pytest.raises(ValueError, match="frozen"):
        spec.steps = 1  # type: ignore[misc]  # that is the point
