"""A shipping port: berths, shipping lines, vessels, port calls, pilots and containers."""

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

BERTH_NAME_STARTS = "North Quay, South Quay, Oil Jetty, Grain Pier, Cruise Pier, Container Dock"

BERTH = DomainTable(
    name="berth",
    singular=("berth", "mooring"),
    plural=("berths", "moorings"),
    rows=24,
    columns=(
        key("brth_id", "berth number, mooring number"),
        named(
            "brth_nm",
            "name, mooring name",
            Composed((listed(BERTH_NAME_STARTS), listed("1, 2, 3, 4, 5, 6, 7")), unique=True),
        ),
        category("trm_cd", "terminal, part of the port", "Alpha, Bravo, Delta, Echo, Tango"),
        number(
            "depth_m",
            "water depth, depth",
            6.5,
            18.5,
            ("deepest", "shallowest"),
            unit="metres",
            decimals=1,
        ),
        number("len_m", "length, quay length", 90, 460, ("longest", "shortest"), unit="metres"),
        money(
            "hr_fee",
            "hourly fee, fee per hour",
            60,
            1900,
            ("most expensive", "cheapest"),
            decimals=0,
            nulls=0.08,
        ),
        year("blt_yr", "year of construction, construction year", 1921, 2022, ("newest", "oldest")),
    ),
)

SHIPPING_LINE_NAMES = """Polar Star Line, Meridian Cargo, Blue Anchor, Trans-Gulf Shipping,
    Hansa Feeder, Pacific Lantern, Orient Bridge, Baltic Breeze, Cape Horn Carriers, Jade River,
    Golden Compass, Atlantic Union, Fjordline Freight, Sunda Straits, Iberia Maritime,
    Red Pennant, Harbour Wolf, Albatross Marine, Black Pearl Tankers, Levant Ferries,
    Northern Tide, Coral Express, Windward Bulk, Kestrel Logistics"""

SHIP_LN = DomainTable(
    name="ship_ln",
    singular=("shipping line", "carrier"),
    plural=("shipping lines", "carriers"),
    rows=22,
    columns=(
        key("ln_id", "carrier number, line number"),
        named("ln_nm", "name, carrier name", SHIPPING_LINE_NAMES),
        category(
            "hq_ctry",
            "home country, country of the head office",
            "Denmark, China, Greece, Singapore, Panama, Norway, Italy",
        ),
        category("svc_tp", "kind of service, business", "liner, feeder, tanker, bulk, ferry"),
        year("fnd_yr", "founding year, year of foundation", 1862, 2016, ("youngest", "oldest")),
        number(
            "fleet_qty",
            "fleet size, number of ships owned",
            3,
            420,
            ("largest", "smallest"),
            unit="ships",
        ),
        money("cr_lim", "credit limit, credit line", 50000, 9000000, decimals=0, nulls=0.15),
    ),
)

VESSEL_NAME_ENDS = """Tromso, Aurora, Valparaiso, Mersey, Lucia, Hope, Kyoto, Bosporus, Calypso,
    Amundsen, Victoria, Marigold, Orion, Zanzibar"""

VSL = DomainTable(
    name="vsl",
    singular=("vessel", "ship"),
    plural=("vessels", "ships"),
    rows=60,
    verb=("operated by",),
    columns=(
        key("vsl_id", "vessel number, ship number"),
        named(
            "vsl_nm",
            "name, ship name",
            Composed(
                (
                    listed("Ever, Star of, Pride of, Spirit of, Lady, Nordic"),
                    listed(VESSEL_NAME_ENDS),
                ),
                unique=True,
            ),
        ),
        ref("ln_id", "ship_ln", "carrier number, line number"),
        category(
            "vsl_tp",
            "type of ship, class of ship",
            "container ship, bulk carrier, oil tanker, car carrier, cruise ship, tugboat",
        ),
        category(
            "flag_ctry",
            "flag state, country of registration",
            "Liberia, Malta, Panama, Bahamas, Norway, Cyprus",
        ),
        number("gt", "gross tonnage, tonnage", 480, 228000, ("largest", "smallest"), unit="tons"),
        number(
            "crew_qty",
            "crew size, number of sailors",
            4,
            1150,
            ("most heavily crewed", "least heavily crewed"),
            unit="sailors",
            nulls=0.06,
        ),
        date(
            "launch_dt",
            "launch date, day of launching",
            "1984-05-01",
            "2023-11-30",
            ("newest", "oldest"),
        ),
    ),
)

