"""What records name as their sources: each can be found, and says what it does."""

import inspect

import pytest

import gptbook.record_sources as record_sources
from gptbook.record import fingerprint

LISTS = {name: sources for name, sources in vars(record_sources).items() if name.endswith("_SOURCES")}


@pytest.mark.parametrize("name", LISTS)
def test_every_source_is_a_table_or_a_definition(name: str) -> None:
    for source in LISTS[name]:
        assert source.endswith(".csv") or ":" in source
        assert len(fingerprint(source)) == 64


def test_every_list_is_a_tuple_so_that_no_experiment_can_change_it() -> None:
    assert LISTS
    assert all(isinstance(sources, tuple) for sources in LISTS.values())
    assert not [name for name, value in vars(record_sources).items() if inspect.isfunction(value)]
