"""Two small domains for tests: one with a link table, one with names that need care."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake, Words
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    flag,
    key,
    money,
    named,
    number,
    ref,
    year,
)

CHOIR = Domain(
    name="choir",
    split="train",
    tables=(
        DomainTable(
            name="singers",
            singular=("singer", "choir member"),
            plural=("singers", "choir members"),
            rows=40,
            columns=(
                key("singer_id", "singer number, member number"),
                named("full_name", "name, full name", Fake("name", unique=True)),
                category("voice", "voice, part sung", "soprano, alto, tenor, bass"),
                year("joined", "joining year, year of joining", 1990, 2023, ("newest", "oldest")),
                money("monthly_fee", "membership fee, fee", 5, 40, nulls=0.2),
                number("age_years", "age, age in years", 16, 80, ("oldest", "youngest")),
            ),
        ),
        DomainTable(
            name="songs",
            singular=("song", "piece"),
            plural=("songs", "pieces"),
            rows=30,
            columns=(
                key("song_id", "song number, piece number"),
                named(
                    "title",
                    "title, song title",
                    Composed(
                        (
                            ("Quiet", "Bright", "Winter's", "Lost", "Silver", "Open"),
                            ("River", "Morning", "Garden", "Road", "Light", "Harbour"),
                        ),
                        unique=True,
                    ),
                ),
                category("style", "style, kind of music", "folk, gospel, classical, pop", 0.1),
                number("minutes", "length, playing time", 2, 12, ("longest", "shortest")),
                date("written_on", "writing date, date of writing", "1950-01-01", "2020-12-31"),
            ),
        ),
        DomainTable(
            name="solos",
            singular=("solo", "solo part"),
            plural=("solos", "solo parts"),
            rows=60,
            verb=("sung by", "in"),
            columns=(
                ref("singer_id", "singers", "singer, soloist"),
                ref("song_id", "songs", "song, piece sung"),
                number("bars", "number of bars, solo length", 4, 60, unit="bars"),
                flag("rehearsed", "rehearsal mark, rehearsal state"),
            ),
        ),
    ),
)

WORKSHOP = Domain(
    name="workshop",
    split="test",
    tables=(
        DomainTable(
            name="Mechanic",
            singular=("mechanic", "technician"),
            plural=("mechanics", "technicians"),
            rows=25,
            verb=("supervised by",),
            columns=(
                key("Id", "staff number, mechanic number"),
                named("FullName", "name, full name", Fake("name", unique=True)),
                ref("BossId", "Mechanic", "supervisor, boss"),
                category("Grade", "grade, level of training", "apprentice, journeyman, master"),
                money("HourlyRate", "hourly rate, rate per hour", 15, 60, ("dearest", "cheapest")),
            ),
        ),
        DomainTable(
            name="Order",
            singular=("repair order", "job"),
            plural=("repair orders", "jobs"),
            rows=60,
            verb=("handled by",),
            columns=(
                key("OrderNo", "order number, job number"),
                ref("MechanicId", "Mechanic", "mechanic, technician"),
                named("Plate", "number plate, plate", Fake("license_plate")),
                category("Kind", "type of repair, repair type", "brakes, engine, body, tyres"),
                number("Hours", "working hours, hours needed", 1, 30, decimals=1),
                date(
                    "Finished",
                    "completion date, day of completion",
                    "2021-01-01",
                    "2024-06-30",
                    ("latest", "earliest"),
                    nulls=0.15,
                ),
            ),
        ),
        DomainTable(
            name="Part",
            singular=("spare part", "fitted part"),
            plural=("spare parts", "fitted parts"),
            rows=80,
            verb=("fitted during",),
            columns=(
                key("PartNo", "part number, item number"),
                ref("OrderNo", "Order", "repair order, job"),
                named(
                    "Label", "part name, description", Words(("filter", "belt", "disc", "O'ring"))
                ),
                money("Price", "price, cost", 2, 400, ("most expensive", "cheapest")),
                number("Weight", "weight, mass", 1, 40, unit="kilograms"),
            ),
        ),
    ),
)
SAMPLES = (CHOIR, WORKSHOP)
