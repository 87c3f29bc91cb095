"""A software house: teams, developers, projects, releases, tickets, labels and commits."""

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
    year,
)

PROJECT_NAMES = """atlas-gateway, billing-core, beacon, cargo-planner, chatterbox, deepfreeze,
    docsmith, echo-mailer, falcon-search, formkit, gardener, harbor-ui, inkwell, invoice-bot,
    jukebox-api, kitefly, lantern, ledgerlite, mapmaker, metric-hub, night-watch, orchard,
    paperboy, pixelpress, quicksync, riverbed, signpost, tidepool, umbrella-auth, voicebox,
    weathervane, yardstick"""
TEAM_NAMES = """Platform, Payments, Search, Mobile, Data Science, Design Systems, Infrastructure,
    Growth, Security, Quality, Integrations, Support Tools, Identity, Messaging, Analytics,
    Developer Tools, Localisation, Hardware, Compliance, Checkout"""
LABEL_NAMES = """bug, enhancement, documentation, performance, security, regression, duplicate,
    wontfix, good first issue, help wanted, needs triage, blocked, breaking change,
    accessibility, refactoring, flaky test, user interface, database, networking, build system,
    translation, customer report"""
CODENAME_PARTS = (
    listed("Amber, Brisk, Calm, Dusty, Eager, Fuzzy, Gentle, Happy, Icy, Jolly"),
    listed("Badger, Crane, Dolphin, Falcon, Gecko, Heron, Ibex, Jackal"),
)
ISSUE_PARTS = (
    listed("Crash, Timeout, Memory leak, Wrong total, Missing label, Slow response, Broken link"),
    listed("in the login page, during export, after upgrade, in the search box, on mobile"),
    listed("with large files, for guests, behind a proxy, in dark mode"),
)

