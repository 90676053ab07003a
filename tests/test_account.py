"""Where every row goes: counts of the balance from their own places, and what refused rows take with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext

import polars as pl
import pytest

from reconcile.account import DOUBTFUL, SECOND, SHARED, Checks, Found, account
from reconcile.model import REJECTS, ROW, ColumnProfile, Side
from tests.contrary import contrary


@pytest.fixture(autouse=True, params=["usual", "contrary"])
def _polars(request: pytest.FixtureRequest) -> Iterator[None]:
    """Rows stand in the order that is promised, also where polars keeps none but what it promises."""
    with contrary() if request.param == "contrary" else nullcontext():
        yield


L, R = Side.LEFT, Side.RIGHT
KEYED = pl.Schema([*REJECTS.items(), ("k0", pl.String())])


def noted(*rows: tuple[int, str | None, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, REJECTS, orient="row")


def keyed(*rows: tuple[int, str | None, str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, KEYED, orient="row")


def only(*rows: tuple[str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, {"k0": pl.String, ROW: pl.UInt32}, orient="row")


REPEATED = pl.DataFrame(
    {"left_over": [2, 1], "right_over": [5, 0], "left_beside": [1, 3], "right_beside": [0, 7]},
    schema=dict.fromkeys(("left_over", "right_over", "left_beside", "right_beside"), pl.UInt32),
)
VALUES = pl.DataFrame(
    [(1, 11, "name", False), (2, 12, "name", True), (3, 13, "kana", False)],
    schema={"left_row": pl.UInt32, "right_row": pl.UInt32, "field": pl.Categorical, "equal": pl.Boolean},
    orient="row",
)


def found(only_of: Mapping[Side, pl.DataFrame] | None = None, repeated: pl.DataFrame = REPEATED) -> Found:
    return Found(
        only=only_of or {L: only(), R: only()},
        repeated=repeated,
        values=VALUES,
        swapped=pl.DataFrame(),
        matched=40,
        mismatched=2,
    )


def checks(rejects: pl.DataFrame | None = None, notices: pl.DataFrame | None = None) -> Checks:
    return Checks(
        rejects=keyed() if rejects is None else rejects,
        notices=keyed() if notices is None else notices,
    )


ROWS = {L: 101, R: 102}
RECORDS = {L: 201, R: 202}
OUTSIDE = {L: 30, R: 50}


# ------------------------------------------------------------------------------------------------------- the balance


def test_each_count_of_a_side_comes_from_its_own_place() -> None:
    of = {L: checks(keyed((1, None, "null_key", None), (2, "name", "undecodable", "9"), (2, "kana", "undecodable", "9"))),
          R: checks()}  # fmt: skip
    _, balance = account(RECORDS, ROWS, of, found({L: only(("5", 5)), R: only(("6", 6), ("7", 7))}), OUTSIDE)

    left, right = balance[L], balance[R]
    assert (left.records, left.rows, right.records, right.rows) == (201, 101, 202, 102)
    assert (left.out_of_scope, right.out_of_scope) == (30 + 4, 50 + 7)  # closed rows that stand beside open ones
    assert (left.rejected, right.rejected) == (2, 0)  # rows, not reasons
    assert (left.duplicate, right.duplicate) == (3, 5)
    assert (left.matched, left.mismatched) == (right.matched, right.mismatched) == (40, 2)
    assert (left.only, right.only) == (1, 2)


def test_the_counterpart_of_a_refused_row_is_rejected_with_it_and_not_only_there() -> None:
    of = {L: checks(keyed((1, "name", "undecodable", "7"), (1, "kana", "undecodable", "7"))), R: checks()}
    material, balance = account(RECORDS, ROWS, of, found({L: only(("5", 5)), R: only(("7", 7), ("6", 6))}), OUTSIDE)

    assert material.counterparts[R].rows() == [("7", 7)]
    assert material.counterparts[R].columns == ["k0", ROW]
    assert material.counterparts[L].is_empty()
    assert material.only[R].rows() == [("6", 6)]
    assert material.only[L].rows() == [("5", 5)]
    assert (balance[L].rejected, balance[R].rejected) == (1, 1)
    assert (balance[L].only, balance[R].only) == (1, 1)


def test_a_refused_row_without_a_key_takes_nobody_with_it() -> None:
    """Two nulls are not one person: neither a null key of the other side, nor half of a composite one."""
    nobody = pl.DataFrame([(None, 7)], {"k0": pl.String, ROW: pl.UInt32}, orient="row")
    of = {L: checks(keyed((1, None, "null_key", None))), R: checks()}
    material, balance = account(RECORDS, ROWS, of, found({L: only(), R: nobody}), OUTSIDE)
    assert material.counterparts[R].is_empty()
    assert (balance[R].rejected, balance[R].only) == (0, 1)


def test_a_composite_key_must_be_the_same_in_every_part() -> None:
    def two(*rows: tuple[str, str, int]) -> pl.DataFrame:
        return pl.DataFrame(rows, {"k0": pl.String, "k1": pl.String, ROW: pl.UInt32}, orient="row")

    refused = keyed((1, None, "undecodable", "7")).with_columns(k1=pl.lit("a"))
    none = refused.clear()
    of = {L: checks(refused, none), R: checks(none, none)}
    material, _ = account(
        RECORDS, ROWS, of, found({L: two(), R: two(("7", "b", 70), ("7", "a", 71), ("6", "a", 60))}), OUTSIDE
    )
    assert material.counterparts[R].rows() == [("7", "a", 71)]
    assert material.only[R].rows() == [("7", "b", 70), ("6", "a", 60)]


def test_material_is_what_the_checks_and_the_comparison_found() -> None:
    refused = keyed((3, "name", "undecodable", "9"))
    where = found()
    material, _ = account(RECORDS, ROWS, {L: checks(refused), R: checks()}, where, OUTSIDE)
    assert material.rejects[L].equals(refused)
    assert material.rejects[R].is_empty()
    assert material.values.equals(where.values)
    assert material.repeated.equals(where.repeated)
    assert material.swapped is where.swapped
    assert all(one.is_empty() and one.schema == KEYED for one in material.notices.values())


# ------------------------------------------------------------------------------------------------------- the notices


def test_a_doubtful_character_is_told_once_where_its_value_is_a_finding_already() -> None:
    left = keyed(
        (9, "name", DOUBTFUL, "a"),  # another row
        (1, "name", DOUBTFUL, "a"),  # a difference: told by itself
        (1, "kana", DOUBTFUL, "a"),  # another field of that row
        (1, "name", SHARED, "a"),  # another matter
        (2, "name", DOUBTFUL, "b"),  # equal: only the notice tells it
        (3, "kana", DOUBTFUL, "c"),
    )
    right = keyed((1, "name", DOUBTFUL, "a"), (11, "name", DOUBTFUL, "a"), (12, "name", DOUBTFUL, "b"))
    material, _ = account(RECORDS, ROWS, {L: checks(None, left), R: checks(None, right)}, found(), OUTSIDE)

    assert material.notices[L].select(ROW, "field", "check").rows() == [
        (9, "name", DOUBTFUL),
        (1, "kana", DOUBTFUL),
        (1, "name", SHARED),
        (2, "name", DOUBTFUL),
    ]
    assert material.notices[R][ROW].to_list() == [1, 12]  # record numbers of its own side


# -------------------------------------------------------------------------------------------------------- the checks


def test_the_checks_of_batches_are_joined_in_their_order() -> None:
    def batch(row: int) -> Checks:
        return Checks(
            rejects=noted((row, "name", "undecodable")),
            notices=noted((row + 1, "kana", DOUBTFUL)),
            second=pl.DataFrame({ROW: [row], "_second": [row * 100]}, schema=SECOND),
            columns={"name": ColumnProfile(rows=row, values=1)},
        )

    merged = Checks.merge([batch(5), batch(3)])
    assert merged.rejects[ROW].to_list() == [5, 3]
    assert merged.notices[ROW].to_list() == [6, 4]
    assert merged.second.rows() == [(5, 500), (3, 300)]
    assert (merged.columns["name"].rows, merged.columns["name"].values) == (8, 2)


def test_a_side_without_batches_has_no_checks_and_every_column() -> None:
    merged = Checks.merge([])
    assert (merged.rejects.schema, merged.notices.schema, merged.second.schema) == (REJECTS, REJECTS, SECOND)
    assert merged.rejects.height == merged.notices.height == merged.second.height == len(merged.columns) == 0


class Register:
    """The source, asked for keys by record numbers: once, in order, each number once."""

    def __init__(self, keys: Mapping[int, tuple[str | None, str | None]]) -> None:
        self.keys = keys
        self.asked: list[list[int]] = []

    def __call__(self, rows: pl.Series) -> pl.DataFrame:
        self.asked.append(rows.to_list())
        known = [(row, *self.keys[row]) for row in rows]
        return pl.DataFrame(known, {ROW: pl.UInt32, "k0": pl.String, "_second": pl.String}, orient="row")


def second(*rows: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, SECOND, orient="row")


def test_every_reject_and_notice_gets_its_key_in_its_own_order() -> None:
    register = Register({7: ("g", None), 4: ("d", None), 2: (None, None)})
    of = Checks(rejects=noted((7, "name", "undecodable"), (2, None, "null_key"), (7, "kana", "undecodable")),
                notices=noted((4, "name", DOUBTFUL), (2, "name", DOUBTFUL)))  # fmt: skip
    known = of.with_keys(register, "my_number")

    assert register.asked == [[2, 4, 7]]
    assert known.rejects.select(ROW, "k0").rows() == [(7, "g"), (2, None), (7, "g")]
    assert known.notices.select(ROW, "k0").rows() == [(4, "d"), (2, None)]
    assert known.rejects.columns == known.notices.columns == [*REJECTS, "k0"]  # the second key's text stays behind


@pytest.mark.parametrize(("keys", "shared"), [
    ({1: ("a", "S"), 2: ("b", "S"), 3: ("c", "T")}, [1, 2]),  # two people with one number
    ({1: ("a", "S"), 2: ("a", "S"), 3: ("c", "T")}, []),  # one record twice: repeated, not shared
    ({1: ("a", "S"), 2: ("b", "T"), 3: ("c", "T")}, []),  # the same hash by chance, the numbers differ
])  # fmt: skip
def test_a_second_key_that_two_keys_have_is_noticed_on_each_row(
    keys: Mapping[int, tuple[str, str]], shared: Sequence[int]
) -> None:
    register = Register(keys)
    known = Checks(rejects=noted(), second=second((1, 500), (2, 500), (3, 900))).with_keys(register, "my_number")

    assert register.asked == [[1, 2]]  # a number that stands once is not looked at
    assert known.notices.select(ROW, "field", "check").rows() == [(row, "my_number", SHARED) for row in shared]
    assert known.notices["k0"].to_list() == [keys[row][0] for row in shared]
    assert known.rejects.is_empty()


def test_a_row_that_is_asked_for_another_reason_shares_nothing() -> None:
    """Its number was read too, and equals another's only where the hashes do."""
    register = Register({1: ("a", "S"), 2: ("b", "S")})
    known = Checks(rejects=noted((1, "name", "undecodable"), (2, "name", "undecodable"))).with_keys(register, "n")
    assert known.notices.is_empty()
    assert known.rejects["k0"].to_list() == ["a", "b"]


