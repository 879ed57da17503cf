"""Scripts in processes of their own, without the eight seconds in which a new Python imports PyTorch."""

import os
import sys
import traceback
from collections.abc import Mapping

import torch.distributed as dist


def start(script: str, *arguments: str, environment: Mapping[str, str] | None = None) -> int:
    """Run a script in a fork of this process, without any clean-up at its end; its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.environ.update(environment or {})
            sys.argv = ["script", *arguments]
            # Kept until the process is gone: to give back what a team held can hang, when Gloo ends its threads.
            namespace = {"__name__": "__main__"}
            exec(script, namespace)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def ended_well(child: int) -> bool:
    """Wait for a process; whether it did all of its script."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def run_as_team(script: str, *arguments: str, size: int = 2) -> None:
    """Run a script in several processes that find one another as under torchrun. Fails if one of them does."""
    store = dist.TCPStore("localhost", 0, is_master=True, wait_for_workers=False)  # torchrun, too, is its host
    said = {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(store.port),
        "WORLD_SIZE": str(size),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }
    ranks = [{**said, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]
    children = [start(script, *arguments, environment=rank) for rank in ranks]
    assert [ended_well(child) for child in children] == [True] * size