DOMAIN = Domain(
    name="software_projects",
    split="train",
    tables=(
        DomainTable(
            name="team",
            singular=("team", "squad"),
            plural=("teams", "squads"),
            rows=20,
            columns=(
                key("id", "team number, squad number"),
                named("team_name", "name, team name", TEAM_NAMES),
                category("office", "site, location", "Berlin, Nairobi, Toronto, Kraków, Remote"),
                money(
                    "budget",
                    "yearly budget, yearly funding",
                    180000,
                    3200000,
                    ("best funded", "worst funded"),
                    decimals=0,
                ),
                year(
                    "created_year",
                    "year of creation, founding year",
                    2008,
                    2023,
                    ("newest", "oldest"),
                ),
                number(
                    "meeting_hours",
                    "weekly meeting time, time in meetings",
                    1,
                    14,
                    unit="hours",
                    nulls=0.15,
                ),
            ),
        ),
        DomainTable(
            name="developer",
            singular=("developer", "engineer"),
            plural=("developers", "engineers"),
            rows=60,
            verb=("belonging to",),
            columns=(
                key("id", "developer number, staff number"),
                named("full_name", "name, full name", Fake("name")),
                named("login", "user name, account name", Fake("user_name", unique=True)),
                ref("team_id", "team", "team, squad"),
                category(
                    "seniority", "level, career level", "junior, regular, senior, principal, intern"
                ),
                category(
                    "main_language",
                    "programming language, preferred language",
                    "Python, Go, Rust, TypeScript, Kotlin, C++",
                ),
                money(
                    "salary",
                    "pay, yearly pay",
                    32000,
                    164000,
                    ("best paid", "worst paid"),
                    decimals=0,
                ),
                date(
                    "hired_at",
                    "hiring date, start date",
                    "2009-02-01",
                    "2024-05-15",
                    ("newest", "longest-serving"),
                ),
            ),
        ),
        DomainTable(
            name="project",
            singular=("project", "repository"),
            plural=("projects", "repositories"),
            rows=32,
            verb=("maintained by",),
            columns=(
                key("id", "project number, repository number"),
                named("slug", "name, project name", PROJECT_NAMES),
                ref("team_id", "team", "team, owning team"),
                category(
                    "license",
                    "licence, type of licence",
                    "MIT, Apache-2.0, GPL-3.0, BSD, proprietary",
                ),
                number(
                    "stars",
                    "number of stars, star count",
                    0,
                    48000,
                    ("most popular", "least popular"),
                    unit="stars",
                ),
                number(
                    "code_lines",
                    "number of lines of code, code size",
                    900,
                    740000,
                    ("largest", "smallest"),
                    unit="lines",
                ),
                date(
                    "created_at",
                    "creation date, start of the project",
                    "2010-03-04",
                    "2024-04-30",
                    ("newest", "oldest"),
                ),
                flag("archived", "archived state, archive mark", "true, false"),
            ),
        ),
        DomainTable(
            name="version",
            singular=("version", "published version"),
            plural=("versions", "published versions"),
            rows=70,
            verb=("of",),
            columns=(
                key("id", "version number, version key"),
                ref("project_id", "project", "project, repository"),
                named("codename", "name, code name", Composed(CODENAME_PARTS, unique=True)),
                date(
                    "published_at",
                    "publication date, day it came out",
                    "2018-01-10",
                    "2024-06-12",
                    ("latest", "earliest"),
                ),
                number(
                    "downloads",
                    "number of downloads, download count",
                    12,
                    930000,
                    ("most downloaded", "least downloaded"),
                    unit="downloads",
                ),
                category("channel", "maturity, release channel", "alpha, beta, candidate, stable"),
                number(
                    "size_mb",
                    "file size, size in megabytes",
                    0.4,
                    380,
                    ("biggest", "smallest"),
                    decimals=1,
                    nulls=0.15,
                ),
            ),
        ),
        DomainTable(
            name="issue",
            singular=("issue", "ticket"),
            plural=("issues", "tickets"),
            rows=120,
            verb=("filed against", "assigned to"),
            columns=(
                key("id", "issue number, ticket number"),
                named("title", "headline, issue title", Composed(ISSUE_PARTS, unique=True)),
                ref("project_id", "project", "project, repository"),
                ref("assignee_id", "developer", "assignee, responsible developer"),
                category(
                    "severity", "priority, seriousness", "trivial, minor, major, critical, blocker"
                ),
                date(
                    "opened_at",
                    "opening date, day it was opened",
                    "2021-01-11",
                    "2024-03-31",
                    ("latest", "earliest"),
                ),
                date(
                    "closed_at",
                    "closing date, day it was closed",
                    "2024-04-01",
                    "2024-06-20",
                    nulls=0.4,
                ),
                number(
                    "comments",
                    "number of comments, reply count",
                    0,
                    64,
                    ("most discussed", "least discussed"),
                    unit="comments",
                ),
            ),
        ),
        DomainTable(
            name="label",
            singular=("label", "tag"),
            plural=("labels", "tags"),
            rows=22,
            columns=(
                key("id", "label number, tag number"),
                named("label_text", "name, label name", LABEL_NAMES),
                category(
                    "color", "label colour, shade", "red, orange, yellow, green, blue, violet, grey"
                ),
                category("scope", "area of use, area", "triage, type, component, community"),
                year(
                    "added_year",
                    "year of introduction, year it was added",
                    2015,
                    2024,
                    ("newest", "oldest"),
                    nulls=0.2,
                ),
            ),
        ),
        DomainTable(
            name="issue_label",
            singular=("tagging", "label assignment"),
            plural=("taggings", "label assignments"),
            rows=120,
            verb=("on", "with", "made by"),
            columns=(
                ref("issue_id", "issue", "issue, ticket"),
                ref("label_id", "label", "label, tag"),
                ref("developer_id", "developer", "developer, tagging developer"),
                date(
                    "tagged_at",
                    "tagging date, day of the tagging",
                    "2024-01-02",
                    "2024-06-20",
                    ("latest", "earliest"),
                ),
            ),
        ),
    ),
)
