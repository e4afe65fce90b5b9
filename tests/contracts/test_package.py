"""The toolchain's package files: pinned, the same on every platform, and tied to no registry."""

from __future__ import annotations

import json
import re
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
PACKAGE = json.loads((CONTRACTS / "package.json").read_text(encoding="utf-8"))
LOCK = json.loads((CONTRACTS / "package-lock.json").read_text(encoding="utf-8"))


def test_versions_are_exact() -> None:
    """Each dependency names one version, and the lock file has it, with its hash."""
    wanted = PACKAGE["devDependencies"] | PACKAGE["optionalDependencies"]
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert LOCK["packages"][f"node_modules/{name}"]["version"] == version
    assert all(entry["integrity"] for path, entry in LOCK["packages"].items() if path)


def test_the_lock_file_names_no_registry() -> None:
    """Packages come from whatever registry the user has configured."""
    assert all("resolved" not in entry for entry in LOCK["packages"].values())


def test_every_platform_has_its_tools() -> None:
    """forge and anvil for Linux and macOS, each on both architectures, optional so that others can still compile."""
    platforms = ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64")
    tools = {f"@foundry-rs/{tool}-{platform}" for tool in ("forge", "anvil") for platform in platforms}
    assert set(PACKAGE["optionalDependencies"]) == tools
    assert all(LOCK["packages"][f"node_modules/{name}"]["optional"] for name in tools)


def test_forge_compiles_as_the_build_does() -> None:
    """The settings that change code are the same in foundry.toml and in build.py, so forge tests what ships."""
    toml = (CONTRACTS / "foundry.toml").read_text(encoding="utf-8")
    script = (CONTRACTS / "build.py").read_text(encoding="utf-8")
    for line in (
        'evm_version = "prague"',
        "optimizer = true",
        "optimizer_runs = 10000",
        "via_ir = false",
        'bytecode_hash = "none"',
        "cbor_metadata = false",
    ):
        assert f"\n{line}\n" in toml
    for setting in (
        '"evmVersion": "prague"',
        '"optimizer": {"enabled": True, "runs": 10000}',
        '"viaIR": False',
        '"metadata": {"appendCBOR": False, "bytecodeHash": "none"}',
    ):
        assert setting in script
