"""A dairy farm: barns, cows, milkings, fields, crops, sowings and the people who work there."""

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

COW_NAMES = """Bella, Daisy, Clover, Rosie, Buttercup, Molly, Flora, Hazel, Heidi, Alma, Bruna,
    Celeste, Dora, Elsa, Fanny, Greta, Ida, Juno, Kira, Lotte, Mabel, Nora, Olga, Pepper,
    Queenie, Ramona, Selma, Tilda, Ursula, Vera, Wilma, Xenia, Yara, Zelda, Nutmeg, Marigold,
    Poppy, Primrose, Bramble, Stella"""
FIELD_PARTS = (
    listed("Upper, Lower, Far, Near, Long, Crooked, Wet, Windy"),
    listed("Meadow, Acre, Pasture, Bottom, Strip, Paddock, Orchard Field"),
)
BARN_NAMES = """Red Barn, Long Shed, Calf House, Milking Hall, North Stable, South Stable,
    Hay Loft, Stone Barn, Creek Shed, Old Dairy, Round Barn, Maternity Stall, Winter Stable,
    Quarantine Shed, Gate Barn, Windmill Shed, New Stable, Hill Barn, Tin Shed, Dry Cow Barn"""
CROP_NAMES = """winter wheat, spring barley, oats, rye, grain maize, silage maize, red clover,
    alfalfa, ryegrass, field beans, peas, rapeseed, sunflower, fodder beet, potatoes, buckwheat,
    triticale, millet, soybeans, mustard, vetch, linseed"""
VILLAGES = """Oberdorf, Little Marsh, Kirkhill, Steinbach, Long Barrow, Westing, Mossend,
    Birkfeld"""

