"""An airline: airports, aircraft, flights, crew members, passengers and bookings."""

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

AIRPORT_NAME_STARTS = """Aldermoor, Porto Sereno, Kirkvale, Montclaire, Sundberg, Rio Azul,
    Halvorsen, Kamakura, Lindau, Brightwater, Castellan, Nyasa"""

AIRPORT = DomainTable(
    name="Airport",
    singular=("airport", "airfield"),
    plural=("airports", "airfields"),
    rows=30,
    columns=(
        key("airportId", "airport number, airport identifier"),
        named(
            "airportName",
            "name, airport name",
            Composed(
                (
                    listed(AIRPORT_NAME_STARTS),
                    listed("International, Regional, City Airport, Field"),
                ),
                unique=True,
            ),
        ),
        fake("city", "town, served city", "city"),
        category(
            "country",
            "nation, country of the airport",
            "Norway, Portugal, Chile, Kenya, Japan, Canada, Turkey, Germany",
        ),
        number("elevationFt", "elevation, altitude", 3, 7600, ("highest", "lowest"), unit="feet"),
        number("runwayCount", "number of runways, runways", 1, 6, unit="runways"),
        year(
            "openedYear",
            "opening year, year of opening",
            1929,
            2019,
            ("newest", "oldest"),
            nulls=0.08,
        ),
    ),
)

PLANE_REGISTRATIONS = """NX-101, NX-104, NX-118, NX-122, NX-139, NX-140, NX-157, NX-163, NX-171,
    NX-188, NX-202, NX-215, NX-219, NX-226, NX-234, NX-240, NX-251, NX-267, NX-278, NX-283,
    NX-290, NX-305, NX-311, NX-324, NX-336, NX-342, NX-350, NX-361"""

AIRCRAFT = DomainTable(
    name="Aircraft",
    singular=("plane", "aircraft"),
    plural=("planes", "aircraft"),
    rows=26,
    verb=("stationed at",),
    columns=(
        key("aircraftId", "aircraft number, plane id"),
        named("tailNumber", "registration, registration mark", PLANE_REGISTRATIONS),
        ref("homeAirportId", "Airport", "home airport number, home base number"),
        category(
            "model", "aircraft type, type of plane", "A320, A350, B737, B787, E190, ATR 72, CRJ 900"
        ),
        number(
            "seatCount",
            "number of seats, seating capacity",
            48,
            366,
            ("largest", "smallest"),
            unit="seats",
        ),
        number(
            "rangeKm",
            "flight range, maximum range",
            1300,
            15500,
            ("farthest-reaching", "shortest-range"),
            unit="kilometres",
        ),
        date(
            "deliveredOn",
            "delivery date, date of delivery",
            "2001-03-01",
            "2024-02-28",
            ("newest", "oldest"),
        ),
        money(
            "leaseCost",
            "monthly lease, leasing cost",
            60000,
            980000,
            ("most expensive", "cheapest"),
            decimals=0,
            nulls=0.2,
        ),
    ),
)

FLIGHT = DomainTable(
    name="Flight",
    singular=("flight", "air service"),
    plural=("flights", "air services"),
    rows=100,
    verb=("flown by", "leaving from", "landing at"),
    columns=(
        key("flightId", "flight key, flight identifier"),
        ref("aircraftId", "Aircraft", "aircraft number, plane id"),
        ref("fromAirportId", "Airport", "departure airport number, origin number"),
        ref("toAirportId", "Airport", "arrival airport number, destination number"),
        date(
            "departureDate",
            "day of departure, travel date",
            "2023-01-01",
            "2024-10-31",
            ("latest", "earliest"),
        ),
        number(
            "durationMin",
            "flight time, time in the air",
            35,
            840,
            ("longest", "shortest"),
            unit="minutes",
        ),
        category(
            "status", "state, flight state", "on time, delayed, cancelled, diverted, boarding"
        ),
        number(
            "delayMin",
            "delay, length of the delay",
            0,
            260,
            ("most delayed", "most punctual"),
            unit="minutes",
            nulls=0.15,
        ),
    ),
)

