"""What a column holds as a whole, and nothing of any record: how full it is, how long, in which characters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CLASSES = ("digit", "latin", "sign", "kana", "kanji", "width", "beyond", "other")
"""Of characters, told apart by the first byte of their UTF-8: ASCII digits, letters and the rest; U+3000-U+3FFF (kana and
their marks); U+4000-U+9FFF; U+F000-U+FFFF (full-width and half-width forms, U+E000-U+EFFF as well); beyond the first
plane (rare kanji, variation selectors, codes without a character); all else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column of one side, canonical.

    Attributes:
        rows: Records looked at.
        values: Of them, those that have a value.
        characters: How many characters of each of CLASSES all values have together.
        one: The first value: in memory only, to find a column that holds nothing else.
        varies: Whether there is another value.
    """

    rows: int = 0
    values: int = 0
    characters: tuple[int, ...] = (0,) * len(CLASSES)
    one: str | None = field(default=None, repr=False)
    varies: bool = False

    @property
    def constant(self) -> bool:
        """Whether all records say the same, or nothing."""
        return not self.values or (self.values == self.rows and not self.varies)

    def joined(self, other: ColumnProfile) -> ColumnProfile:
        """The same of both rows together."""
        known = [profile.one for profile in (self, other) if profile.values]
        return ColumnProfile(
            rows=self.rows + other.rows,
            values=self.values + other.values,
            characters=tuple(map(sum, zip(self.characters, other.characters, strict=True))),
            one=known[0] if known else None,
            varies=self.varies or other.varies or len(set(known)) > 1,
        )

    @property
    def told(self) -> dict[str, object]:
        """What may be kept of it: `rows`, `values`, `length` (mean, in characters), `characters` (class -> share)."""
        characters = sum(self.characters)
        return {
            "rows": self.rows,
            "values": self.values,
            "length": round(characters / self.values, 3) if self.values else 0.0,
            "characters": {
                name: round(count / characters, 4)
                for name, count in zip(CLASSES, self.characters, strict=True)
                if count
            },
        }


def join_columns(parts: Mapping[str, ColumnProfile], more: Mapping[str, ColumnProfile]) -> dict[str, ColumnProfile]:
    """Column by column."""
    return {name: parts.get(name, ColumnProfile()).joined(profile) for name, profile in more.items()} or dict(parts)
