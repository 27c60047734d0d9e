"""YAML documents read strictly into frozen pydantic models, with every problem in words; files written whole.

YAML has traps for whoever writes a column named `on` or a country `NO`: here only true and false are booleans, and a
key that is written twice is an error instead of a silent loss. What a model refuses becomes a `Problem` with the
document, the path in it, the value, the rule and the nearest valid name.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError

from compmodel.errors import Problem, nearest

Model = TypeVar("Model", bound=BaseModel)
_BOOL = "tag:yaml.org,2002:bool"
_MAPPING = ("must hold keys and values", "Write its keys, indented, on the lines below.")
_LIST = ("must be a list", "Write it as [first, second].")
_NUMBER = ("must be a number", "Write it as 1.15 or 12, without % or words.")
_WHOLE = ("must be a whole number", "Write it as 12, without a point or words.")
_TRUTH = ("must be true or false", "Write true or false, without quotes.")
_WORDS = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), _MAPPING),
    **dict.fromkeys(("tuple_type", "list_type"), _LIST),
    **dict.fromkeys(("float_type", "float_parsing"), _NUMBER),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), _TRUTH),
    "finite_number": ("must be a finite number", _NUMBER[1]),
    "string_type": ("must be text", "Put it in quotes."),
    "too_short": ("has too few entries", "Add what is missing."),
    "too_long": ("has too many entries", "Delete what is too much."),
    "greater_than_equal": ("must be at least {ge:g}", "Write {ge:g} or more."),
    "greater_than": ("must be above {gt:g}", "Write more than {gt:g}."),
    "less_than_equal": ("must be at most {le:g}", "Write {le:g} or less."),
    "less_than": ("must be below {lt:g}", "Write less than {lt:g}."),
    "string_too_short": ("is too short", "Characters it needs: at least {min_length}."),
    "string_too_long": ("is too long", "Characters it may have: at most {max_length}."),
}
"""Rule and fix for what pydantic says in a programmer's words."""
_ANY = ("must be one value", "Write text, a number, a day, true or false.")
_PATTERNS = {"^([A-Z]{3}|payee)$": ("must be a currency code, or payee", "Write USD, for example.")}
_OTHER = ("is not what belongs here", "Write what the words of such files say: compmodel dictionary plans.")
_BRANCH = re.compile(r"(bool|int|float|date|str|dict|(literal|tuple|list|function)\b.*)")
"""What pydantic adds to a path where a value may be of several kinds."""


def _day(written: object) -> object:
    if isinstance(written, str):
        with suppress(ValueError):
            written = dt.date.fromisoformat(written)
    if type(written) is not dt.date:
        raise ValueError("must be a day. Write it as 2025-07-31.")
    return written


def _number(written: object) -> object:
    if isinstance(written, bool):
        raise ValueError("must be a number, not true or false. Write it as 1.15 or 12.")
    return written


def _name(written: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]*", written):
        near = re.sub("[^a-z0-9]+", "_", written.lower()).strip("_").lstrip("_0123456789") or "thirds"
        raise ValueError(f"must be small letters, digits and underscores, a letter first. Write {near}, for example.")
    return written


Day = Annotated[dt.date, BeforeValidator(_day)]
"""A day written 2025-07-31; a number is none."""
Name = Annotated[str, AfterValidator(_name)]
"""A short name that can stand in a path, such as customer_prs."""
Number = Annotated[float, BeforeValidator(_number)]
"""A number; true and false are none."""
Count = Annotated[int, BeforeValidator(_number)]
"""A whole number; true and false are none."""

SHARE: dict[str, Any] = {"lever": "share", "lower": 0.0, "upper": 1.0, "step": 0.05}
"""How far a field that is a lever may move (`json_schema_extra`): a share of 1."""
FACTOR: dict[str, Any] = {"lever": "share", "lower": 0.0, "upper": 3.0, "step": 0.05}
"""Of an attainment, payout factor or multiplier."""
AMOUNT: dict[str, Any] = {"lever": "amount"}
"""Of money: bounds and step follow the value."""
COUNT: dict[str, Any] = {"lever": "count", "lower": 1.0, "upper": 24.0, "step": 1.0}
"""Of months or periods."""
MEASURE: dict[str, Any] = {"lever": "measure"}
"""Of what is in the units of the component's value: bounds and step are the metric's, or follow the value."""


