"""A public library: branches, authors, books, members, loans and events."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    fake,
    key,
    listed,
    money,
    named,
    number,
    ref,
    year,
)

BRANCH_NAMES = """Central Library, Northgate, Eastfield, Mill Road, Riverside, Hillcrest,
    Old Town, University Quarter, Station Square, Lakeside, Parkview, Southbank, Westbury,
    Market Hall, Greenwood, Harbour, Meadow Lane, Castle Street, Airport Road, Orchard Park,
    Docklands, Bellevue"""

BRANCHES = DomainTable(
    name="branches",
    singular=("branch", "library branch"),
    plural=("branches", "library branches"),
    rows=20,
    columns=(
        key("id", "branch number, branch id"),
        named("name", "branch name, name", BRANCH_NAMES),
        category("district", "city district, part of town", "north, south, east, west, centre"),
        number(
            "floor_area",
            "floor space, size",
            180,
            9200,
            ("largest", "smallest"),
            unit="square metres",
        ),
        year("opened", "year of opening, opening year", 1898, 2021, ("newest", "oldest")),
        money(
            "yearly_budget",
            "budget, yearly grant",
            60000,
            2800000,
            ("best funded", "worst funded"),
            decimals=0,
            nulls=0.05,
        ),
    ),
)

AUTHORS = DomainTable(
    name="authors",
    singular=("author", "writer"),
    plural=("authors", "writers"),
    rows=40,
    columns=(
        key("id", "author number, author id"),
        named("name", "full name, author name", Fake("name", unique=True)),
        year("birth_year", "year of birth, birth year", 1870, 1996, ("youngest", "oldest")),
        category(
            "country",
            "home country, country of origin",
            "Ireland, Argentina, Egypt, South Korea, United States, Sweden, Ghana",
        ),
        category(
            "language",
            "writing language, original language",
            "English, Spanish, Arabic, Korean, Swedish, French",
        ),
        fake("pen_name", "pseudonym, literary name", "first_name", nulls=0.55),
    ),
)

BOOK_NAME_STARTS = """The Silent, A Borrowed, The Last, Beneath the, The Paper, An Ordinary,
    The Salt, Winter of the"""
BOOK_NAME_ENDS = """Garden, Cartographer, Season, Stranger, Tide, Orchard, Inheritance, Kingdom,
    Clock, Letters, Winter, Railway, Summer, Tailor"""

BOOKS = DomainTable(
    name="books",
    singular=("book", "volume"),
    plural=("books", "volumes"),
    rows=80,
    verb=("written by",),
    columns=(
        key("id", "book number, book id"),
        named(
            "title",
            "name, book title",
            Composed((listed(BOOK_NAME_STARTS), listed(BOOK_NAME_ENDS)), unique=True),
        ),
        ref("author_id", "authors", "author number, author id"),
        category(
            "genre",
            "literary genre, kind of book",
            "novel, crime, biography, poetry, science, travel, fantasy, history",
        ),
        year(
            "published", "year of publication, publication year", 1905, 2024, ("newest", "oldest")
        ),
        number("pages", "number of pages, length", 64, 980, ("longest", "shortest"), unit="pages"),
        number("copies", "number of copies, copies owned", 1, 25, unit="copies"),
        money(
            "replacement_cost",
            "cost of replacement, value",
            6,
            95,
            ("most valuable", "least valuable"),
            nulls=0.1,
        ),
    ),
)

MEMBERS = DomainTable(
    name="members",
    singular=("member", "reader"),
    plural=("members", "readers"),
    rows=80,
    verb=("registered at",),
    columns=(
        key("id", "member number, card number"),
        named("name", "full name, member name", Fake("name", unique=True)),
        ref("branch_id", "branches", "home branch number, home branch"),
        category(
            "membership_type",
            "type of membership, kind of card",
            "adult, child, student, senior, staff",
        ),
        date(
            "joined",
            "joining date, registration date",
            "2008-01-02",
            "2024-09-01",
            ("newest", "longest standing"),
        ),
        named("email", "email address, e-mail", Fake("email", unique=True), nulls=0.2),
        money("unpaid_fines", "fines owed, open fines", 0, 60, nulls=0.1),
    ),
)

LOANS = DomainTable(
    name="loans",
    singular=("loan", "borrowing"),
    plural=("loans", "borrowings"),
    rows=120,
    verb=("of", "taken out by"),
    columns=(
        key("id", "loan number, loan id"),
        ref("book_id", "books", "book number, book id"),
        ref("member_id", "members", "member number, card number"),
        date(
            "borrowed_on",
            "loan date, day of borrowing",
            "2023-01-03",
            "2024-10-15",
            ("latest", "earliest"),
        ),
        date("returned_on", "return date, day of return", "2023-01-20", "2024-11-20", nulls=0.2),
        number(
            "renewals",
            "number of renewals, renewal count",
            0,
            5,
            ("most renewed", "least renewed"),
            unit="renewals",
        ),
        category(
            "desk",
            "issue desk, place of issue",
            "self-service, front desk, bookmobile, reserve shelf",
        ),
    ),
)

EVENT_TITLE_ENDS = """Storytime, Book Club, Poetry Circle, Coding Lab, Chess Hour, Author Talk,
    Craft Table"""

EVENTS = DomainTable(
    name="events",
    singular=("event", "library event"),
    plural=("events", "library events"),
    rows=40,
    verb=("hosted by",),
    columns=(
        key("id", "event number, event id"),
        named(
            "title",
            "event title, event name",
            Composed((listed("Morning, Evening, Weekend, Family, Open"), listed(EVENT_TITLE_ENDS))),
        ),
        ref("branch_id", "branches", "branch number, host branch"),
        date(
            "held_on",
            "event date, day of the event",
            "2023-02-01",
            "2024-12-15",
            ("latest", "earliest"),
        ),
        category(
            "audience", "target audience, age group", "toddlers, children, teens, adults, everyone"
        ),
        number(
            "attendance",
            "number of visitors, turnout",
            3,
            240,
            ("best attended", "worst attended"),
            unit="visitors",
            nulls=0.1,
        ),
        money("entry_fee", "admission price, ticket price", 0, 18, ("most expensive", "cheapest")),
    ),
)

EVENT_SPEAKERS = DomainTable(
    name="event_speakers",
    singular=("talk", "appearance"),
    plural=("talks", "appearances"),
    rows=50,
    verb=("at", "given by"),
    columns=(
        ref("event_id", "events", "event number, event id"),
        ref("author_id", "authors", "author number, author id"),
        money(
            "fee",
            "speaker fee, honorarium",
            0,
            900,
            ("best paid", "worst paid"),
            decimals=0,
            nulls=0.15,
        ),
        number("minutes", "length, speaking time", 10, 90, ("longest", "shortest"), unit="minutes"),
        category("format", "kind of talk, style", "reading, lecture, interview, workshop, signing"),
    ),
)

DOMAIN = Domain(
    name="public_library",
    split="train",
    tables=(BRANCHES, AUTHORS, BOOKS, MEMBERS, LOANS, EVENTS, EVENT_SPEAKERS),
)
