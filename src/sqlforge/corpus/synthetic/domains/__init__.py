"""Every synthetic domain, imported by name and sorted, so that the order never depends on disk."""

from sqlforge.corpus.synthetic.domain import Domain
from sqlforge.corpus.synthetic.domains import museum, online_shop, university, zoo

DOMAINS: tuple[Domain, ...] = tuple(
    sorted(
        (museum.DOMAIN, online_shop.DOMAIN, university.DOMAIN, zoo.DOMAIN),
        key=lambda domain: domain.name,
    )
)