class _Loader(yaml.SafeLoader):
    """Safe YAML in which only true and false are booleans and a key is written once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"):
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} is written twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return {str(key): value for key, value in super().construct_mapping(node, deep).items()}


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != _BOOL]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


class _ExactLoader(_Loader):
    """Numbers with a decimal point keep the digits that are written: 1.10 is not 1.1."""


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
    with suppress(InvalidOperation):
        return Decimal(node.value)
    return loader.construct_yaml_float(node)


_ExactLoader.add_constructor("tag:yaml.org,2002:float", _decimal)


def nearest_path(path: Path, otherwise: str = "Check the path.") -> str:
    """Returns a hint that names what is there under a name like this one, else the other hint."""
    at = path
    with suppress(OSError):  # of a folder that may not be read, nothing is known
        while not at.parent.is_dir() and at != at.parent:
            at = at.parent
        beside = sorted(other.name for other in at.parent.iterdir() if not other.name.startswith("."))
        close = get_close_matches(at.name, beside, n=1)
        likely = at.parent / close[0] / path.relative_to(at) if close else path
        if likely != path and likely.exists():
            return f"Did you mean {str(likely)!r}?"
    return otherwise


def read_yaml(path: Path, place: str, problems: list[Problem], exact_numbers: bool = False) -> dict[str, Any]:
    """Returns the keys and values of a document, nothing for an empty one; adds what is wrong to `problems`.

    Keys are always text. `place` is the name of the document in messages. With `exact_numbers`, numbers with a decimal
    point are decimals of the digits written.
    """
    try:
        loader = _ExactLoader if exact_numbers else _Loader
        written = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        problems.append(Problem(place, f"must be valid YAML: {error.problem}", "Correct this line.", row=line))
    except (yaml.YAMLError, UnicodeDecodeError):
        problems.append(Problem(place, "must be text in UTF-8", "Save it as plain text."))
    except OSError as error:
        fix = nearest_path(path, "Check its name and rights.")
        problems.append(Problem(place, f"cannot be read: {error.strerror or error}", fix))
    except (ValueError, RecursionError) as error:  # a date such as 2025-02-30, or nesting without end
        problems.append(Problem(place, f"must be valid YAML: {error}", "Correct it."))
    else:
        if isinstance(written, dict):
            return written
        if written is not None:
            problems.append(Problem(place, "must hold keys and values", "Write lines such as title: Our company."))
    return {}


def parsed_model(written: object, model: type[Model], place: str, problems: list[Problem]) -> Model | None:
    """Returns the model, or None after adding each of its refusals to `problems`."""
    try:
        return model.model_validate(written)
    except ValidationError as error:
        refused = error.errors()
        paths = [found["loc"] for found in refused]
        inner = {path[:n] for path in paths for n in range(1, len(path))}  # a part refused leaves the whole too short
        seen: dict[tuple[str, str], Problem] = {}
        for found in refused:
            if found["loc"] not in inner:
                path, branch = _path(found["loc"], written)
                key = (path, "" if branch else found["type"])  # of several kinds that a value may be of, one is said
                value = "" if found["type"] in ("missing", "extra_forbidden") else _shown(found["input"])
                seen.setdefault(key, Problem(place, *_said(found, model, branch), path, value=value))
        deeper = tuple(path for path, _ in seen)
        problems += [
            problem for (path, kind), problem in seen.items() if kind or not any(_is_in(path, of) for of in deeper)
        ]
        return None


def _path(loc: Sequence[str | int], written: object) -> tuple[str, str]:
    """The path in the document, and which of several kinds of value it was read as."""
    at: Any = written
    path = branch = ""
    for step in loc:
        if (isinstance(at, dict) and step in at) or (isinstance(at, list) and isinstance(step, int) and step < len(at)):
            at = at[step]  # type: ignore[index]
        elif isinstance(at, dict) and at.get("kind") == step:
            continue
        elif _BRANCH.fullmatch(str(step)):
            branch = str(step)
            continue
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.lstrip("."), branch


def _is_in(whole: str, path: str) -> bool:
    """Whether a path leads further into another: what is wrong there says more."""
    return path.startswith((f"{whole}[", f"{whole}."))


def _shown(value: object) -> str:
    return "" if isinstance(value, dict | list | tuple) or value is None else str(value)


def _said(found: Any, model: type[BaseModel], branch: str) -> tuple[str, str]:
    """Rule and fix, in our words."""
    kind, loc, of = found["type"], found["loc"], found.get("ctx", {})
    if branch == "bool":
        return _ANY
    if kind == "extra_forbidden":
        return "is not a known key", nearest(str(loc[-1]), _known_keys(model, loc[:-1]))
    if kind == "missing":
        return "is missing", "Write it; it is never guessed."
    if kind == "union_tag_not_found":
        return f"has no {of['discriminator'].strip(chr(39))}", "Write it; it is never guessed."
    if kind in ("literal_error", "union_tag_invalid"):
        options = re.findall(r"'([^']*)'", of.get("expected") or of["expected_tags"])
        tag = of.get("tag", _shown(found["input"]))
        rule = f"must be one of {', '.join(options)}"
        return (rule if "tag" not in of else f"has kind {tag!r}, which {rule}"), nearest(tag, options)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(of["pattern"], _OTHER)
    if kind in _WORDS:
        rule, fix = _WORDS[kind]
        return rule.format(**of), fix.format(**of)
    if kind == "value_error":
        rule, _, fix = str(of["error"]).partition(". ")
        return rule[:1].lower() + rule[1:], fix or "Correct it."
    return _OTHER


def _known_keys(model: type[BaseModel], loc: Sequence[str | int]) -> Iterable[str]:
    """Keys of the model that the path leads to; steps into lists and mappings keep to their items' model."""
    at = [model]
    for step in loc:
        fields = [found.model_fields[step].annotation for found in at if str(step) in found.model_fields]  # type: ignore[index]
        at = [inner for annotation in fields for inner in _models(annotation)] if fields else at
    return sorted({name for found in at for name in found.model_fields})


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [inner for argument in get_args(annotation) for inner in _models(argument)]


