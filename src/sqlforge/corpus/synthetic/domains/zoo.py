"""A zoo: enclosures, species, animals, keepers, feedings and check-ups."""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import Dates, Domain, Fake, Numbers
from sqlforge.corpus.synthetic.notation import col, composed, key, link, listed, table

ENCLOSURE = table(
    "Enclosure",
    "enclosure, exhibit",
    "enclosures, exhibits",
    24,
    "",
    key("EnclosureID", "enclosure number, exhibit number"),
    col(
        "Label",
        "name",
        "name, enclosure name",
        listed(
            """Savannah Plain, Lion Ridge, Penguin Cove, Reptile House, Tropical Dome,
            Bamboo Grove, Nocturnal Hall, Seal Harbour, Elephant Valley, Monkey Island,
            Wolf Forest, Desert Walk, Flamingo Lagoon, Butterfly Garden, Bear Canyon,
            Insect Vault, Aviary North, Aviary South, Otter Creek, Giraffe Terrace,
            Tapir Swamp, Owl Tower, Koala Corner, Mangrove Tank, Red Panda Heights,
            Bison Meadow""",
            unique=True,
        ),
    ),
    col(
        "Climate",
        "category",
        "climate, climate zone",
        listed("tropical, arid, temperate, polar, aquatic"),
    ),
    col(
        "AreaSqm",
        "number",
        "area, surface area",
        Numbers(30, 14000),
        "largest, smallest",
        "square metres",
    ),
    col(
        "BuiltYear",
        "year",
        "construction year, year of construction",
        Numbers(1931, 2022),
        "newest, oldest",
    ),
    col(
        "UpkeepCost",
        "money",
        "monthly upkeep, maintenance cost",
        Numbers(400, 26000, 0, 0.1),
        "most costly, cheapest",
        "dollars",
    ),
)

SPECIES = table(
    "Species",
    "species, kind of animal",
    "species, kinds of animals",
    30,
    "",
    key("SpeciesID", "species number, species id"),
    col(
        "CommonName",
        "name",
        "common name, everyday name",
        listed(
            """African Lion, Snow Leopard, Plains Zebra, Humboldt Penguin, Green Iguana,
            Red Panda, Asian Elephant, Grey Wolf, Harbour Seal, Scarlet Macaw, Giant Anteater,
            Meerkat, Barn Owl, Nile Crocodile, Malayan Tapir, Brown Bear, Ring-tailed Lemur,
            Okapi, Reticulated Giraffe, Chilean Flamingo, Komodo Dragon, Capybara, Pygmy Hippo,
            Fennec Fox, Black-footed Cat, Sloth Bear, Orangutan, Galapagos Tortoise, Emu,
            Eurasian Lynx, Bactrian Camel, Sea Otter, Snowy Owl""",
            unique=True,
        ),
    ),
    col(
        "AnimalClass",
        "category",
        "class, taxonomic class",
        listed("mammal, bird, reptile, amphibian, fish"),
    ),
    col(
        "Diet",
        "category",
        "diet, feeding type",
        listed("carnivore, herbivore, omnivore, insectivore, piscivore"),
    ),
    col(
        "RedListStatus",
        "category",
        "conservation status, threat level",
        listed("least concern, near threatened, vulnerable, endangered, critically endangered"),
        share_null=0.1,
    ),
    col(
        "LifespanYears",
        "number",
        "life expectancy, typical lifespan",
        Numbers(4, 120),
        "longest-lived, shortest-lived",
        "years",
    ),
    col(
        "Continent",
        "category",
        "continent of origin, home continent",
        listed("Africa, Asia, Europe, North America, South America, Australia"),
    ),
)

ANIMAL = table(
    "Animal",
    "animal, zoo animal",
    "animals, zoo animals",
    90,
    "belonging to, living in",
    key("AnimalID", "animal number, animal id"),
    col(
        "GivenName",
        "name",
        "name, pet name",
        composed(
            """Kiko, Nala, Boris, Luna, Tarek, Mochi, Zuri, Odin, Pepper, Sasha, Bruno, Amara,
            Figaro, Juno, Otis, Wanda, Rafiki, Hazel, Diego, Maple, Suki, Atlas, Biscuit,
            Freya, Gizmo"""
        ),
    ),
    link("SpeciesID", "Species", "species number, species id"),
    link("EnclosureID", "Enclosure", "enclosure number, exhibit number"),
    col("Sex", "category", "sex, gender", listed("female, male, unknown")),
    col(
        "BirthDate",
        "date",
        "birth date, date of birth",
        Dates("1989-04-01", "2024-05-20", 0.1),
        "youngest, oldest",
    ),
    col(
        "WeightKg",
        "number",
        "weight, body weight",
        Numbers(0.4, 3900, 1, 0.05),
        "heaviest, lightest",
        "kilograms",
    ),
    col(
        "ArrivalDate",
        "date",
        "arrival date, day of arrival",
        Dates("1998-01-15", "2024-09-30"),
        "most recently arrived, longest staying",
    ),
)

