"""Folders as transformers lays them out: whole or in parts, and what somebody else saved stays."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gptbook.exchange.weight_files import check_finite, read_object, read_tensors, read_weights, weights_in, write_model


def test_a_model_that_was_written_is_read(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).view(2, 3).T, "b": torch.ones(1)}
    write_model(tmp_path, tensors, {"model_type": "ours"})
    assert read_object(tmp_path / "config.json")["model_type"] == "ours"
    found = read_weights(weights_in(tmp_path))
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    write_model(tmp_path, {"a": torch.zeros(1)}, {"model_type": "other"})
    assert read_tensors(tmp_path / "model.safetensors")["a"].shape == (1,)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [b"", b"{}", b"theirs"])
def test_what_somebody_else_saved_stays(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="did not save"):
        write_model(tmp_path, {"a": torch.zeros(1)}, {})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, content)]


def test_parts_are_put_together_as_their_index_says(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "one.safetensors")
    save_file({"b": torch.zeros(3)}, tmp_path / "two.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}))
    assert weights_in(tmp_path) == index
    assert read_weights(index).keys() == {"a", "b"}
    (tmp_path / "two.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"two\.safetensors is not a safetensors file"):
        read_weights(index)


@pytest.mark.parametrize("places", [None, [], {"a": 3}, {"a": "/etc/passwd"}, {"a": "../other.safetensors"}])
def test_an_index_that_names_no_file_of_its_folder_is_refused(places: object, tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    with pytest.raises(ValueError, match="does not say where"):
        read_weights(index)


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.float8_e4m3fn])
def test_weights_that_are_quantised_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match="quantised"):
        check_finite("a", torch.zeros(2).to(dtype), "the model")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_what_is_no_number_is_refused_in_every_precision(dtype: torch.dtype) -> None:
    check_finite("a", torch.zeros(2, dtype=dtype), "the model")
    with pytest.raises(ValueError, match="NaN or infinity"):
        check_finite("a", torch.tensor([1.0, torch.nan], dtype=dtype), "the model")