DOMAIN = Domain(
    name="dairy_farm",
    split="train",
    tables=(
        DomainTable(
            name="barn",
            singular=("barn", "stable"),
            plural=("barns", "stables"),
            rows=20,
            columns=(
                key("barn_id", "barn number, building number"),
                named("barn_name", "name, barn name", BARN_NAMES),
                category(
                    "barn_bedding", "bedding, floor cover", "straw, sand, sawdust, rubber mats"
                ),
                number(
                    "barn_places", "number of places, stall count", 8, 140, ("biggest", "smallest")
                ),
                year(
                    "barn_built",
                    "year of construction, building year",
                    1898,
                    2022,
                    ("newest", "oldest"),
                ),
                money(
                    "barn_value",
                    "insured value, value",
                    12000,
                    640000,
                    ("most valuable", "least valuable"),
                    decimals=0,
                    nulls=0.15,
                ),
            ),
        ),
        DomainTable(
            name="cow",
            singular=("cow", "dairy cow"),
            plural=("cows", "dairy cows"),
            rows=40,
            verb=("housed in",),
            columns=(
                key("cow_id", "cow number, ear tag number"),
                named("cow_name", "name, cow name", COW_NAMES),
                category(
                    "cow_breed",
                    "breed, cattle breed",
                    "Holstein, Jersey, Brown Swiss, Simmental, Ayrshire, Guernsey",
                ),
                date(
                    "cow_born",
                    "date of birth, birthday",
                    "2014-02-01",
                    "2022-11-30",
                    ("youngest", "oldest"),
                ),
                number(
                    "cow_weight",
                    "weight, body weight",
                    380,
                    810,
                    ("heaviest", "lightest"),
                    unit="kilograms",
                ),
                number("cow_calves", "number of calves, calves born", 0, 9, unit="calves"),
                money(
                    "cow_price",
                    "purchase price, buying price",
                    850,
                    3400,
                    ("most expensive", "cheapest"),
                    decimals=0,
                    nulls=0.3,
                ),
                ref("barn_id", "barn", "barn, stable"),
            ),
        ),
        DomainTable(
            name="worker",
            singular=("worker", "farm hand"),
            plural=("workers", "farm hands"),
            rows=24,
            columns=(
                key("worker_id", "worker number, staff number"),
                named("worker_name", "name, full name", Fake("name")),
                repeated("worker_village", "village, home village", VILLAGES),
                category(
                    "worker_job",
                    "job, main task",
                    "milker, tractor driver, herd manager, mechanic, apprentice",
                ),
                money("worker_wage", "wage, hourly wage", 11, 27.5, ("best paid", "worst paid")),
                date(
                    "worker_since",
                    "start date, hiring day",
                    "1996-04-01",
                    "2024-03-15",
                    ("newest", "longest-serving"),
                ),
                named("worker_phone", "phone number, telephone", Fake("phone_number"), nulls=0.25),
            ),
        ),
        DomainTable(
            name="milking",
            singular=("milking", "milking session"),
            plural=("milkings", "milking sessions"),
            rows=120,
            verb=("of", "done by"),
            columns=(
                key("milking_id", "milking number, record number"),
                ref("cow_id", "cow", "cow, milked animal"),
                ref("worker_id", "worker", "worker, milker"),
                date(
                    "milking_day",
                    "date, day of the milking",
                    "2024-01-01",
                    "2024-05-31",
                    ("latest", "earliest"),
                ),
                category(
                    "milking_time",
                    "time of day, part of the day",
                    "early morning, morning, afternoon, evening",
                ),
                number(
                    "milking_litres",
                    "amount of milk, yield",
                    3.5,
                    24,
                    ("richest", "poorest"),
                    decimals=1,
                    unit="litres",
                ),
                number(
                    "milking_fat",
                    "fat content, fat percentage",
                    3.1,
                    5.9,
                    ("creamiest", "leanest"),
                    decimals=2,
                    nulls=0.15,
                ),
            ),
        ),
        DomainTable(
            name="field",
            singular=("field", "piece of land"),
            plural=("fields", "pieces of land"),
            rows=40,
            verb=("tended by",),
            columns=(
                key("field_id", "field number, plot number"),
                named("field_name", "name, field name", Composed(FIELD_PARTS, unique=True)),
                category("field_soil", "soil, soil type", "clay, loam, sand, peat, chalk"),
                number(
                    "field_area",
                    "area, size",
                    0.6,
                    28,
                    ("largest", "smallest"),
                    decimals=1,
                    unit="hectares",
                ),
                money(
                    "field_rent",
                    "rent, yearly rent",
                    120,
                    5200,
                    ("most expensive", "cheapest"),
                    decimals=0,
                    nulls=0.4,
                ),
                flag("field_drained", "drainage, working drainage"),
                ref("worker_id", "worker", "worker, person in charge"),
            ),
        ),
        DomainTable(
            name="crop",
            singular=("crop", "plant"),
            plural=("crops", "plants"),
            rows=22,
            columns=(
                key("crop_id", "crop number, crop code"),
                named("crop_name", "name, crop name", CROP_NAMES),
                category(
                    "crop_group", "group, crop family", "cereal, legume, grass, root crop, oilseed"
                ),
                category("crop_use", "use, purpose", "fodder, grain sale, silage, green manure"),
                number(
                    "crop_days",
                    "growing time, growth period",
                    60,
                    290,
                    ("slowest", "fastest"),
                    unit="days",
                ),
                money(
                    "crop_price",
                    "price per tonne, selling price",
                    85,
                    640,
                    ("most profitable", "least profitable"),
                ),
            ),
        ),
        DomainTable(
            name="sowing",
            singular=("sowing", "planting"),
            plural=("sowings", "plantings"),
            rows=90,
            verb=("on", "of"),
            columns=(
                ref("field_id", "field", "field, plot"),
                ref("crop_id", "crop", "crop, sown plant"),
                year("sowing_year", "year, sowing year", 2012, 2024, ("latest", "earliest")),
                number("sowing_seed", "seed used, amount of seed", 4, 280, unit="kilograms"),
                number(
                    "sowing_harvest",
                    "harvest, tonnes harvested",
                    1.5,
                    96,
                    ("most successful", "least successful"),
                    decimals=1,
                    nulls=0.2,
                ),
                category(
                    "sowing_weather", "weather, weather of the season", "dry, wet, normal, stormy"
                ),
            ),
        ),
    ),
)
