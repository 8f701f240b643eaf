"""The table of settings in the README, made from the models that read them: `python -m aiops.config_table` rewrites it."""

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from aiops.config import Config

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- settings: make readme -->", "<!-- end of settings -->"


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        if field.description is None:
            continue  # read by nothing that a person would set
        alias = field.validation_alias
        yield (alias if isinstance(alias, str) else f"{prefix}{name}".upper(), _default(field), field.description)


def _default(field: FieldInfo) -> str:
    given = field.default
    if given is PydanticUndefined or isinstance(given, SecretStr) or given in (None, "", ()):
        return ""
    return ", ".join(map(str, given)) if isinstance(given, tuple) else str(given)


def table() -> str:
    """Markdown: one table for what is set often, one each for an app's thresholds."""
    parts = [_markdown(_rows(Config, "AIOPS_"))]
    for name, field in Config.model_fields.items():
        if isinstance(field.default, BaseModel):
            rows = _markdown(_rows(type(field.default), f"AIOPS_{name}__"))
            parts.append(f"<details><summary>Thresholds of {name}</summary>\n\n{rows}\n</details>")
    return "\n\n".join(parts)


def _markdown(rows: Iterator[tuple[str, str, str]]) -> str:
    lines = [f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |" for name, default, meaning in rows]
    return "\n".join(["| Variable | Default | Meaning |", "|---|---|---|", *lines])


def written(readme: str) -> str:
    """`readme` with its table replaced. ValueError where the marks are missing."""
    before, _, rest = readme.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"README.md has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
