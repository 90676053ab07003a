"""Which Japanese fonts a paper can be set in: the system's if it has good ones, else the one that comes with us.

No single font draws every variant of a name (`reference/ecosystem.md` §3.3), and Typst draws the base glyph without a
word where a font lacks the variant. The council paper shows counts only, so one complete Japanese font is enough;
`doctor` says which one it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from reconcile.errors import ConfigError

if TYPE_CHECKING:
    import typst

PREFERRED = ("Noto Sans CJK JP", "Noto Serif CJK JP", "IPAmjMincho")
"""Font families of the system, best for a printed table first."""

BUNDLED = "IPAexGothic"
"""The family in the wheel `matplotlib-fontja` (IPA Font License)."""

ONE_WEIGHT = frozenset(("IPAmjMincho", BUNDLED))
"""Families without a bold."""

_WHEEL = "matplotlib_fontja"
_HINT = "pip install 'reconcile[pdf]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The fonts of this machine.

    Attributes:
        families: Those of `PREFERRED` and `BUNDLED` that are here, in order of use; at least one.
        fonts: Typst's view of all fonts of the machine, to be given to the compiler.
    """

    families: tuple[str, ...]
    fonts: typst.Fonts

    def describe(self) -> str:
        """For people: what will be used, and whether it is the system's."""
        chosen = self.families[0]
        return f"{chosen} ({'the wheel matplotlib-fontja' if chosen == BUNDLED else 'the system'})"


def find(*, system: bool = True) -> Found:
    """Look for Japanese fonts on the system and in the wheel.

    Args:
        system: Whether to look at the system's fonts at all. Without, the same paper has the same bytes on every
            machine that has the same wheels.

    Raises:
        ConfigError: The extra `pdf` is not installed, or there is no Japanese font.
    """
    try:
        import typst  # noqa: PLC0415  an extra
    except ModuleNotFoundError:
        raise ConfigError("council.pdf", "the package typst is missing", hint=_HINT, code="E_NO_TYPST") from None
    fonts = typst.Fonts(include_system_fonts=system, font_paths=_bundled())
    here = set(fonts.families())
    families = tuple(family for family in (*PREFERRED, BUNDLED) if family in here)
    if not families:
        raise ConfigError("council.pdf", "no Japanese font was found", hint=_HINT, code="E_NO_FONT")
    return Found(families=families, fonts=fonts)


def _bundled() -> list[Path]:
    """The folder with the wheel's font, found without importing the package: that would import matplotlib."""
    spec = find_spec(_WHEEL)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    return [Path(folder) / "fonts" for folder in folders]
