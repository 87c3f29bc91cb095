"""A chess club: members, coaches, openings, tournaments, games and lessons."""

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

CLUB_MEMBERS = DomainTable(
    name="club_members",
    singular=("member", "club player"),
    plural=("members", "club players"),
    rows=70,
    columns=(
        key("member_id", "member number, membership number"),
        named("full_name", "name, member name", Fake("name", unique=True)),
        number(
            "rating",
            "playing strength, rating points",
            820,
            2540,
            ("strongest", "weakest"),
            unit="points",
            nulls=0.08,
        ),
        category(
            "chess_title",
            "title, chess rank",
            "candidate master, master, international master, grandmaster",
            nulls=0.6,
        ),
        category("age_group", "age class, age category", "under 12, under 18, adult, senior"),
        date(
            "joined_on",
            "joining date, date of joining",
            "2001-09-01",
            "2024-09-15",
            ("newest", "longest standing"),
        ),
        money(
            "yearly_dues",
            "membership fee, fee per year",
            0,
            180,
            ("highest-paying", "lowest-paying"),
            decimals=0,
            nulls=0.05,
        ),
        fake("hometown", "place of residence, town", "city"),
    ),
)

COACHES = DomainTable(
    name="coaches",
    singular=("coach", "trainer"),
    plural=("coaches", "trainers"),
    rows=20,
    columns=(
        key("coach_id", "coach number, trainer number"),
        named("full_name", "name, coach name", Fake("name", unique=True)),
        category(
            "specialty",
            "special field, area of teaching",
            "openings, endgames, tactics, beginners, blitz",
        ),
        money(
            "hourly_fee", "fee per hour, price of an hour", 15, 140, ("most expensive", "cheapest")
        ),
        number("languages_spoken", "number of languages, language count", 1, 5, unit="languages"),
        year(
            "certified_year",
            "year of certification, certification year",
            1988,
            2023,
            ("most recently certified", "longest certified"),
            nulls=0.15,
        ),
    ),
)

LESSON_SUBJECTS = """pawn endings, pins and forks, rook endings, calculation, Sicilian lines,
    time management"""

LESSONS = DomainTable(
    name="lessons",
    singular=("lesson", "training session"),
    plural=("lessons", "training sessions"),
    rows=90,
    verb=("given by", "taken by"),
    columns=(
        key("lesson_id", "lesson number, session number"),
        ref("coach_id", "coaches", "coach number, trainer number"),
        ref("member_id", "club_members", "member number, membership number"),
        date(
            "held_on",
            "lesson date, day of the session",
            "2023-01-08",
            "2024-10-30",
            ("latest", "earliest"),
        ),
        category("topic", "subject, theme", LESSON_SUBJECTS),
        number("minutes", "length, duration", 30, 150, ("longest", "shortest"), unit="minutes"),
        number(
            "homework_score", "homework result, homework mark", 0, 20, ("best", "worst"), nulls=0.3
        ),
    ),
)

OPENING_NAMES = """Sicilian Defence, Ruy Lopez, Queen's Gambit, French Defence, Caro-Kann,
    King's Indian, Italian Game, English Opening, Scandinavian, Pirc Defence, Nimzo-Indian,
    Slav Defence, Dutch Defence, Grunfeld, Catalan, Scotch Game, Vienna Game, King's Gambit,
    Benoni, Alekhine Defence, London System, Trompowsky, Reti Opening, Bird Opening,
    Petrov Defence, Evans Gambit, Budapest Gambit, Philidor"""

OPENINGS = DomainTable(
    name="openings",
    singular=("opening", "chess opening"),
    plural=("openings", "chess openings"),
    rows=26,
    columns=(
        key("opening_id", "opening number, opening id"),
        named("opening_name", "name, opening name", OPENING_NAMES),
        category("eco_group", "encyclopedia group, letter code", "A, B, C, D, E"),
        category("playing_style", "style, character", "sharp, solid, positional, gambit, flexible"),
        number(
            "main_line_moves",
            "length of the main line, number of book moves",
            4,
            24,
            ("longest", "shortest"),
            unit="moves",
        ),
        year(
            "first_recorded",
            "year of the first record, year of first mention",
            1490,
            1950,
            ("newest", "oldest"),
            nulls=0.15,
        ),
    ),
)

TOURNAMENT_NAME_STARTS = """Autumn, Spring, Lakeside, Memorial, Candlelight, Harbour, Castle,
    New Year"""

TOURNAMENTS = DomainTable(
    name="tournaments",
    singular=("tournament", "competition"),
    plural=("tournaments", "competitions"),
    rows=26,
    columns=(
        key("tournament_id", "tournament number, competition number"),
        named(
            "tournament_name",
            "name, competition name",
            Composed(
                (listed(TOURNAMENT_NAME_STARTS), listed("Open, Blitz, Rapid, Masters, Cup, Swiss")),
                unique=True,
            ),
        ),
        category("time_control", "time limit, pace", "classical, rapid, blitz, bullet"),
        date(
            "starts_on", "start date, first day", "2021-02-01", "2024-10-05", ("latest", "earliest")
        ),
        money(
            "prize_fund",
            "prize pot, prize total",
            0,
            12000,
            ("richest", "poorest"),
            decimals=0,
            nulls=0.1,
        ),
        number(
            "rounds", "number of rounds, round count", 3, 11, ("longest", "shortest"), unit="rounds"
        ),
        category(
            "venue", "place, playing hall", "town hall, club room, library, school gym, hotel lobby"
        ),
    ),
)

TOURNAMENT_ENTRIES = DomainTable(
    name="tournament_entries",
    singular=("entry", "registration"),
    plural=("entries", "registrations"),
    rows=110,
    verb=("for", "of"),
    columns=(
        ref("tournament_id", "tournaments", "tournament number, competition number"),
        ref("member_id", "club_members", "member number, membership number"),
        category("section", "group, tournament section", "A, B, C, reserve"),
        number(
            "points", "score, points scored", 0, 9, ("best", "worst"), unit="points", nulls=0.08
        ),
        money("entry_fee", "entry charge, starting fee", 0, 45, ("most expensive", "cheapest")),
        date(
            "entered_on",
            "date of entry, registration date",
            "2020-12-15",
            "2024-10-01",
            ("latest", "earliest"),
        ),
    ),
)

GAMES = DomainTable(
    name="games",
    singular=("game", "match"),
    plural=("games", "matches"),
    rows=120,
    verb=("played in", "played with white by", "played with black by", "starting with"),
    columns=(
        key("game_id", "game number, match number"),
        ref("tournament_id", "tournaments", "tournament number, competition number"),
        ref("white_id", "club_members", "member number of white, white player"),
        ref("black_id", "club_members", "member number of black, black player"),
        ref("opening_id", "openings", "opening number, opening id"),
        category("result", "outcome, final result", "white wins, black wins, draw, forfeit"),
        number(
            "move_count",
            "number of moves, moves made",
            9,
            118,
            ("longest", "shortest"),
            unit="moves",
            nulls=0.05,
        ),
        date(
            "played_on",
            "date of play, day of the game",
            "2021-02-01",
            "2024-10-12",
            ("latest", "earliest"),
        ),
    ),
)

DOMAIN = Domain(
    name="chess_club",
    split="test",
    tables=(CLUB_MEMBERS, COACHES, LESSONS, OPENINGS, TOURNAMENTS, TOURNAMENT_ENTRIES, GAMES),
)