CREW_MEMBER = DomainTable(
    name="CrewMember",
    singular=("crew member", "member of the crew"),
    plural=("crew members", "members of the crew"),
    rows=45,
    verb=("based at",),
    columns=(
        key("crewId", "crew number, staff number"),
        named("fullName", "name, crew name", Fake("name", unique=True)),
        ref("baseAirportId", "Airport", "base airport number, base number"),
        category(
            "position",
            "job, role on board",
            "captain, first officer, purser, flight attendant, engineer",
        ),
        number(
            "flightHours",
            "flying experience, number of hours in the air",
            80,
            19500,
            ("most experienced", "least experienced"),
            unit="hours",
        ),
        date(
            "hireDate",
            "date of hiring, start of employment",
            "1995-01-10",
            "2024-06-01",
            ("most recently hired", "longest serving"),
        ),
        money(
            "salary", "pay, yearly salary", 28000, 240000, ("best paid", "worst paid"), decimals=0
        ),
        category(
            "language",
            "second language, foreign language",
            "Spanish, French, Arabic, Mandarin, Swahili, German",
            nulls=0.2,
        ),
    ),
)

CREW_DUTY = DomainTable(
    name="CrewDuty",
    singular=("duty", "crew assignment"),
    plural=("duties", "crew assignments"),
    rows=110,
    verb=("performed by", "on"),
    columns=(
        ref("crewId", "CrewMember", "crew number, staff number"),
        ref("flightId", "Flight", "flight key, flight identifier"),
        category(
            "dutyType", "type of duty, kind of work", "operating, standby, training, positioning"
        ),
        money(
            "allowance",
            "daily allowance, expense allowance",
            0,
            260,
            ("best compensated", "worst compensated"),
        ),
    ),
)

PASSENGER = DomainTable(
    name="Passenger",
    singular=("passenger", "traveller"),
    plural=("passengers", "travellers"),
    rows=80,
    columns=(
        key("passengerId", "passenger number, traveller id"),
        named("passengerName", "name, full name", Fake("name", unique=True)),
        category(
            "nationality",
            "citizenship, country of citizenship",
            "Norwegian, Brazilian, Kenyan, Japanese, Canadian, Turkish, German",
        ),
        number(
            "milesBalance",
            "bonus miles, miles collected",
            0,
            240000,
            ("most frequently flying", "least frequently flying"),
            unit="miles",
            nulls=0.1,
        ),
        category(
            "clubLevel",
            "frequent flyer level, status in the club",
            "blue, silver, gold, black",
            nulls=0.3,
        ),
        date(
            "birthDate",
            "date of birth, birthday",
            "1940-01-01",
            "2018-12-31",
            ("youngest", "oldest"),
        ),
    ),
)

BOOKING = DomainTable(
    name="Booking",
    singular=("booking", "reservation"),
    plural=("bookings", "reservations"),
    rows=120,
    verb=("made by", "for"),
    columns=(
        key("bookingId", "booking number, reservation number"),
        ref("passengerId", "Passenger", "passenger number, traveller id"),
        ref("flightId", "Flight", "flight key, flight identifier"),
        category("cabin", "cabin class, travel class", "economy, premium economy, business, first"),
        money("fare", "ticket price, cost of the ticket", 39, 4200, ("most expensive", "cheapest")),
        date(
            "bookedOn",
            "booking date, day of booking",
            "2022-08-01",
            "2024-10-01",
            ("latest", "earliest"),
        ),
        number("bagCount", "number of bags, pieces of luggage", 0, 4, unit="bags"),
        category(
            "meal",
            "meal choice, ordered meal",
            "standard, vegetarian, vegan, kosher, halal",
            nulls=0.25,
        ),
    ),
)

DOMAIN = Domain(
    name="airline",
    split="train",
    tables=(AIRPORT, AIRCRAFT, FLIGHT, CREW_MEMBER, CREW_DUTY, PASSENGER, BOOKING),
)