def test_the_names_by_which_the_taxonomy_knows_a_notice() -> None:
    """`reconcile/classify` reads them from the notices."""
    assert (DOUBTFUL, SHARED) == ("doubtful", "shared")


def test_a_row_that_the_source_cannot_find_again_stays_refused() -> None:
    """Its key is unknown; the row still counts."""
    register = Register({})
    nothing = Checks(
        rejects=noted((7, "name", "undecodable")),
        notices=noted((8, "name", DOUBTFUL)),
    ).with_keys(lambda _rows: register(pl.Series([], dtype=pl.UInt32)), "my_number")
    assert nothing.rejects.select(ROW, "k0").rows() == [(7, None)]
    assert nothing.notices.select(ROW, "k0").rows() == [(8, None)]


def test_a_row_refused_twice_takes_its_counterpart_along_once() -> None:
    of = {L: checks(keyed((1, "name", "undecodable", "7"), (2, "name", "undecodable", "7"))), R: checks()}
    material, balance = account(RECORDS, ROWS, of, found({L: only(), R: only(("7", 7), ("8", 8))}), OUTSIDE)
    assert (material.counterparts[R].rows(), balance[R].only) == ([("7", 7)], 1)


def test_counterparts_stand_in_the_order_of_their_side() -> None:
    of = {L: checks(keyed(*((row, "name", "undecodable", key) for row, key in enumerate("abc", 1)))), R: checks()}
    material, _ = account(
        RECORDS, ROWS, of, found({L: only(), R: only(("c", 7), ("x", 8), ("a", 9), ("b", 10))}), OUTSIDE
    )
    assert material.counterparts[R].rows() == [("c", 7), ("a", 9), ("b", 10)]


def test_nothing_to_ask_still_gives_the_key_s_columns() -> None:
    register = Register({})
    known = Checks(rejects=noted()).with_keys(register, "my_number")
    assert register.asked == [[]]
    assert known.rejects.columns == known.notices.columns == [*REJECTS, "k0"]