def key_table(model: type[BaseModel], without: Collection[str] = ()) -> str:
    """Returns the keys of a model as a table in Markdown: key, what it is without being written, meaning."""
    return "\n".join(["| key | without it | meaning |", "|---|---|---|", *_key_rows(model, without)])


def _key_rows(model: type[BaseModel], without: Collection[str], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name in without:
            continue
        if isinstance(field.default, BaseModel):
            yield from _key_rows(type(field.default), without, f"{name}.")
        else:
            is_nothing = field.default in (None, "", (), {})
            default = "(must be there)" if field.is_required() else "" if is_nothing else f"`{_default(field.default)}`"
            words = " or ".join(f"`{word}`" for word in dict.fromkeys(_words(field.annotation)))
            yield f"| `{above}{name}` | {default} | {field.description}{words and f' Write {words}.'} |"


def _default(value: object) -> object:
    """A default as it would be written."""
    if isinstance(value, tuple):
        return ", ".join(str(_default(part)) for part in value)
    return value.model_dump() if isinstance(value, BaseModel) else value


def _words(annotation: object) -> list[str]:
    parts = get_args(annotation)
    return [word for part in parts for word in ([part] if isinstance(part, str) else _words(part))]


def write_beside(path: Path, content: bytes) -> None:
    """Writes a file beside its place and renames it, so a stop leaves the old one whole."""
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
