"""A car rental firm: branches, models, cars, drivers, rentals, extras and damage."""

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

MODEL_PARTS = (
    listed("Aurelia, Boreo, Castor, Delfin, Estrada, Nomad, Pinto, Rivera"),
    listed("Cruiser, Hatch, Wagon, Coupe, Van, Sport, Mini"),
)
BRANCH_NAMES = """Airport North, Airport South, Central Station, Harbour Terminal,
    Exhibition Centre, Old Town, West End, Ferry Port, University Quarter, Business Park,
    Motorway Junction, Beach Road, Ski Village, Lakeside, Trade Fair, City Mall, Railway Square,
    Grand Hotel, East Gate, Marina"""
EXTRA_NAMES = """child seat, booster seat, baby seat, roof box, bike rack, ski rack, snow chains,
    navigation unit, mobile hotspot, second driver, young driver cover, tyre insurance,
    glass insurance, full damage waiver, one-way return, airport delivery, hotel pick-up,
    refuelling service, toll pass, pet cover, camping table, cool box"""
CITIES = """Valencia, Innsbruck, Marseille, Nice, Palermo, Split, Faro, Geneva, Munich"""
COUNTRIES = """Germany, Netherlands, United States, Italy, Poland, Norway, Spain, Canada,
    Australia, South Korea, Israel, Denmark"""

DOMAIN = Domain(
    name="car_rental",
    split="train",
    tables=(
        DomainTable(
            name="BRANCH",
            singular=("branch", "rental office"),
            plural=("branches", "rental offices"),
            rows=20,
            columns=(
                key("BRANCH_ID", "branch number, office number"),
                named("BRANCH_NAME", "name, branch name", BRANCH_NAMES),
                repeated("CITY", "city, town", CITIES),
                category(
                    "AREA",
                    "kind of location, setting",
                    "airport, railway, city centre, suburb, port",
                ),
                number(
                    "PARKING_BAYS",
                    "number of parking bays, parking capacity",
                    10,
                    240,
                    ("largest", "smallest"),
                ),
                year("OPENED", "opening year, year of opening", 1974, 2023, ("newest", "oldest")),
                flag("OPEN_SUNDAY", "Sunday opening, opening on Sundays", "Y, N"),
            ),
        ),
        DomainTable(
            name="CAR_MODEL",
            singular=("model", "car model"),
            plural=("models", "car models"),
            rows=36,
            columns=(
                key("MODEL_ID", "model number, model code"),
                named("MODEL_NAME", "name, model name", Composed(MODEL_PARTS, unique=True)),
                category(
                    "CAR_CLASS",
                    "class, size class",
                    "economy, compact, family, luxury, van, off-road",
                ),
                category("FUEL", "fuel type, kind of fuel", "petrol, diesel, hybrid, electric"),
                number(
                    "SEATS",
                    "number of seats, seat count",
                    2,
                    9,
                    ("roomiest", "smallest"),
                    unit="seats",
                ),
                money(
                    "DAY_PRICE",
                    "daily price, price per day",
                    24,
                    210,
                    ("most expensive", "cheapest"),
                ),
                number(
                    "RANGE_KM",
                    "range, distance on a full tank",
                    240,
                    1150,
                    unit="kilometres",
                    nulls=0.15,
                ),
            ),
        ),
        DomainTable(
            name="CAR",
            singular=("car", "rental car"),
            plural=("cars", "rental cars"),
            rows=80,
            verb=("of", "stationed at"),
            columns=(
                key("CAR_ID", "car number, fleet number"),
                named("PLATE_NO", "number plate, registration", Fake("license_plate", unique=True)),
                ref("MODEL_ID", "CAR_MODEL", "model, kind of car"),
                ref("BRANCH_ID", "BRANCH", "branch, home office"),
                category("COLOUR", "paint, paint colour", "white, black, silver, red, blue, green"),
                number(
                    "MILEAGE",
                    "distance on the clock, odometer reading",
                    300,
                    164000,
                    ("most used", "least used"),
                ),
                date(
                    "BOUGHT_ON",
                    "purchase date, date of purchase",
                    "2016-03-01",
                    "2024-05-10",
                    ("newest", "oldest"),
                ),
                date(
                    "NEXT_SERVICE",
                    "inspection date, due date of the service",
                    "2024-06-15",
                    "2025-12-31",
                    nulls=0.2,
                ),
            ),
        ),
        DomainTable(
            name="CLIENT",
            singular=("client", "customer"),
            plural=("clients", "customers"),
            rows=70,
            columns=(
                key("CLIENT_ID", "client number, customer number"),
                named("CLIENT_NAME", "name, full name", Fake("name")),
                repeated("COUNTRY", "home country, country of residence", COUNTRIES),
                category(
                    "LOYALTY", "loyalty level, customer status", "basic, silver, gold, platinum"
                ),
                year(
                    "LICENCE_YEAR",
                    "year of the driving licence, licence year",
                    1968,
                    2023,
                    ("least experienced", "most experienced"),
                ),
                number(
                    "POINTS",
                    "number of bonus points, points balance",
                    0,
                    9800,
                    ("most loyal", "least loyal"),
                ),
                named("EMAIL", "email address, mail address", Fake("email"), nulls=0.2),
            ),
        ),
        DomainTable(
            name="RENTAL",
            singular=("rental", "hire"),
            plural=("rentals", "hires"),
            rows=120,
            verb=("of", "booked by"),
            columns=(
                key("RENTAL_ID", "rental number, contract number"),
                ref("CAR_ID", "CAR", "car, rented car"),
                ref("CLIENT_ID", "CLIENT", "client, driver"),
                date(
                    "PICKUP_DATE",
                    "pick-up date, start of the rental",
                    "2023-01-05",
                    "2024-05-31",
                    ("latest", "earliest"),
                ),
                number(
                    "DAYS", "length, number of days", 1, 28, ("longest", "shortest"), unit="days"
                ),
                number("KM_DRIVEN", "driving distance, trip distance", 12, 4300, unit="kilometres"),
                money(
                    "TOTAL_PRICE", "bill, invoice amount", 26, 3900, ("most expensive", "cheapest")
                ),
                number(
                    "STARS",
                    "customer rating, review score",
                    1,
                    5,
                    ("best rated", "worst rated"),
                    unit="stars",
                    nulls=0.35,
                ),
            ),
        ),
        DomainTable(
            name="EXTRA",
            singular=("extra", "add-on"),
            plural=("extras", "add-ons"),
            rows=22,
            columns=(
                key("EXTRA_ID", "extra number, add-on code"),
                named("EXTRA_NAME", "name, name of the extra", EXTRA_NAMES),
                category(
                    "EXTRA_KIND", "type, kind of extra", "equipment, insurance, service, comfort"
                ),
                money(
                    "EXTRA_PRICE", "price, price per rental", 3, 85, ("most expensive", "cheapest")
                ),
                number("STOCK", "number in stock, pieces available", 0, 140, nulls=0.3),
            ),
        ),
        DomainTable(
            name="RENTAL_EXTRA",
            singular=("booked extra", "extra on a rental"),
            plural=("booked extras", "extras on rentals"),
            rows=110,
            verb=("added to", "ordered as"),
            columns=(
                ref("RENTAL_ID", "RENTAL", "rental, hire"),
                ref("EXTRA_ID", "EXTRA", "extra, add-on"),
                number("QTY", "quantity, number of pieces", 1, 4),
                category(
                    "PAID_AT",
                    "place of payment, payment point",
                    "online, counter, phone, return",
                ),
            ),
        ),
    ),
)
