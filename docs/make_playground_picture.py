"""Make docs/pictures/playground.png anew: ``python docs/make_playground_picture.py MODEL``.

A real answer: the server's application gets MODEL, an adapter or a model folder, and a small shop's
database that is written here, and Debian's Chromium asks it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import socket
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Page, sync_playwright

from sqlforge.core.decoding import Decoding
from sqlforge.serve.answering import Answerer
from sqlforge.serve.app import create_app
from sqlforge.serve.settings import ServeSettings

PICTURE = Path(__file__).resolve().parent / "pictures" / "playground.png"
QUESTION = "What is the average price of products in each category?"
DDL = """
CREATE TABLE customers (customer_id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT,
                        country TEXT, joined_on DATE);
CREATE TABLE products (product_id INTEGER PRIMARY KEY, name TEXT NOT NULL, category TEXT,
                       price REAL, stock INTEGER);
CREATE TABLE orders (order_id INTEGER PRIMARY KEY,
                     customer_id INTEGER REFERENCES customers (customer_id), ordered_on DATE,
                     status TEXT);
CREATE TABLE order_items (order_id INTEGER REFERENCES orders (order_id),
                          product_id INTEGER REFERENCES products (product_id), quantity INTEGER,
                          PRIMARY KEY (order_id, product_id));
"""
FIRST = "Ada Bo Cleo Dag Eli Finn Greta Hana Ivo Jon Kai Lena Mads Nora Olav Pia".split()
LAST = "Berg Dahl Eide Foss Haug Lie Moen Ness Ruud Strand".split()
CITIES = (("Oslo", 14), ("Bergen", 10), ("Trondheim", 7), ("Stavanger", 5), ("Tromsø", 4))
GOODS = (
    ("Reading lamp", "Lighting", 49.5), ("Floor lamp", "Lighting", 129.0),
    ("Oak desk", "Furniture", 310.0), ("Chair", "Furniture", 89.0), ("Shelf", "Furniture", 140.0),
    ("Wool rug", "Textiles", 188.0), ("Curtain", "Textiles", 59.0), ("Wall clock", "Decor", 35.0),
    ("Vase", "Decor", 22.9), ("Mirror", "Decor", 75.0),
)  # fmt: skip


def make_shop(file: Path) -> None:
    """The shop's database, the same every time."""
    rng = random.Random(7)
    where, weight = [city for city, _ in CITIES], [share for _, share in CITIES]

    def day() -> str:
        return f"{rng.choice((2023, 2024))}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"

    customers = [
        (i, f"{rng.choice(FIRST)} {rng.choice(LAST)}", rng.choices(where, weight)[0], "Norway",
         day()) for i in range(1, 161)
    ]  # fmt: skip
    goods = [(i, *good, rng.randint(0, 90)) for i, good in enumerate(GOODS, 1)]
    orders = [
        (i, rng.randint(1, 160), day(), rng.choice(("paid", "sent", "returned")))
        for i in range(1, 901)
    ]
    items = [
        (number, product, rng.randint(1, 4))
        for number, *_ in orders
        for product in rng.sample(range(1, len(GOODS) + 1), rng.randint(1, 3))
    ]
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(DDL)
        for table, rows in (
            ("customers", customers), ("products", goods), ("orders", orders),
            ("order_items", items),
        ):  # fmt: skip
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.commit()


@contextmanager
def served(model: str, database: Path) -> Iterator[str]:
    """The address of a server that runs meanwhile."""
    answerer = Answerer.open(model, str(database), Decoding(constrain="schema"))
    app = create_app(ServeSettings("smollm2-135m, tuned"), None, answerer)
    with closing(answerer), closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


def ask(page: Page, question: str, samples: str) -> None:
    """Ask as a person does, and open the table that the answer reads."""
    page.get_by_label("Vote over").select_option(samples)
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    page.wait_for_selector("#chart svg, #rows-card, #sql-error:not([hidden])")
    page.wait_for_selector("#busy", state="hidden")
    page.get_by_role("treeitem", name="products").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_label("Your question").focus()


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="an adapter or model folder")
    parser.add_argument("--question", default=QUESTION)
    parser.add_argument("--samples", default="5", choices=["", "1", "5", "10"])
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    parser.add_argument("--out", type=Path, default=PICTURE)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "shop.db"
        make_shop(database)
        with served(asked.model, database) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=asked.browser, args=["--no-sandbox"]
            )
            page = browser.new_page(
                viewport={"width": 1280, "height": 730}, reduced_motion="reduce",
                color_scheme="dark" if asked.dark else "light",
            )  # fmt: skip
            page.set_default_timeout(120_000)
            page.goto(url)
            ask(page, asked.question, asked.samples)
            print(page.get_by_label("SQL", exact=True).input_value())
            asked.out.parent.mkdir(exist_ok=True)
            page.screenshot(path=asked.out)
            browser.close()
    print(f"{asked.out}: {asked.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