KEEPER = table(
    "Keeper",
    "keeper, zookeeper",
    "keepers, zookeepers",
    26,
    "",
    key("KeeperID", "keeper number, staff number"),
    col("FullName", "name", "name, full name", Fake("name", unique=True)),
    col(
        "Section",
        "category",
        "section, area of work",
        listed("Big Cats, Primates, Birds, Reptiles, Marine, Hoofed Animals, Nursery"),
    ),
    col(
        "HourlyWage",
        "money",
        "hourly wage, pay per hour",
        Numbers(14, 41, 2),
        "best paid, worst paid",
        "dollars",
    ),
    col(
        "HiredOn",
        "date",
        "hiring date, start of employment",
        Dates("1999-05-01", "2024-04-01"),
        "most recently hired, longest serving",
    ),
    col(
        "Phone",
        "name",
        "phone number, telephone number",
        Fake("phone_number", unique=True),
        share_null=0.15,
    ),
)

KEEPER_ASSIGNMENT = table(
    "KeeperAssignment",
    "keeper assignment, care duty",
    "keeper assignments, care duties",
    60,
    "given to, covering",
    link("KeeperID", "Keeper", "keeper number, staff number"),
    link("EnclosureID", "Enclosure", "enclosure number, exhibit number"),
    col("Shift", "category", "shift, time of day", listed("morning, midday, evening, night")),
    col(
        "HoursPerWeek",
        "number",
        "weekly hours, hours a week",
        Numbers(2, 30),
        "longest, shortest",
        "hours",
    ),
    col(
        "StartDate",
        "date",
        "first day, starting date",
        Dates("2020-01-01", "2024-08-31"),
        "latest, earliest",
    ),
)

FEEDING = table(
    "Feeding",
    "feeding, meal",
    "feedings, meals",
    110,
    "given to, given by",
    key("FeedingID", "feeding number, meal number"),
    link("AnimalID", "Animal", "animal number, animal id"),
    link("KeeperID", "Keeper", "keeper number, staff number"),
    col(
        "Food",
        "category",
        "food, kind of food",
        listed("hay, raw meat, herring, fruit mix, pellets, live insects, leaves, squid"),
    ),
    col(
        "AmountKg",
        "number",
        "amount, quantity of food",
        Numbers(0.1, 90, 1),
        "largest, smallest",
        "kilograms",
    ),
    col(
        "FedOn",
        "date",
        "feeding date, day of feeding",
        Dates("2024-01-01", "2024-10-31"),
        "latest, earliest",
    ),
)

CHECKUP = table(
    "HealthCheck",
    "health check, check-up",
    "health checks, check-ups",
    70,
    "carried out on",
    key("CheckID", "check number, check-up id"),
    link("AnimalID", "Animal", "animal number, animal id"),
    col(
        "VetName",
        "name",
        "vet, name of the vet",
        listed(
            """Dr. Ines Moreau, Dr. Paul Achterberg, Dr. Leila Haddad, Dr. Tom Sorensen,
            Dr. Grace Mbeki, Dr. Yuki Tanabe, Dr. Carla Rossi, Dr. Ewan Blair"""
        ),
    ),
    col(
        "CheckedOn",
        "date",
        "examination date, day of the examination",
        Dates("2021-02-01", "2024-10-15"),
        "latest, earliest",
    ),
    col(
        "Finding",
        "category",
        "finding, diagnosis",
        listed("healthy, parasites, injury, dental problem, overweight, infection"),
    ),
    col(
        "Fee",
        "money",
        "fee, price of the examination",
        Numbers(40, 1250, 2),
        "most expensive, cheapest",
        "dollars",
    ),
)

DOMAIN = Domain(
    "zoo", "test", (ENCLOSURE, SPECIES, ANIMAL, KEEPER, KEEPER_ASSIGNMENT, FEEDING, CHECKUP)
)
