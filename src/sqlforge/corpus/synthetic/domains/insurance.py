"""An insurance company: plans, agents, clients, policies, who is insured, and claims."""

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

PLAN_PARTS = (
    listed("Basic, Comfort, Premium, Family, Senior, Starter, Gold"),
    listed("Oak, Harbour, Compass, Summit, Anchor, Meadow"),
    listed("Cover, Protect, Shield"),
)
CITIES = """Lisbon, Ghent, Leeds, Turin, Graz, Malmö, Tampere, Cork, Lyon, Gdansk, Bergen, Porto,
    Basel, Aarhus, Bristol, Utrecht"""
ADJUSTERS = """Ruth Adeyemi, Paul Lindgren, Carla Mendes, Ivo Novak, Grace Whitlock,
    Samir Haddad, Helen Doyle, Marek Zielinski, Yuki Arai, Peter Vance"""

DOMAIN = Domain(
    name="insurance",
    split="train",
    tables=(
        DomainTable(
            name="ins_plan",
            singular=("plan", "insurance product"),
            plural=("plans", "insurance products"),
            rows=28,
            columns=(
                key("plan_cd", "plan code, product code"),
                named("plan_nm", "name, plan name", Composed(PLAN_PARTS, unique=True)),
                category(
                    "line_cd",
                    "line of business, insurance class",
                    "motor, home, travel, health, life, pet",
                ),
                money(
                    "base_prem",
                    "base premium, starting premium",
                    35,
                    1450,
                    ("most expensive", "cheapest"),
                ),
                money(
                    "max_cov",
                    "coverage limit, coverage ceiling",
                    5000,
                    900000,
                    ("most generous", "least generous"),
                    decimals=0,
                ),
                number("min_age", "entry age, age limit", 0, 50, unit="years", nulls=0.2),
                date(
                    "launch_dt",
                    "launch date, date of introduction",
                    "1996-01-01",
                    "2023-07-01",
                    ("newest", "oldest"),
                ),
            ),
        ),
        DomainTable(
            name="agt",
            singular=("agent", "broker"),
            plural=("agents", "brokers"),
            rows=30,
            columns=(
                key("agt_id", "agent number, agent code"),
                named("agt_nm", "name, full name", Fake("name")),
                category("rgn", "region, sales region", "north, south, east, west, central"),
                category("agt_lvl", "level, grade", "trainee, junior, senior, partner"),
                number(
                    "comm_pct",
                    "commission, commission rate",
                    2,
                    17.5,
                    ("best rewarded", "worst rewarded"),
                    decimals=1,
                    unit="percent",
                ),
                year(
                    "lic_yr",
                    "licence year, year of licensing",
                    1989,
                    2023,
                    ("most recently licensed", "least recently licensed"),
                ),
                named("agt_tel", "phone number, telephone", Fake("phone_number"), nulls=0.2),
            ),
        ),
        DomainTable(
            name="cust",
            singular=("customer", "client"),
            plural=("customers", "clients"),
            rows=80,
            columns=(
                key("cust_no", "customer number, client number"),
                named("cust_nm", "name, full name", Fake("name")),
                repeated("cust_city", "city, home town", CITIES),
                category(
                    "occ_grp",
                    "occupation, line of work",
                    "office, trades, healthcare, education, retired, self-employed",
                ),
                date(
                    "birth_dt",
                    "date of birth, birthday",
                    "1938-01-01",
                    "2004-12-31",
                    ("youngest", "oldest"),
                ),
                money(
                    "ann_inc",
                    "income, annual income",
                    14000,
                    185000,
                    ("richest", "poorest"),
                    decimals=0,
                    nulls=0.2,
                ),
                flag("smkr", "smoking status, smoker mark", "Y, N"),
            ),
        ),
        DomainTable(
            name="pol",
            singular=("policy", "insurance contract"),
            plural=("policies", "insurance contracts"),
            rows=110,
            verb=("based on", "sold by"),
            columns=(
                key("pol_no", "policy number, contract number"),
                ref("plan_cd", "ins_plan", "plan, product"),
                ref("agt_id", "agt", "agent, seller"),
                date(
                    "eff_dt",
                    "effective date, start of cover",
                    "2015-01-01",
                    "2024-05-01",
                    ("newest", "oldest"),
                ),
                date("exp_dt", "expiry date, end of cover", "2024-06-01", "2032-12-31", nulls=0.2),
                money(
                    "prem_amt", "premium, yearly premium", 48, 2900, ("most expensive", "cheapest")
                ),
                category(
                    "pay_freq",
                    "payment frequency, billing cycle",
                    "monthly, quarterly, half-yearly, yearly",
                ),
                category("pol_st", "status, policy status", "active, lapsed, cancelled, pending"),
            ),
        ),
        DomainTable(
            name="pol_cust",
            singular=("insured person", "person on a policy"),
            plural=("insured persons", "persons on policies"),
            rows=120,
            verb=("covered by", "registered as"),
            columns=(
                ref("pol_no", "pol", "policy, contract"),
                ref("cust_no", "cust", "customer, client"),
                category(
                    "rel_cd",
                    "relationship, role on the policy",
                    "holder, spouse, child, parent, employee",
                ),
                number(
                    "shr_pct",
                    "share, share of the benefit",
                    10,
                    100,
                    unit="percent",
                ),
            ),
        ),
        DomainTable(
            name="clm",
            singular=("claim", "damage report"),
            plural=("claims", "damage reports"),
            rows=110,
            verb=("made under",),
            columns=(
                key("clm_no", "claim number, case number"),
                ref("pol_no", "pol", "policy, contract"),
                category(
                    "cause_cd",
                    "cause, cause of damage",
                    "collision, fire, theft, water, storm, illness, vandalism",
                ),
                date(
                    "rpt_dt",
                    "report date, day it was reported",
                    "2019-01-03",
                    "2024-05-29",
                    ("latest", "earliest"),
                ),
                money("clm_amt", "amount claimed, claimed sum", 60, 48000, ("largest", "smallest")),
                money(
                    "paid_amt",
                    "payout, settlement",
                    0,
                    39000,
                    nulls=0.3,
                ),
                repeated("adj_nm", "adjuster, loss adjuster", ADJUSTERS),
                repeated("loss_city", "place of the damage, city of the incident", CITIES),
            ),
        ),
        DomainTable(
            name="visit",
            singular=("inspection", "site visit"),
            plural=("inspections", "site visits"),
            rows=70,
            verb=("carried out for", "attended by"),
            columns=(
                key("visit_id", "inspection number, visit number"),
                ref("clm_no", "clm", "claim, case"),
                ref("agt_id", "agt", "agent, visiting agent"),
                date(
                    "visit_dt",
                    "inspection date, day of the visit",
                    "2019-02-01",
                    "2024-06-15",
                    ("latest", "earliest"),
                ),
                number(
                    "dur_min",
                    "duration, length of the visit",
                    15,
                    240,
                    ("longest", "shortest"),
                    unit="minutes",
                ),
                category(
                    "outcome",
                    "result, finding",
                    "approved, reduced, rejected, further checks",
                    nulls=0.15,
                ),
                repeated("office_city", "office, responsible office", CITIES),
            ),
        ),
    ),
)
