"""An Apple GPU that is not there: tensors that say "mps", computed on the processor, and no float64 among them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = torch.device("mps:0")


class OnGPU(Tensor):
    """A tensor that says that it lies on the GPU; what it holds lies beside it."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "OnGPU":
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        whole: OnGPU = Tensor._make_wrapper_subclass(cls, held.shape, **layout, dtype=held.dtype, device=DEVICE)
        whole.held = held
        return whole

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


def computed(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a function of PyTorch gives there. Raises TypeError, as Apple's does, if that holds float64."""
    leaves, _ = tree_flatten((args, kwargs))
    given = [leaf for leaf in leaves if isinstance(leaf, OnGPU)]
    asked = kwargs.get("device")
    is_there = bool(given) if asked is None else torch.device(asked).type == DEVICE.type
    strangers = [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.dim() and not isinstance(leaf, OnGPU)]
    if given and strangers and func is not torch.ops.aten.copy_.default:
        raise RuntimeError(f"{func}: expected all tensors to be on the same device")
    if asked is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    plain_args, plain_kwargs = tree_map_only(OnGPU, lambda tensor: tensor.held, (args, kwargs))
    result = func(*plain_args, **plain_kwargs)

    def there(tensor: Tensor) -> Tensor:
        if tensor.dtype == torch.float64:
            raise TypeError(f"{func}: the MPS framework doesn't support float64")
        same = [leaf for leaf in given if leaf.held is tensor]  # what is changed in its place stays what it is
        return same[0] if same else OnGPU(tensor)

    return tree_map_only(Tensor, there, result) if is_there else result


class _Computes(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class _Makes(TorchFunctionMode):
    """`torch.tensor`, `x[i] = y` and `x[i]` ask for the real device before they ask anybody else."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.tensor and kwargs.get("device") is not None:
            return func(*args, **kwargs | {"device": "cpu"}).to(kwargs["device"])
        if func in (Tensor.__setitem__, Tensor.__getitem__) and isinstance(args[0], OnGPU):
            assert not args[0].requires_grad
            part = func(*tree_map_only(OnGPU, lambda tensor: tensor.held, args))
            return None if part is None else OnGPU(part)
        if func is F.scaled_dot_product_attention:
            mask = kwargs.pop("attn_mask", None)
            return torch.ops.aten._scaled_dot_product_attention_math(*args, mask, **kwargs)[0]
        return func(*args, **kwargs)


class _NoFloat64(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) and leaf.dtype == torch.float64 for leaf in tree_flatten(result)[0]):
            raise TypeError(f"{func} makes float64")
        return result


def no_float64() -> TorchDispatchMode:
    """While it is entered, no tensor of float64 can be made, wherever: for what runs on the device from end to end."""
    return _NoFloat64()


@contextmanager
def apple_gpu() -> Iterator[str]:
    """While it is entered, PyTorch has a device "mps:0" that refuses float64 as Apple's GPUs do."""
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # `.data` of a tensor cannot become another kind's
    try:
        with _Makes(), _Computes():
            yield str(DEVICE)
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
