"""A courier service: hubs, riders, senders, parcels, delivery tours, extra services and scans."""

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

HUB_PARTS = (
    listed("North, South, East, West, Central, Airport, Canal, Rail"),
    listed("Hub, Sorting Hall, Depot, Relay"),
)
SERVICE_PARTS = (
    listed("Express, Evening, Weekend, Doorstep, Careful, Green, Priority"),
    listed("Delivery, Handling, Return, Notice, Pick-up"),
)
TOUR_PARTS = (
    listed("Blue, Green, Red, Yellow, Grey, White, Orange"),
    listed("Morning, Noon, Evening, Night"),
    listed("Tour, Round"),
)
CITIES = """Harwick, Port Ellis, Norrvik, Camber, Sainte-Marie, Lowenstadt, Briar Falls, Tessaro,
    Quayside, Milford, Ostrava"""

DOMAIN = Domain(
    name="courier",
    split="test",
    tables=(
        DomainTable(
            name="hub",
            singular=("hub", "sorting centre"),
            plural=("hubs", "sorting centres"),
            rows=22,
            columns=(
                key("hub_cd", "hub code, hub number"),
                named("hub_nm", "name, hub name", Composed(HUB_PARTS, unique=True)),
                repeated("hub_city", "city, town", CITIES),
                category(
                    "rgn_cd", "region, delivery region", "coast, highlands, capital, lakes, border"
                ),
                number(
                    "cap_day",
                    "daily capacity, parcels handled per day",
                    600,
                    46000,
                    ("largest", "smallest"),
                    unit="parcels",
                ),
                year("open_yr", "opening year, year of opening", 1987, 2023, ("newest", "oldest")),
                flag("cold_fl", "cold storage, refrigerated room", "Y, N"),
            ),
        ),
        DomainTable(
            name="rider",
            singular=("rider", "delivery person"),
            plural=("riders", "delivery people"),
            rows=50,
            verb=("working from",),
            columns=(
                key("rider_no", "rider number, staff number"),
                named("rider_nm", "name, full name", Fake("name")),
                ref("hub_cd", "hub", "hub, home hub"),
                category(
                    "veh_tp", "vehicle, kind of vehicle", "bicycle, cargo bike, scooter, van, lorry"
                ),
                date(
                    "join_dt",
                    "hiring date, start date",
                    "2010-01-15",
                    "2024-05-20",
                    ("newest", "longest-serving"),
                ),
                money(
                    "hr_rate", "hourly wage, pay per hour", 11.8, 24.6, ("best paid", "worst paid")
                ),
                number(
                    "avg_rtg",
                    "customer rating, rating by customers",
                    2.9,
                    5,
                    ("best rated", "worst rated"),
                    decimals=1,
                    nulls=0.15,
                ),
            ),
        ),
        DomainTable(
            name="sndr",
            singular=("sender", "business customer"),
            plural=("senders", "business customers"),
            rows=45,
            columns=(
                key("sndr_no", "sender number, account number"),
                named("sndr_nm", "name, company name", Fake("company", unique=True)),
                repeated("sndr_city", "city, home city", CITIES),
                category(
                    "sector",
                    "industry, line of business",
                    "fashion, books, electronics, pharmacy, food, hardware",
                ),
                money(
                    "cr_lim",
                    "credit limit, credit line",
                    500,
                    60000,
                    ("most trusted", "least trusted"),
                    decimals=0,
                    nulls=0.25,
                ),
                date(
                    "since_dt",
                    "start of the contract, contract date",
                    "2008-03-01",
                    "2024-04-30",
                    ("newest", "longest-standing"),
                ),
            ),
        ),
        DomainTable(
            name="tour",
            singular=("tour", "delivery round"),
            plural=("tours", "delivery rounds"),
            rows=50,
            verb=("ridden by",),
            columns=(
                key("tour_no", "tour number, round number"),
                named("tour_nm", "name, tour name", Composed(TOUR_PARTS, unique=True)),
                ref("rider_no", "rider", "rider, person on duty"),
                number(
                    "dist_km",
                    "distance, length",
                    6,
                    184,
                    ("longest", "shortest"),
                    decimals=1,
                    unit="kilometres",
                ),
                number(
                    "stop_cnt",
                    "number of stops, stop count",
                    5,
                    96,
                    ("busiest", "quietest"),
                    unit="stops",
                ),
                category(
                    "wkday",
                    "weekday, day of the week",
                    "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday",
                ),
                money(
                    "fuel_cost",
                    "fuel bill, cost of fuel",
                    2,
                    74,
                    ("most expensive", "cheapest"),
                    nulls=0.3,
                ),
            ),
        ),
        DomainTable(
            name="pcl",
            singular=("parcel", "package"),
            plural=("parcels", "packages"),
            rows=120,
            verb=("sent by", "delivered on"),
            columns=(
                key("pcl_no", "parcel number, tracking number"),
                ref("sndr_no", "sndr", "sender, shipper"),
                ref("tour_no", "tour", "tour, delivery round"),
                named("rcpt_nm", "recipient, addressee", Fake("name")),
                number(
                    "wt_kg",
                    "weight, weight in kilograms",
                    0.1,
                    31.5,
                    ("heaviest", "lightest"),
                    decimals=1,
                    unit="kilograms",
                ),
                money("ship_fee", "postage, shipping fee", 2.9, 58, ("most expensive", "cheapest")),
                date(
                    "dlv_dt",
                    "delivery date, day of delivery",
                    "2024-01-03",
                    "2024-06-20",
                    ("latest", "earliest"),
                    nulls=0.15,
                ),
                category(
                    "pcl_st",
                    "status, delivery status",
                    "delivered, in transit, lost, returned, at pick-up point",
                ),
            ),
        ),
        DomainTable(
            name="svc",
            singular=("service", "extra service"),
            plural=("services", "extra services"),
            rows=24,
            columns=(
                key("svc_cd", "service code, service number"),
                named("svc_nm", "name, service name", Composed(SERVICE_PARTS, unique=True)),
                category(
                    "svc_grp", "group, kind of service", "speed, safety, comfort, environment"
                ),
                money(
                    "svc_fee", "surcharge, extra charge", 0.5, 18, ("most expensive", "cheapest")
                ),
                year(
                    "intro_yr",
                    "year of introduction, launch year",
                    2003,
                    2024,
                    ("newest", "oldest"),
                ),
                number(
                    "max_kg", "weight limit, permitted weight", 2, 30, unit="kilograms", nulls=0.3
                ),
            ),
        ),
        DomainTable(
            name="pcl_svc",
            singular=("service booking", "booked service"),
            plural=("service bookings", "booked services"),
            rows=110,
            verb=("made for", "of"),
            columns=(
                ref("pcl_no", "pcl", "parcel, package"),
                ref("svc_cd", "svc", "service, extra"),
                date(
                    "bkg_dt",
                    "booking date, day of booking",
                    "2023-12-20",
                    "2024-06-19",
                    ("latest", "earliest"),
                ),
                category(
                    "bkg_src", "source, booking channel", "web shop, app, counter, call centre"
                ),
                money("disc_amt", "discount, rebate", 0.1, 4, ("largest", "smallest"), nulls=0.4),
            ),
        ),
    ),
)
