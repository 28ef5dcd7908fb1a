"""Whether a request has the arguments that a method of the Databricks SDK takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from inspect import Parameter, signature
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

SCALARS: dict[Any, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float)}


def misfits(method: Callable[..., Any], sent: dict[str, Any]) -> list[str]:
    """Return what does not fit: arguments or fields that are unknown, missing, of another type."""
    takes = _parameters(method)
    unknown = [f"{name}: unknown" for name in sent if name not in takes]
    required = [name for name, one in takes.items() if one.default is Parameter.empty]
    absent = [f"{name}: missing" for name in required if name not in sent]
    hints = get_type_hints(method)
    problems = [*unknown, *absent]
    for name in set(takes) & set(sent):
        problems += _misfits_of_type(hints[name], sent[name], name)
    return problems


def from_text(method: Callable[..., Any], name: str, text: str) -> Any:
    """Return a query parameter as the method's type says; as it is when it does not read so."""
    hint = str(get_type_hints(method).get(name))
    if "bool" in hint and text in ("true", "false"):
        return text == "true"
    if "int" in hint and text.lstrip("-").isdigit():
        return int(text)
    return [text] if "List" in hint else text


def _parameters(method: Callable[..., Any]) -> dict[str, Parameter]:
    takes = dict(signature(method).parameters)
    takes.pop("self")
    return takes


def _misfits_of_type(kind: Any, value: Any, where: str) -> Iterator[str]:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
        yield from _misfits_of_type(kind, value, where)
    elif kind is Any:
        return
    elif origin is list:
        yield from _each(value, list, where)
        for place, item in enumerate(value if isinstance(value, list) else ()):
            yield from _misfits_of_type(get_args(kind)[0], item, f"{where}[{place}]")
    elif origin is dict:
        yield from _each(value, dict, where)
        for name, item in value.items() if isinstance(value, dict) else ():
            yield from _misfits_of_type(get_args(kind)[1], item, f"{where}.{name}")
    elif is_dataclass(kind):
        yield from _misfits_of_fields(kind, value, where)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        if value not in {member.value for member in kind}:
            yield f"{where}: {value!r} is none of {', '.join(str(m.value) for m in kind)}"
    else:
        yield from _misfits_of_scalar(kind, value, where)


def _each(value: Any, kind: type, where: str) -> Iterator[str]:
    if not isinstance(value, kind):
        yield f"{where}: {value!r} is no {kind.__name__}"


def _misfits_of_fields(kind: Any, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no object"
        return
    hints = get_type_hints(kind)
    for name in {field.name for field in fields(kind)} & set(value):
        yield from _misfits_of_type(hints[name], value[name], f"{where}.{name}")
    try:
        kept = kind.from_dict(value).as_dict()
    except (AttributeError, TypeError, ValueError) as error:
        yield f"{where}: {error}"
    else:
        yield from (f"{text}: unknown" for text in _lost(value, kept, where))


def _misfits_of_scalar(kind: Any, value: Any, where: str) -> Iterator[str]:
    fits = isinstance(value, bool) if kind is bool else isinstance(value, SCALARS.get(kind, object))
    if not fits or (kind is not bool and isinstance(value, bool)):
        yield f"{where}: {value!r} is no {kind.__name__}"


def _lost(sent: dict[str, Any], kept: dict[str, Any], where: str) -> Iterator[str]:
    """Yield what the type did not keep; empty values it may leave out, nested ones it checks."""
    for name, value in sent.items():
        if name not in kept and value not in (None, [], {}):
            yield f"{where}.{name}"
