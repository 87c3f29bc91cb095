"""An estate agency: offices, agents, owners, properties, viewings and sales."""

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

OFFICE_NAME_STARTS = "Harbourside, Old Town, Westgate, Lakeview, Parkside, University, Hill Street"

OFFICE = DomainTable(
    name="OFFICE",
    singular=("office", "agency office"),
    plural=("offices", "agency offices"),
    rows=20,
    columns=(
        key("OFF_ID", "office number, office id"),
        named(
            "OFF_NM",
            "name, office name",
            Composed(
                (listed(OFFICE_NAME_STARTS), listed("Homes, Realty, Property Centre, Lettings")),
                unique=True,
            ),
        ),
        category(
            "REGION", "sales region, area", "north coast, inner city, suburbs, valley, islands"
        ),
        year("OPEN_YR", "year of opening, opening year", 1974, 2023, ("newest", "oldest")),
        money(
            "RENT_AMT",
            "monthly rent, office rent",
            900,
            14500,
            ("most expensive", "cheapest"),
            decimals=0,
            nulls=0.1,
        ),
        number("DESKS", "number of desks, desk count", 3, 40, unit="desks"),
    ),
)

AGENT = DomainTable(
    name="AGENT",
    singular=("agent", "broker"),
    plural=("agents", "brokers"),
    rows=40,
    verb=("working for",),
    columns=(
        key("AGT_ID", "agent number, agent id"),
        named("AGT_NM", "name, agent name", Fake("name", unique=True)),
        ref("OFF_ID", "OFFICE", "office number, office id"),
        category(
            "LIC_TYPE",
            "licence type, kind of licence",
            "associate, broker, managing broker, trainee",
        ),
        date(
            "HIRE_DT",
            "hiring date, first working day",
            "1999-02-01",
            "2024-07-01",
            ("most recently hired", "longest serving"),
        ),
        number(
            "COMM_PCT",
            "commission rate, commission percentage",
            0.8,
            5.5,
            ("highest-charging", "lowest-charging"),
            unit="percent",
            decimals=1,
        ),
        named(
            "MOBILE", "mobile number, phone number", Fake("phone_number", unique=True), nulls=0.1
        ),
    ),
)

OWNER = DomainTable(
    name="OWNER",
    singular=("owner", "landlord"),
    plural=("owners", "landlords"),
    rows=60,
    columns=(
        key("OWN_ID", "owner number, owner id"),
        named("OWN_NM", "name, owner name", Fake("name", unique=True)),
        category(
            "OWN_TYPE",
            "type of owner, legal form",
            "private person, company, housing association, trust, municipality",
        ),
        date(
            "SINCE_DT",
            "registration date, date of registration",
            "2005-01-10",
            "2024-08-01",
            ("newest", "longest standing"),
        ),
        named("EMAIL", "e-mail address, mail address", Fake("email", unique=True), nulls=0.2),
    ),
)

PROPERTY = DomainTable(
    name="PROPERTY",
    singular=("property", "home"),
    plural=("properties", "homes"),
    rows=100,
    verb=("owned by", "represented by"),
    columns=(
        key("PROP_ID", "property number, property id"),
        named("STREET", "address, street address", Fake("street_address", unique=True)),
        ref("OWN_ID", "OWNER", "owner number, owner id"),
        ref("AGT_ID", "AGENT", "agent number, agent id"),
        category(
            "KIND",
            "type of property, kind of home",
            "apartment, detached house, terraced house, studio, bungalow, loft, farmhouse",
        ),
        money(
            "ASK_PRICE",
            "asking price, price",
            62000,
            3400000,
            ("most expensive", "cheapest"),
            decimals=0,
        ),
        number(
            "AREA_SQM",
            "living area, floor space",
            22,
            540,
            ("largest", "smallest"),
            unit="square metres",
        ),
        year(
            "BUILT_YR",
            "year of construction, construction year",
            1840,
            2024,
            ("newest", "oldest"),
            nulls=0.12,
        ),
    ),
)

