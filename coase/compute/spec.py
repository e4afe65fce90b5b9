"""What a job is: data, never code. A spec names an allow-listed architecture, counts and hashes; it has a hash too."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from coase.errors import JobRefused
from coase.terms.canonical import digest
from coase.terms.reading import read_json

MAX_BYTES = 16 * 1024
MAX_SEGMENTS = 1000  # two files a checkpoint, and every digest in the result
MIB = 2**20

Kind = Literal["train_steps", "infer"]
Architecture = Literal["digits_cnn", "digits_mlp"]
Device = Literal["auto", "cpu", "cuda"]
Input = Literal["data", "model"]
Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]

_DECIMAL = re.compile(r"0\.\d{1,9}|[1-9]\d{0,2}(\.\d{1,9})?", re.ASCII)


class JobSpec(BaseModel):
    """A job, complete enough that anybody can run it again.

    Args:
        kind: `train_steps` (fine-tune, or train from the seed's own start) or `infer` (labels for rows).
        architecture: the network.
        seed: of the initial weights, where no model is given, and of the batches.
        steps: training steps; 0 for `infer`.
        checkpoint_every: steps between checkpoints; it divides `steps`, into at most 1000 segments.
        batch_size: rows a step.
        learning_rate: of AdamW, as a decimal text: there are no floats in hashed objects.
        threads: CPU threads; part of the determinism class.
        device: `auto` takes CUDA when the worker has it.
        inputs: the files the job reads, name -> SHA-256. `data` is always needed; `model` for `infer`.
        wall_seconds: seconds after which the sandbox stops it.
        memory_bytes: what it may allocate on top of the worker server's own memory (about 150 MiB, shared).
        output_bytes: what it may write, all files together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    architecture: Architecture = "digits_cnn"
    seed: Annotated[int, Field(ge=0, lt=2**63, strict=True)] = 0
    steps: Annotated[int, Field(ge=0, le=100_000, strict=True)] = 0
    checkpoint_every: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 50
    batch_size: Annotated[int, Field(ge=1, le=4096, strict=True)] = 64
    learning_rate: Annotated[str, StringConstraints(max_length=16)] = "0.002"
    threads: Annotated[int, Field(ge=1, le=64, strict=True)] = 1
    device: Device = "auto"
    inputs: Mapping[Input, Hash]
    wall_seconds: Annotated[int, Field(ge=1, le=86_400, strict=True)] = 120
    memory_bytes: Annotated[int, Field(ge=64 * MIB, le=2**40, strict=True)] = 2048 * MIB
    output_bytes: Annotated[int, Field(ge=MIB, le=2**36, strict=True)] = 256 * MIB

    @field_validator("learning_rate")
    @classmethod
    def _decimal(cls, text: str) -> str:
        if not _DECIMAL.fullmatch(text) or not 0 < float(text) < 10:
            raise ValueError("a decimal text between 0 and 10, for example 0.002")
        return text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.kind == "train_steps") != (self.steps > 0):
            raise ValueError("train_steps has steps, infer has none")
        if self.kind == "train_steps" and self.steps % self.checkpoint_every:
            raise ValueError("checkpoint_every must divide steps")
        if self.segments > MAX_SEGMENTS:
            raise ValueError(f"more than {MAX_SEGMENTS} checkpoints: raise checkpoint_every")
        if "data" not in self.inputs or (self.kind == "infer" and "model" not in self.inputs):
            raise ValueError("inputs need data, and infer needs model too")
        return self

    @classmethod
    def for_files(cls, kind: Kind, files: Mapping[str, bytes], **fields: Any) -> Self:
        """A spec over these files, hashing them.

        Raises:
            JobRefused: a field is not acceptable.
        """
        hashes = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
        return cls.build(kind=kind, inputs=hashes, **fields)

    @classmethod
    def build(cls, **fields: Any) -> Self:
        """A spec; `JobRefused` says what is wrong with it."""
        return cls._checked(fields)

    @classmethod
    def _checked(cls, fields: Mapping[str, Any]) -> Self:
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "it"
            raise JobRefused(f"not an acceptable job: {where}: {first['msg']}", code="job_malformed") from error

    @property
    def content_hash(self) -> str:
        """SHA-256 of the canonical spec."""
        return digest(self.model_dump(mode="json"))

    @property
    def segments(self) -> int:
        """How many segments lie between checkpoints."""
        return self.steps // self.checkpoint_every


def parse_spec(given: Any) -> JobSpec:
    """A spec from anywhere: JSON text, or a mapping that came out of one.

    Raises:
        JobRefused: `job_too_large` or `job_malformed`.
    """
    if isinstance(given, (str, bytes)):
        if len(given) > MAX_BYTES:
            raise JobRefused(f"a job spec of {len(given)} bytes, more than {MAX_BYTES}", code="job_too_large")
        try:
            read_json(given)  # of bounded depth
            given = json.loads(given, object_pairs_hook=_object)
        except ValueError as error:
            raise JobRefused(f"not JSON: {error}", code="job_malformed") from error
    if not isinstance(given, Mapping):
        raise JobRefused("a job spec is a JSON object", code="job_malformed")
    return JobSpec._checked({str(key): value for key, value in given.items()})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that comes twice means one thing to one reader and another to the next."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found
