"""What an entry of the log may hold: a list of names, each with the form of its value. Nothing else is written.

Counts, digests of files, codes, pseudonyms, staff roles. Never a resident: no name, no address, no number. `purpose` is
the one free text, because the law asks why a record was looked at; it names a task or a document, and a number of seven
digits or more (住民票コード, 個人番号, a telephone number) is refused, whatever their width, also in groups from ten on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reconcile.errors import ConfigError, DeclarationError

Detail = str | int | Sequence[str]
Details = dict[str, str | int | list[str]]

EVENTS = frozenset(
    """run_started inputs_accepted run_decided run_published run_failed torn_entry_removed
    viewed exported refused decision_imported retention_marked retention_deleted config_changed
    site_key_rotated closure_asked closed_by_hand""".split()
)
"""Everything that is ever recorded. An event that is not listed is a fault of ours."""

_WORD = r"[a-z][a-z0-9_]{0,31}"
_DIGEST = r"[0-9a-f]{64}"
_RUN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_SAID = r"(?!.*(\d{7}|(\d[ 　\-‐－ー・]?){10}))[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
_TEXTS: Mapping[str, str] = {
    "run_id": _RUN,
    "runs": _RUN,
    "verdict": _WORD,
    "code": r"E_[A-Z_]{1,30}( [A-Za-z_][A-Za-z0-9_]{0,79})?",  # with the name of an exception's class
    "outcome": _WORD,
    "reason": _WORD,
    "format": _WORD,
    "formats": _WORD,
    "role": _WORD,
    "operator": _SAID + r"{1,64}",
    "approver": _SAID + r"{1,64}",
    "purpose": _SAID + r"{1,200}",
    # HMAC under the site key: base32 with the key's id (`reliability.md` §5.2), or hexadecimal.
    "pseudonym": r"k[0-9]{1,6}:[a-z2-7]{26}|[0-9a-f]{32,64}",
    "finding_id": r"[0-9a-f]{32,64}",
    **dict.fromkeys(("site_key_id", "old_key_id", "new_key_id"), r"[0-9a-f]{32}"),
    "as_of": r"\d{4}-\d{2}-\d{2}",
    **dict.fromkeys(
        (
            "manifest_sha256",
            "left_sha256",
            "right_sha256",
            "config_sha256",
            "file_sha256",
            "removed_sha256",
            "ledger_sha256",
            "settings_sha256",
        ),
        _DIGEST,
    ),
}
_COUNTS = frozenset(
    """left_records right_records findings files days removed_bytes decisions new open changed resolved reappeared
    planned matched mismatched relinked left_open left_resolved""".split()
)


def checked(event: str, details: Mapping[str, Detail]) -> Details:
    """The details of an entry, after each has been checked against the list.

    Raises:
        DeclarationError: The event or a name is not in the list.
        ConfigError: A value does not have the form of its name. The text does not show the value.
    """
    if event not in EVENTS:
        raise DeclarationError(f"evidence event {event!r}", "is not in the list of events")
    return {name: _checked(name, value) for name, value in details.items()}


def _checked(name: str, value: Detail) -> str | int | list[str]:
    if name in _COUNTS:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise DeclarationError(f"evidence.{name}", "expected a count")
        return value
    if name not in _TEXTS:
        raise DeclarationError(f"evidence.{name}", "is not in the list of what may be recorded")
    if isinstance(value, int):
        raise DeclarationError(f"evidence.{name}", "expected a text")
    for one in (value,) if isinstance(value, str) else value:
        if re.fullmatch(_TEXTS[name], one) is None:
            hint = "name the task or the document, no number of a person" if name == "purpose" else ""
            raise ConfigError(name, "got a text that may not stand in the evidence", hint=hint)
    return value if isinstance(value, str) else list(value)
