"""Two listings held against each other: every kind of difference, and what holds for all listings."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import comparing
from evidence.comparing import Alike, Kind, NoMatch, Settings, compare
from evidence.listings import Listing

BY_ID = Settings(keys=(("id", "id"),))
WITH_VALUE = Settings(keys=(("id", "id"),), compared=(("value", "value"),))


def listing(*rows: tuple[str, ...], columns: tuple[str, ...] = ("id", "value")) -> Listing:
    return Listing(columns, rows)


def kinds(first: Listing, second: Listing, how: Settings) -> list[tuple[str, str, int | None, int | None]]:
    return [
        (one.kind.value, one.key, one.first_row, one.second_row) for one in compare(first, second, how).differences
    ]


def test_what_stands_only_in_one_and_what_differs() -> None:
    first = listing(("a", "1"), ("b", "2"), ("c", "3"))
    second = listing(("d", "4"), ("c", "9"), ("a", "1"))
    found = compare(first, second, WITH_VALUE)
    assert found.matched == 1
    assert kinds(first, second, WITH_VALUE) == [
        ("only_first", "b", 2, None),
        ("unequal", "c", 3, 2),
        ("only_second", "d", None, 1),
    ]
    unequal = found.differences[1]
    assert (unequal.unequal, unequal.first["value"], unequal.second["value"]) == (("value",), "3", "9")


@pytest.mark.parametrize(
    ("one", "other", "rules"),
    [
        ("Ada@Example.com", "ada@example.com", {Alike.CASE}),
        ("Ada  Frost", "Ada Frost", {Alike.SPACES}),
        ("ada@hr.example", "ada@idp.example", {Alike.MAIL}),
        ("0312", "312", {Alike.ZEROS}),
        ("CHG-0009", "chg-9", {Alike.CASE, Alike.ZEROS}),
    ],
)
def test_what_counts_as_the_same_key(one: str, other: str, rules: set[Alike]) -> None:
    first, second = listing((one, "")), listing((other, ""))
    how = Settings(keys=(("id", "id"),), alike=frozenset(rules))
    assert compare(first, second, how).differences == []
    assert len(compare(first, second, Settings(keys=(("id", "id"),), alike=frozenset())).differences) == 2


def test_zeros_and_mail_are_left_out_of_keys_only() -> None:
    how = Settings(keys=(("id", "id"),), compared=(("value", "value"),), alike=frozenset(Alike))
    assert kinds(listing(("1", "007")), listing(("01", "7")), how) == [("unequal", "1", 1, 1)]
    assert kinds(listing(("1", "a@x")), listing(("1", "a@y")), how) == [("unequal", "1", 1, 1)]
    assert kinds(listing(("1", "A  b")), listing(("1", "a B")), how) == []


def test_a_key_that_stands_twice_where_each_should_stand_once() -> None:
    first, second = listing(("a", "1"), ("a", "1"), ("b", "2")), listing(("a", "1"), ("b", "2"), ("b", "2"))
    assert kinds(first, second, BY_ID) == [("repeated", "a", 2, None), ("repeated", "b", None, 3)]


def test_many_rows_may_belong_to_one() -> None:
    laptops = Listing(("tag", "owner"), (("L1", "ada"), ("L2", "ada"), ("L3", "ben")))
    people = Listing(("login",), (("ada",), ("cem",)))
    how = Settings(keys=(("owner", "login"),), each_once=False)
    assert kinds(laptops, people, how) == [("only_first", "ben", 3, None), ("only_second", "cem", None, 2)]


def test_many_to_many_rows_are_compared_as_a_whole() -> None:
    how = Settings(keys=(("id", "id"),), compared=(("value", "value"),), each_once=False)
    first, second = listing(("a", "1"), ("a", "2")), listing(("a", "2"), ("a", "3"))
    assert kinds(first, second, how) == [("unequal", "a", 1, 1), ("unequal", "a", 1, 2)]
    assert kinds(first, listing(("a", "2"), ("a", "1")), how) == []


def test_one_way_leaves_out_what_stands_only_in_the_second() -> None:
    first, second = listing(("a", "1")), listing(("a", "1"), ("svc", "x"), ("svc", "x"), ("", "y"))
    how = Settings(keys=(("id", "id"),), one_way=True)
    assert kinds(first, second, how) == []
    assert kinds(second, first, how) == [
        ("repeated", "svc", 3, None),
        ("only_first", "svc", 2, None),
        ("only_first", "svc", 3, None),
        ("no_key", "", 4, None),
    ]


def test_rows_without_a_key_are_differences_of_their_own() -> None:
    assert kinds(listing(("", "1")), listing(("", "1")), BY_ID) == [
        ("no_key", "", 1, None),
        ("no_key", "", None, 1),
    ]


def test_several_columns_make_the_key() -> None:
    how = Settings(keys=(("user", "user"), ("system", "app")))
    first = Listing(("user", "system"), (("ada", "crm"), ("ada", "erp")))
    second = Listing(("user", "app"), (("ada", "crm"),))
    assert kinds(first, second, how) == [("only_first", "ada / erp", 2, None)]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (Settings(keys=()), "name the same thing"),
        (Settings(keys=(("id", "id"),) * 4), "name the same thing"),
        (Settings(keys=(("nope", "id"),)), "first listing has no column 'nope'"),
        (Settings(keys=(("id", "id"),), compared=(("id", "nope"),)), "second listing has no column 'nope'"),
    ],
)
def test_settings_that_do_not_fit(how: Settings, words: str) -> None:
    with pytest.raises(NoMatch, match=words):
        compare(listing(("a", "1")), listing(("a", "1")), how)


def test_columns_that_name_different_things_are_refused_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MAX_DIFFERENCES", 10)
    first = listing(*((f"a{n}", "") for n in range(9)))
    second = listing(*((f"b{n}", "") for n in range(9)))
    with pytest.raises(NoMatch, match="'a0', of the other 'b0'"):
        compare(first, second, BY_ID)


@pytest.mark.drill
def test_a_hundred_thousand_rows_take_seconds() -> None:
    first = listing(*((f"k{n}", str(n % 7)) for n in range(100_000)))
    second = listing(*((f"K{n}", str(n % 7)) for n in range(99_900)))
    start = time.process_time()
    assert len(compare(first, second, WITH_VALUE).differences) == 100
    assert time.process_time() - start < 10


def test_columns_are_guessed_from_what_they_hold() -> None:
    roster = Listing(
        ("no", "name", "mail", "department"),
        tuple((str(n), f"Person {n}", f"p{n}@x.example", "Sales") for n in range(50)),
    )
    accounts = Listing(
        ("login", "Department", "display name"),
        tuple((f"P{n}@x.example", "Sales", f"Person {n}") for n in range(50)),
    )
    keys = comparing.guess_keys(roster, accounts, ("mail", "login"))
    assert keys == (("mail", "login"),)
    assert comparing.guess_compared(roster, accounts, keys) == (("department", "Department"),)
    assert comparing.guess_keys(listing(), listing()) == ()


def test_the_key_of_a_population_is_guessed_before_other_columns() -> None:
    leavers = Listing(("Name", "Employee"), tuple((f"Person {n}", f"0{n}") for n in range(30)))
    users = Listing(("Name", "Employee"), tuple((f"Person {n}", f"0{n + (n > 27)}") for n in range(30)))
    assert comparing.guess_keys(leavers, users) == (("Name", "Name"),)
    assert comparing.guess_keys(leavers, users, known=("Employee", "")) == (("Employee", "Employee"),)


ROWS = st.lists(st.tuples(st.sampled_from("abcdeABC "), st.sampled_from("12")), max_size=12)


def cleaned(rows: list[tuple[str, str]]) -> Listing:
    return listing(*((key.strip(), value) for key, value in rows))


@settings(max_examples=120, deadline=None)
@given(ROWS, st.booleans())
def test_a_listing_agrees_with_itself_but_for_its_own_faults(rows: list[tuple[str, str]], each_once: bool) -> None:
    how = Settings(keys=(("id", "id"),), compared=(("value", "value"),), each_once=each_once)
    found = compare(cleaned(rows), cleaned(rows), how)
    allowed = {Kind.REPEATED, Kind.NO_KEY} | ({Kind.UNEQUAL} if each_once else set())
    assert {one.kind for one in found.differences} <= allowed | {Kind.UNEQUAL}
    if not each_once:
        assert all(one.kind == Kind.NO_KEY for one in found.differences)


@settings(max_examples=120, deadline=None)
@given(ROWS, ROWS)
def test_every_row_is_accounted_for_and_both_ways_agree(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    first, second = cleaned(one), cleaned(other)
    found = compare(first, second, BY_ID)
    back = compare(second, first, BY_ID)
    mirrored = {Kind.ONLY_FIRST: Kind.ONLY_SECOND, Kind.ONLY_SECOND: Kind.ONLY_FIRST}
    assert Counter((mirrored.get(d.kind, d.kind), d.second_row, d.first_row) for d in back.differences) == Counter(
        (d.kind, d.first_row, d.second_row) for d in found.differences
    )
    assert back.matched == found.matched
    here = {cell.casefold() for cell in first.column("id")} - {""}
    there = {cell.casefold() for cell in second.column("id")} - {""}
    assert {d.key.casefold() for d in found.differences if d.kind == Kind.ONLY_FIRST} == here - there
    assert {d.key.casefold() for d in found.differences if d.kind == Kind.ONLY_SECOND} == there - here
