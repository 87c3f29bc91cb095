"""Theatres of a city: stages, plays, directors, productions, performers, casting and shows."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    flag,
    key,
    listed,
    money,
    named,
    number,
    ref,
    repeated,
    year,
)

STAGE_NAMES = """The Globe Room, Lantern Theatre, Old Foundry Stage, Royal Playhouse,
    Cellar Theatre, Harbour Stage, Garden Amphitheatre, The Black Box, Marionette House,
    Northgate Theatre, Silver Curtain, Courtyard Stage, People's Theatre, Little Comedy,
    Riverside Playhouse, Gaslight Theatre, The Loft, Municipal Theatre, Orpheum, Chapel Stage"""
PLAY_TITLES = """The Clockmaker's Daughter, Salt and Silence, A Winter Abroad, The Borrowed Coat,
    Seven Keys, The Orchard Thieves, Paper Crowns, The Last Ferry, Mrs Hollis Regrets,
    Blind Alley, The Glass Piano, Two Uncles, Under the Linden, The Weather Prophet,
    Letters to Nobody, A Quiet Mutiny, The Tin Emperor, Breakfast with Wolves, The Cartographer,
    Nine Tenths, The Widow's Ladder, House of Feathers, Midnight Arithmetic, The Deaf Sailor,
    Lemon Trees, An Honest Forger, The Third Curtain, Crossing Marsh Street, The Pearl Merchant,
    Sons of Anna"""
ROLE_PARTS = (
    listed("Captain, Doctor, Lady, Old, Young, Uncle, Sister, Judge, Father, Madame"),
    listed("Marlow, Ferrand, Petrov, Hale, Quist, Bellini, Osgood, Varga, Lind, Thorne"),
)
PLAYWRIGHTS = """Edmund Farrow, Clara Nystrom, Ilya Morozov, Henriette Duval, Otto Weiss,
    Rosa Alcazar, Gwen Pritchard, Anton Kolar, Beatrice Lowe, Miles Hartnell"""
BIRTHPLACES = """Edinburgh, Vienna, Oslo, Budapest, Galway, Seville, Kyiv, Toronto, Bath,
    Antwerp"""
AGENCIES = """Spotlight Partners, Limelight Management, Curtain Call Agency, Wings Talent,
    Prologue Artists, Third Row Casting, Gallery Talent, Proscenium"""

DOMAIN = Domain(
    name="theatre",
    split="test",
    tables=(
        DomainTable(
            name="Stage",
            singular=("stage", "theatre"),
            plural=("stages", "theatres"),
            rows=20,
            columns=(
                key("Stage_ID", "stage number, theatre number"),
                named("Stage_Name", "name, theatre name", STAGE_NAMES),
                category(
                    "Quarter",
                    "part of the city, neighbourhood",
                    "Old Town, Harbour, Riverside, University, Northgate",
                ),
                number(
                    "Seats",
                    "number of seats, seating capacity",
                    45,
                    1850,
                    ("largest", "smallest"),
                    unit="seats",
                ),
                year(
                    "Built", "year of construction, building year", 1786, 2018, ("newest", "oldest")
                ),
                money(
                    "Evening_Rent",
                    "rent, rent per evening",
                    150,
                    9200,
                    ("most expensive", "cheapest"),
                    decimals=0,
                ),
                flag("Has_Orchestra_Pit", "orchestra pit, pit for musicians"),
            ),
        ),
        DomainTable(
            name="Play",
            singular=("play", "drama"),
            plural=("plays", "dramas"),
            rows=30,
            columns=(
                key("Play_ID", "play number, script number"),
                named("Play_Title", "title, name", PLAY_TITLES),
                repeated("Playwright", "author, dramatist", PLAYWRIGHTS),
                category(
                    "Genre",
                    "kind, dramatic form",
                    "comedy, tragedy, farce, thriller, history, satire",
                ),
                year(
                    "Written",
                    "year of writing, year it was written",
                    1612,
                    2022,
                    ("newest", "oldest"),
                ),
                number("Acts", "number of acts, act count", 1, 5, unit="acts"),
                category(
                    "Original_Language",
                    "language, original tongue",
                    "English, French, Russian, German, Norwegian, Spanish",
                    nulls=0.1,
                ),
            ),
        ),
        DomainTable(
            name="Director",
            singular=("director", "stage director"),
            plural=("directors", "stage directors"),
            rows=28,
            columns=(
                key("Director_ID", "director number, director code"),
                named("Director_Name", "name, full name", Fake("name")),
                repeated("Birthplace", "place of birth, native town", BIRTHPLACES),
                year(
                    "Debut_Year",
                    "year of the debut, year of the first staging",
                    1969,
                    2022,
                    ("newest", "most experienced"),
                ),
                number(
                    "Prizes",
                    "number of prizes, award count",
                    0,
                    16,
                    ("most decorated", "least decorated"),
                    unit="prizes",
                ),
                category(
                    "Training",
                    "education, drama school",
                    "National Academy, City Conservatory, abroad, self-taught",
                    nulls=0.2,
                ),
            ),
        ),
        DomainTable(
            name="Production",
            singular=("production", "staging"),
            plural=("productions", "stagings"),
            rows=55,
            verb=("of", "directed by"),
            columns=(
                key("Production_ID", "production number, staging number"),
                ref("Play_ID", "Play", "play, staged work"),
                ref("Director_ID", "Director", "director, person directing"),
                date(
                    "Premiere",
                    "opening night, date of the premiere",
                    "2012-09-14",
                    "2024-05-25",
                    ("latest", "earliest"),
                ),
                date(
                    "Closing", "closing date, closing night", "2024-06-01", "2025-12-30", nulls=0.35
                ),
                money(
                    "Budget",
                    "production cost, staging cost",
                    6000,
                    890000,
                    ("most expensive", "cheapest"),
                    decimals=0,
                ),
                number(
                    "Runtime_Minutes",
                    "running time, length",
                    55,
                    235,
                    ("longest", "shortest"),
                    unit="minutes",
                ),
                category(
                    "Set_Style",
                    "set design, style of the set",
                    "realistic, minimalist, abstract, historical, video",
                ),
            ),
        ),
        DomainTable(
            name="Performer",
            singular=("performer", "actor"),
            plural=("performers", "actors"),
            rows=60,
            columns=(
                key("Performer_ID", "performer number, actor number"),
                named("Performer_Name", "name, full name", Fake("name")),
                date(
                    "Born",
                    "date of birth, birthday",
                    "1941-02-01",
                    "2005-10-31",
                    ("youngest", "oldest"),
                ),
                category(
                    "Voice", "singing voice, vocal range", "soprano, alto, tenor, baritone, bass"
                ),
                number(
                    "Height_Cm",
                    "body height, height",
                    148,
                    201,
                    ("tallest", "shortest"),
                    unit="centimetres",
                ),
                money(
                    "Evening_Fee",
                    "fee, pay per evening",
                    80,
                    2100,
                    ("best paid", "worst paid"),
                    decimals=0,
                ),
                repeated("Agency", "agent, talent agency", AGENCIES, nulls=0.3),
            ),
        ),
        DomainTable(
            name="Casting",
            singular=("role", "part"),
            plural=("roles", "parts"),
            rows=110,
            verb=("in", "played by"),
            columns=(
                ref("Production_ID", "Production", "production, staging"),
                ref("Performer_ID", "Performer", "performer, actor"),
                named("Character_Name", "character, name of the character", Composed(ROLE_PARTS)),
                category(
                    "Billing",
                    "importance, size of the part",
                    "lead, supporting, ensemble, understudy",
                ),
                number(
                    "Line_Count",
                    "number of lines, lines spoken",
                    0,
                    640,
                    ("longest", "shortest"),
                    unit="lines",
                ),
            ),
        ),
        DomainTable(
            name="Show",
            singular=("show", "performance"),
            plural=("shows", "performances"),
            rows=120,
            verb=("of", "held at"),
            columns=(
                key("Show_ID", "show number, performance number"),
                ref("Production_ID", "Production", "production, staging"),
                ref("Stage_ID", "Stage", "stage, venue"),
                date(
                    "Show_Date", "date, evening", "2023-01-06", "2024-06-30", ("latest", "earliest")
                ),
                category(
                    "Start_Time", "starting time, curtain time", "11:00, 15:00, 18:30, 19:30, 20:00"
                ),
                number(
                    "Audience",
                    "number of spectators, attendance",
                    18,
                    1800,
                    ("best attended", "worst attended"),
                    unit="spectators",
                ),
                money(
                    "Ticket_Price",
                    "price, price of a ticket",
                    9,
                    140,
                    ("most expensive", "cheapest"),
                ),
                number(
                    "Critic_Score",
                    "rating, rating by critics",
                    1,
                    10,
                    ("best rated", "worst rated"),
                    nulls=0.4,
                ),
            ),
        ),
    ),
)