FEATURE_NAMES = """swimming pool, garage, roof terrace, fireplace, sauna, wine cellar,
    home office, lift, garden, solar panels, heat pump, walk-in closet, guest toilet, balcony,
    floor heating, smart lock, bay window, carport, workshop, sea view, alarm system,
    fitted kitchen, winter garden, bicycle shed, attic storage, tennis court"""

FEATURE = DomainTable(
    name="FEATURE",
    singular=("feature", "amenity"),
    plural=("features", "amenities"),
    rows=24,
    columns=(
        key("FEAT_ID", "feature number, amenity number"),
        named("FEAT_NM", "name, amenity name", FEATURE_NAMES),
        category(
            "FEAT_GRP", "group, kind of amenity", "comfort, outdoor, energy, security, storage"
        ),
        money(
            "AVG_UPLIFT",
            "average added value, rise in value",
            500,
            85000,
            ("most valuable", "least valuable"),
            decimals=0,
            nulls=0.1,
        ),
        number("DEMAND", "demand score, popularity score", 1, 100, ("most wanted", "least wanted")),
    ),
)

PROP_FEAT = DomainTable(
    name="PROP_FEAT",
    singular=("equipment entry", "fitted feature"),
    plural=("equipment entries", "fitted features"),
    rows=120,
    verb=("listed for", "describing"),
    columns=(
        ref("PROP_ID", "PROPERTY", "property number, property id"),
        ref("FEAT_ID", "FEATURE", "feature number, amenity number"),
        category("COND", "condition, state of repair", "new, good, worn, needs repair"),
        year(
            "INST_YR",
            "year of installation, installation year",
            1990,
            2024,
            ("newest", "oldest"),
            nulls=0.2,
        ),
    ),
)

VIEWING = DomainTable(
    name="VIEWING",
    singular=("viewing", "house tour"),
    plural=("viewings", "house tours"),
    rows=110,
    verb=("of", "led by"),
    columns=(
        key("VIEW_ID", "viewing number, tour number"),
        ref("PROP_ID", "PROPERTY", "property number, property id"),
        ref("AGT_ID", "AGENT", "agent number, agent id"),
        fake("VISITOR", "visitor, visitor name", "name"),
        date(
            "VIEW_DT",
            "date of the viewing, day of the tour",
            "2023-01-04",
            "2024-10-31",
            ("latest", "earliest"),
        ),
        number("MINS", "duration, length", 10, 95, ("longest", "shortest"), unit="minutes"),
        category(
            "FEEDBACK",
            "reaction, visitor response",
            "very interested, interested, undecided, not interested",
            nulls=0.2,
        ),
    ),
)

SALE = DomainTable(
    name="SALE",
    singular=("sale", "completed deal"),
    plural=("sales", "completed deals"),
    rows=45,
    verb=("of",),
    columns=(
        key("SALE_ID", "sale number, deal number"),
        ref("PROP_ID", "PROPERTY", "property number, property id"),
        fake("BUYER", "buyer, buyer name", "name"),
        date(
            "SOLD_DT",
            "date of sale, day of the contract",
            "2021-03-01",
            "2024-10-25",
            ("latest", "earliest"),
        ),
        money(
            "PRICE",
            "final price, purchase price",
            58000,
            3250000,
            ("most expensive", "cheapest"),
            decimals=0,
        ),
        category(
            "FINANCING",
            "form of financing, way of paying",
            "mortgage, cash, family loan, state programme",
        ),
        money("TAX_AMT", "transfer tax, tax", 0, 160000, decimals=0, nulls=0.15),
    ),
)

DOMAIN = Domain(
    name="real_estate",
    split="train",
    tables=(OFFICE, AGENT, OWNER, PROPERTY, FEATURE, PROP_FEAT, VIEWING, SALE),
)