PORT_CALL = DomainTable(
    name="port_call",
    singular=("port call", "ship visit"),
    plural=("port calls", "ship visits"),
    rows=110,
    verb=("made by", "using"),
    columns=(
        key("call_id", "call number, visit number"),
        ref("vsl_id", "vsl", "vessel number, ship number"),
        ref("brth_id", "berth", "berth number, mooring number"),
        date(
            "arr_dt",
            "arrival date, day of arrival",
            "2023-01-01",
            "2024-10-20",
            ("latest", "earliest"),
        ),
        date("dep_dt", "departure date, day of departure", "2023-01-03", "2024-11-05", nulls=0.15),
        category(
            "prev_port",
            "previous port, last port",
            "Hamburg, Shanghai, Santos, Algeciras, Durban, Busan, Halifax",
        ),
        number(
            "cargo_t",
            "cargo weight, amount of cargo",
            0,
            92000,
            ("heaviest", "lightest"),
            unit="tons",
        ),
        money(
            "dues_amt",
            "port dues, harbour charges",
            350,
            88000,
            ("most expensive", "cheapest"),
            decimals=0,
            nulls=0.1,
        ),
    ),
)

PILOT = DomainTable(
    name="pilot",
    singular=("harbour pilot", "pilot"),
    plural=("harbour pilots", "pilots"),
    rows=24,
    columns=(
        key("plt_id", "pilot number, pilot id"),
        named("plt_nm", "name, full name", Fake("name", unique=True)),
        category("rnk", "rank, grade", "junior, senior, master, trainee"),
        date(
            "lic_dt",
            "licence date, date of the licence",
            "1994-01-15",
            "2023-12-01",
            ("most recently licensed", "longest licensed"),
        ),
        number(
            "max_gt", "tonnage limit, largest tonnage allowed", 5000, 240000, unit="tons", nulls=0.1
        ),
        money(
            "sal_amt", "salary, yearly pay", 52000, 148000, ("best paid", "worst paid"), decimals=0
        ),
    ),
)

PILOTAGE = DomainTable(
    name="pilotage",
    singular=("pilot job", "pilotage"),
    plural=("pilot jobs", "pilotages"),
    rows=100,
    verb=("carried out by", "during"),
    columns=(
        ref("plt_id", "pilot", "pilot number, pilot id"),
        ref("call_id", "port_call", "call number, visit number"),
        category("dir_cd", "direction, direction of travel", "inbound, outbound, shifting"),
        number(
            "dur_min",
            "duration, length of the job",
            20,
            260,
            ("longest", "shortest"),
            unit="minutes",
        ),
        number("tug_qty", "number of tugs, tugs used", 0, 5, unit="tugs"),
        number(
            "wind_kt",
            "wind speed, force of the wind",
            0,
            48,
            ("windiest", "calmest"),
            unit="knots",
            nulls=0.1,
        ),
    ),
)

CONTAINER_CONTENTS = """electronics, coffee, furniture, frozen fish, machine parts, textiles,
    chemicals"""

CNTR = DomainTable(
    name="cntr",
    singular=("container", "box"),
    plural=("containers", "boxes"),
    rows=120,
    verb=("unloaded during",),
    columns=(
        key("cntr_id", "container number, box number"),
        ref("call_id", "port_call", "call number, visit number"),
        fake("shpr_nm", "shipper, sender", "company"),
        category(
            "size_tp", "size, container type", "20 foot, 40 foot, 40 foot high cube, 45 foot, tank"
        ),
        category("goods", "contents, kind of goods", CONTAINER_CONTENTS, nulls=0.08),
        number(
            "wt_kg", "weight, gross weight", 2300, 30400, ("heaviest", "lightest"), unit="kilograms"
        ),
        money(
            "val_amt",
            "declared value, customs value",
            1800,
            940000,
            ("most valuable", "least valuable"),
            decimals=0,
            nulls=0.12,
        ),
        named(
            "seal_nm",
            "seal mark, seal",
            Composed(
                (
                    listed("KX, LM, QT, RV"),
                    listed("1044, 1187, 2096, 2311, 3470, 3928, 4405, 5562, 6019, 7730"),
                )
            ),
            nulls=0.1,
        ),
    ),
)

DOMAIN = Domain(
    name="shipping_port",
    split="test",
    tables=(BERTH, SHIP_LN, VSL, PORT_CALL, PILOT, PILOTAGE, CNTR),
)
