"""A fitness club: plans, members, trainers, classes, bookings and machines."""

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

CLASS_PARTS = (
    listed("Morning, Power, Gentle, Express, Sunset, Advanced, Weekend"),
    listed("Yoga, Spinning, Pilates, Boxing, Zumba, Core, Stretch, Rowing"),
)
PLAN_PARTS = (
    listed("Bronze, Silver, Gold, Student, Family, Corporate, Flex"),
    listed("Monthly, Quarterly, Annual, Off-Peak"),
)
MACHINE_PARTS = (
    listed("Torva, Kinetix, Ironleaf, Pulse, Marlo, Stridex"),
    listed("Treadmill, Rower, Leg Press, Cable Tower, Exercise Bike, Cross Trainer, Smith Rack"),
)
CITIES = """Madrid, Leeds, Warsaw, Naples, Seoul, Dublin, Rotterdam, Athens, Santiago, Zagreb"""

DOMAIN = Domain(
    name="gym",
    split="train",
    tables=(
        DomainTable(
            name="plans",
            singular=("membership plan", "plan"),
            plural=("membership plans", "plans"),
            rows=24,
            columns=(
                key("id", "plan number, plan code"),
                named("plan_name", "name, plan name", Composed(PLAN_PARTS, unique=True)),
                money(
                    "monthly_fee", "fee, price per month", 14.9, 119, ("most expensive", "cheapest")
                ),
                number(
                    "min_months",
                    "contract term, contract length",
                    1,
                    24,
                    ("longest", "shortest"),
                    unit="months",
                ),
                number("guest_passes", "number of guest passes, guest allowance", 0, 8, nulls=0.2),
                category(
                    "access_level",
                    "access, permitted area",
                    "gym only, gym and pool, all areas, online",
                ),
                flag("sauna", "sauna access, use of the sauna", "Yes, No"),
            ),
        ),
        DomainTable(
            name="members",
            singular=("member", "club member"),
            plural=("members", "club members"),
            rows=90,
            verb=("subscribed to",),
            columns=(
                key("id", "member number, membership number"),
                named("first_name", "given name, forename", Fake("first_name")),
                named("last_name", "surname, family name", Fake("last_name")),
                date(
                    "joined_on",
                    "joining date, start of membership",
                    "2012-01-02",
                    "2024-05-31",
                    ("newest", "longest-standing"),
                ),
                number("birth_year", "year of birth, year born", 1946, 2008),
                category(
                    "goal",
                    "fitness goal, training goal",
                    "weight loss, strength, endurance, flexibility, rehabilitation",
                    nulls=0.15,
                ),
                number(
                    "visits_last_month",
                    "number of recent visits, number of visits last month",
                    0,
                    29,
                    ("most active", "least active"),
                    unit="visits",
                ),
                ref("plan_id", "plans", "plan, subscription"),
            ),
        ),
        DomainTable(
            name="trainers",
            singular=("trainer", "coach"),
            plural=("trainers", "coaches"),
            rows=26,
            columns=(
                key("id", "trainer number, coach number"),
                named("name", "full name, trainer name", Fake("name")),
                category(
                    "expertise",
                    "specialty, field of expertise",
                    "yoga, strength, cardio, boxing, dance, nutrition",
                ),
                money(
                    "session_rate",
                    "price of a session, fee per session",
                    22,
                    95,
                    ("most expensive", "cheapest"),
                    decimals=0,
                ),
                year(
                    "certified_year",
                    "year of certification, certificate year",
                    1996,
                    2023,
                    ("most recently certified", "least recently certified"),
                ),
                number(
                    "rating",
                    "score, rating by members",
                    2.8,
                    5,
                    ("best rated", "worst rated"),
                    decimals=1,
                    nulls=0.15,
                ),
                repeated("city_of_origin", "home city, place of origin", CITIES),
            ),
        ),
        DomainTable(
            name="classes",
            singular=("class", "course"),
            plural=("classes", "courses"),
            rows=45,
            verb=("taught by",),
            columns=(
                key("id", "class number, course number"),
                named("class_title", "title, class name", Composed(CLASS_PARTS, unique=True)),
                ref("trainer_id", "trainers", "trainer, instructor"),
                category(
                    "weekday",
                    "day of the week, day",
                    "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
                ),
                category("intensity", "level, difficulty", "easy, medium, hard, extreme"),
                number(
                    "duration_min",
                    "duration, length",
                    20,
                    90,
                    ("longest", "shortest"),
                    unit="minutes",
                ),
                number(
                    "max_people",
                    "capacity, room for participants",
                    6,
                    40,
                    ("largest", "smallest"),
                ),
                money(
                    "drop_in_price",
                    "price, price for non-members",
                    6,
                    28,
                    ("most expensive", "cheapest"),
                    nulls=0.2,
                ),
            ),
        ),
        DomainTable(
            name="bookings",
            singular=("booking", "reservation"),
            plural=("bookings", "reservations"),
            rows=120,
            verb=("made by", "for"),
            columns=(
                ref("member_id", "members", "member, participant"),
                ref("class_id", "classes", "class, course"),
                date(
                    "booked_on",
                    "booking date, day of the booking",
                    "2024-01-03",
                    "2024-06-10",
                    ("latest", "earliest"),
                ),
                category(
                    "channel", "booking channel, way of booking", "app, website, front desk, phone"
                ),
                flag("attended", "attendance, presence", "Yes, No"),
            ),
        ),
        DomainTable(
            name="machines",
            singular=("machine", "piece of equipment"),
            plural=("machines", "pieces of equipment"),
            rows=40,
            verb=("looked after by",),
            columns=(
                key("id", "machine number, equipment number"),
                named("model", "model name, machine name", Composed(MACHINE_PARTS, unique=True)),
                ref("trainer_id", "trainers", "trainer, person responsible"),
                category(
                    "floor_area",
                    "area, location",
                    "cardio zone, free weights, functional corner, rehab room",
                ),
                money(
                    "cost",
                    "purchase cost, buying price",
                    380,
                    9800,
                    ("most expensive", "cheapest"),
                    decimals=0,
                ),
                date(
                    "bought_on",
                    "purchase date, date of purchase",
                    "2013-05-01",
                    "2024-02-20",
                    ("newest", "oldest"),
                ),
                date(
                    "last_service",
                    "maintenance date, date of the service check",
                    "2023-01-10",
                    "2024-06-01",
                    nulls=0.25,
                ),
                category("machine_state", "condition, state", "new, good, worn, out of order"),
            ),
        ),
    ),
)
