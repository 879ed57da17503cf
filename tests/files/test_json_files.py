"""Facts of files: what has the shape passes, and everything else is one sentence that names the place."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, save

from gptbook.files.json_files import (
    Digest,
    Fields,
    Listing,
    Real,
    Whole,
    Words,
    check_facts,
    facts_sha256,
    parse_facts,
    read_facts,
    read_json,
    with_sorted_metadata,
)

SHAPE = Fields(
    required={
        "step": Whole(0, 100),
        "rate": Real(0, 1),
        "loss": Real(any_float=True),
        "kind": Words(choices=("a", "b")),
        "letters": Listing(Words(least=1, most=1), least=1, different=True),
        "digest": Digest(),
    },
    optional={"more": Fields({"inner": Whole()}, is_open=True)},
)
GOOD: dict[str, Any] = {
    "step": 3,
    "rate": 0.5,
    "loss": float("nan"),
    "kind": "a",
    "letters": ["x", "é"],
    "digest": "0" * 64,
    "more": {"inner": 1, "another": [None]},
}


def test_what_has_the_shape_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    good = {**GOOD, "loss": 1.5}
    path.write_text(json.dumps(good), encoding="utf-8")
    assert read_facts(path, SHAPE, "get it again") == good
    path.write_text(json.dumps(good), encoding="utf-8-sig")
    assert read_facts(path, SHAPE, "get it again") == good
    check_facts(GOOD, SHAPE, path, "")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("step", -1),
        ("step", 101),
        ("step", True),
        ("step", 3.0),
        ("step", "3"),
        ("step", 10**400),
        ("rate", float("nan")),
        ("rate", float("inf")),
        ("rate", 1.01),
        ("rate", False),
        ("rate", 10**400),
        ("loss", None),
        ("kind", "c"),
        ("kind", ["a"]),
        ("letters", []),
        ("letters", "xy"),
        ("letters", ["x", "x"]),
        ("letters", ["xy"]),
        ("letters", ["\ud800"]),
        ("letters", [["x"]]),
        ("digest", "0" * 63),
        ("digest", "G" * 64),
        ("more", []),
        ("more", {"inner": -1}),
        ("surprise", 1),
    ],
)
def test_what_has_not_is_named_in_one_short_sentence(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=key) as refusal:
        check_facts({**GOOD, key: value}, SHAPE, "the file", "get it again")
    assert str(refusal.value).endswith(": get it again")
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("key", [key for key in GOOD if key != "more"])
def test_a_key_that_is_gone_is_named(key: str) -> None:
    facts = {name: value for name, value in GOOD.items() if name != key}
    with pytest.raises(ValueError, match=f"has no {key}"):
        check_facts(facts, SHAPE, "the file", "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"a": 1',
        b'{"a": 1, "a": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe{}",
        "{}".encode("utf-16"),
        b'{"a": "\xe9"}',
        b"9" * 10_000,
        b"{} {}",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_json_is_one_sentence(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the file is cut short or was changed") as refusal:
        parse_facts(content, "the file", "get it again")
    assert str(refusal.value).endswith(": get it again")
    assert len(str(refusal.value)) < 200


def test_a_file_that_is_absent_or_no_file_is_named_and_never_waited_for(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.json", tmp_path, Path("/dev/zero")):
        with pytest.raises(ValueError, match=r"is missing, or is no file: get it again"):
            read_facts(path, SHAPE, "get it again")


def test_the_checksum_is_of_the_facts_not_of_their_layout() -> None:
    facts = {"b": [1, 2.5, None], "a": {"é": "x"}}
    turned = {"a": {"é": "x"}, "b": [1, 2.5, None]}
    assert facts_sha256(facts) == facts_sha256(json.loads(json.dumps(turned, indent=3)))
    others: list[Any] = [{**facts, "b": [1.0, 2.5, None]}, {**facts, "b": [True, 2.5, None]}, {**facts, "c": 0}]
    for other in others:
        assert facts_sha256(other) != facts_sha256(facts)


@pytest.mark.parametrize("metadata", [None, {}, {name: f"é{name}" for name in "hgfedcba"}])
def test_the_same_weights_are_the_same_file(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    """Of eight names, two files of the library's agree once in 40,320 times."""
    tensors = {"b": torch.arange(3.0), "a": torch.ones(2, 2, dtype=torch.float16)}
    files = {with_sorted_metadata(save(tensors, metadata)) for _ in range(3)}
    (content,) = files
    (tmp_path / "file.safetensors").write_bytes(content)
    with safe_open(tmp_path / "file.safetensors", "pt") as file:
        assert (file.metadata() or {}) == (metadata or {})
    for name, tensor in load(content).items():
        assert torch.equal(tensor, tensors[name])
    assert int.from_bytes(content[:8], "little") % 8 == 0


def test_what_is_not_json_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[1,")
    with pytest.raises(ValueError, match=r"a\.json is not JSON \(.*\): get it again"):
        read_json(path)
    path.write_text("[1]")
    assert read_json(path) == [1]
