"""Buses, trams and ferries of a city: depots, lines, stops, vehicles, drivers and trips."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Composed, Domain, DomainTable, Fake
from sqlforge.corpus.synthetic.shorthand import (
    category,
    date,
    fake,
    flag,
    key,
    listed,
    money,
    named,
    number,
    ref,
    year,
)

LINE_PARTS = (
    listed(
        "Harbour, University, Airport, Market, Castle, River, Stadium, Garden, Hospital, Museum"
    ),
    listed("Express, Circle, Shuttle, Connector, Link, Night Line"),
)
STOP_NAMES = """Central Station, Town Hall, Old Market, Harbour Gate, University Library,
    Opera House, North Bridge, South Bridge, Rose Gardens, City Hospital, Stadium East,
    Stadium West, Fire Station, Chapel Hill, Mill Road, Linden Avenue, Victoria Square,
    Fish Quay, Botanic Park, Science Park, Airport Terminal, Cable Street, King's Cross Road,
    Elm Grove, Ferry Landing, Customs House, Lakeside, Brewery Yard, Weavers Lane,
    Observatory Hill, Cemetery Gate, Zoo Entrance, Swimming Baths, Tannery Row, Court House,
    Museum Island"""
DEPOT_NAMES = """North Depot, South Depot, Harbour Yard, Canal Street Garage, Mill Road Garage,
    Airport Depot, Riverside Yard, East Gate Garage, West Gate Garage, Ferry Quay, Tram Hall One,
    Tram Hall Two, Quarry Depot, Brickworks Garage, Lakeside Yard, Station Garage, Hilltop Depot,
    Old Gasworks, Meadow Lane Garage, Foundry Depot"""
VEHICLE_PARTS = (
    listed("Solano, Vanholt, Metrobus, Kestrel, Ikora, Tramont"),
    listed("Urban, City, Flexi, Lowline, Comet, Duo"),
    listed("9, 12, 18, 24, 30"),
)

DOMAIN = Domain(
    name="city_transit",
    split="train",
    tables=(
        DomainTable(
            name="depot",
            singular=("depot", "garage"),
            plural=("depots", "garages"),
            rows=20,
            columns=(
                key("id", "depot number, depot code"),
                named("depot_name", "name, depot name", DEPOT_NAMES),
                category(
                    "district",
                    "city district, part of town",
                    "North, South, East, West, Old Town, Docklands",
                ),
                number(
                    "capacity", "parking capacity, number of bays", 12, 160, ("largest", "smallest")
                ),
                year(
                    "opened_year", "opening year, year of opening", 1904, 2019, ("newest", "oldest")
                ),
                fake("manager_name", "manager, name of the manager", "name"),
                flag("has_charging", "charging station, electric charging"),
            ),
        ),
        DomainTable(
            name="line",
            singular=("line", "route"),
            plural=("lines", "routes"),
            rows=32,
            verb=("operated from",),
            columns=(
                key("id", "line number, route number"),
                named("line_name", "name, line name", Composed(LINE_PARTS, unique=True)),
                category(
                    "mode",
                    "mode of transport, type of transport",
                    "bus, tram, ferry, trolleybus, funicular",
                ),
                number(
                    "length_km",
                    "length, distance covered",
                    2.5,
                    41,
                    ("longest", "shortest"),
                    decimals=1,
                    unit="kilometres",
                ),
                number(
                    "headway_min",
                    "interval, time between departures",
                    4,
                    60,
                    ("least frequent", "most frequent"),
                    unit="minutes",
                ),
                date(
                    "opened_on",
                    "opening date, start of service",
                    "1952-04-01",
                    "2023-08-15",
                    ("newest", "oldest"),
                ),
                flag("night_service", "service at night, night running"),
                ref("depot_id", "depot", "depot, home depot"),
            ),
        ),
        DomainTable(
            name="stop",
            singular=("stop", "station"),
            plural=("stops", "stations"),
            rows=36,
            columns=(
                key("id", "stop number, stop code"),
                named("stop_name", "name, stop name", STOP_NAMES),
                category("fare_zone", "zone, tariff zone", "A, B, C, D"),
                category(
                    "shelter",
                    "kind of shelter, weather protection",
                    "glass shelter, wooden shelter, station hall, canopy",
                    nulls=0.2,
                ),
                number(
                    "daily_boardings",
                    "daily ridership, number of passengers per day",
                    35,
                    18400,
                    ("busiest", "quietest"),
                ),
                year(
                    "renovated_year",
                    "year of renovation, renovation year",
                    1988,
                    2024,
                    ("most recently renovated", "least recently renovated"),
                    nulls=0.25,
                ),
            ),
        ),
        DomainTable(
            name="line_stop",
            singular=("scheduled halt", "line stop"),
            plural=("scheduled halts", "line stops"),
            rows=110,
            verb=("made by", "at"),
            columns=(
                ref("line_id", "line", "line, route"),
                ref("stop_id", "stop", "stop, station"),
                number("sequence_no", "order on the line, place in the sequence", 1, 28),
                number(
                    "minutes_from_start",
                    "travel time from the terminus, running time",
                    0,
                    75,
                    unit="minutes",
                ),
            ),
        ),
        DomainTable(
            name="vehicle",
            singular=("vehicle", "fleet vehicle"),
            plural=("vehicles", "fleet vehicles"),
            rows=70,
            verb=("kept at",),
            columns=(
                key("id", "vehicle number, fleet number"),
                named("model", "model name, vehicle model", Composed(VEHICLE_PARTS, unique=True)),
                ref("depot_id", "depot", "depot, garage"),
                category(
                    "fuel",
                    "fuel type, kind of drive",
                    "diesel, electric, hybrid, natural gas, hydrogen",
                ),
                number(
                    "seat_count",
                    "number of seats, seating capacity",
                    18,
                    96,
                    ("biggest", "smallest"),
                    unit="seats",
                ),
                year(
                    "bought_year",
                    "purchase year, year of purchase",
                    2001,
                    2024,
                    ("newest", "oldest"),
                ),
                money(
                    "purchase_price",
                    "price, buying price",
                    98000,
                    940000,
                    ("most expensive", "cheapest"),
                    decimals=0,
                ),
                number(
                    "odometer_km",
                    "mileage, odometer reading",
                    1200,
                    890000,
                    ("most travelled", "least travelled"),
                    nulls=0.1,
                ),
            ),
        ),
        DomainTable(
            name="driver",
            singular=("driver", "operator"),
            plural=("drivers", "operators"),
            rows=55,
            verb=("based at",),
            columns=(
                key("id", "driver number, staff number"),
                named("full_name", "name, full name", Fake("name")),
                ref("depot_id", "depot", "depot, home base"),
                category(
                    "licence_class", "licence, type of licence", "bus, articulated bus, tram, ferry"
                ),
                date(
                    "hired_on",
                    "hiring date, date of hire",
                    "1991-06-01",
                    "2024-02-28",
                    ("newest", "longest-serving"),
                ),
                money("hourly_pay", "pay, wage per hour", 16.2, 34.5, ("best paid", "worst paid")),
                number(
                    "complaints",
                    "number of complaints, complaint count",
                    0,
                    14,
                    ("most criticised", "least criticised"),
                ),
            ),
        ),
        DomainTable(
            name="trip",
            singular=("trip", "run"),
            plural=("trips", "runs"),
            rows=120,
            verb=("on", "made with", "driven by"),
            columns=(
                key("id", "trip number, run number"),
                ref("line_id", "line", "line, route"),
                ref("vehicle_id", "vehicle", "vehicle, bus used"),
                ref("driver_id", "driver", "driver, person at the wheel"),
                date(
                    "service_day",
                    "date, day of service",
                    "2024-01-02",
                    "2024-06-30",
                    ("latest", "earliest"),
                ),
                number(
                    "passengers",
                    "number of passengers, passenger count",
                    0,
                    210,
                    ("fullest", "emptiest"),
                    unit="passengers",
                ),
                number(
                    "delay_minutes",
                    "delay, lateness",
                    0,
                    48,
                    ("most delayed", "most punctual"),
                    unit="minutes",
                    nulls=0.1,
                ),
                category(
                    "disruption",
                    "cause of disruption, reported problem",
                    "roadworks, breakdown, accident, heavy traffic, snow",
                    nulls=0.5,
                ),
            ),
        ),
    ),
)
