"""English words that turn up in databases, for cutting names that are written without a joint.

``creditlimit`` is "credit limit" only to a reader who knows both words. Words shorter than three
letters are left out: with them nearly any string can be cut up.
"""

from __future__ import annotations

from functools import lru_cache

from sqlforge.corpus.own_database.abbreviations import ABBREVIATIONS, ALONE
from sqlforge.corpus.synthetic.domains import DOMAINS

_WORDS = """
abstract academic acceptance accession accident account action activity actor actual address
adjustment admission adult affiliation age agency agent agreement aid air aircraft airline airport
album alias alien allergy amount animal annual answer apartment application appointment approval
area arrival article artist aspect assessment asset assignment assist attendance attribute auction
author authority average award bank base basket bath battery bed bedroom benefit bid bill billing
birth block blood board body bonus book booking born boss box branch brand breed broadcast budget
build builder building bus business buyer calendar call camera camp campaign campus capacity
capital card care cargo carrier case cash catalog category cause cell center century ceremony
certificate chain chair champion change channel chapter character charge check child church
citizenship city claim class classroom client climate climber closing club coach code college
color colour comment commission committee company competition complaint component composer
condition conductor conference contact contestant continent contract copy cost count country
county course court create created creation creator credit crew crime currency current customer
cylinder damage data date day deadline death debit debt decision default degree delay delegate
delivery density department departure deposit description design destination detail device
diagnosis director discount disease distance district division doctor document dog domain donation
donor dorm draft driver due duration duty earning economy edition editor education effective
election elevation email employee employer end engine engineer enrollment entry episode equipment
error event exam exchange exhibition expense expiry export extension face facility factory faculty
failure family farm fat father fault fax feature fee feedback female field figure file film final
finance financial first flag fleet flight floor flow food foot football forecast format former
foundation founded founder frequency friend fuel full function fund furniture game gas gate gender
genre given goal gold government grade graduation grant graph grid gross group growth guest hall
hand hardware hash height high hire hired history hold holder home homepage horse horsepower
hospital host hotel hour house household housing human identity image import income increase index
indicator industry influence information initial injury inspection institution instructor
instrument insurance interest inventory investment investor invoice island issue item job journal
journalist judge jury key keyword kind label language last late latitude launch law lead leader
league left legal length lesson letter level library licence license life limit line link list
loan local location lock log login long longitude loss lot low mail main maintenance maker male
manager manufacturer map mark market marriage master match material maximum mayor meal mean
measure medal media medicine meeting member memory merge message method middle mile mileage
milestone minimum minister minute mission model modify module money month mother motor mountain
movie museum music musical name nation national nationality native network news nickname night
nomination note notice number nurse object observation occupation offer office officer official
open opening operation opponent option order organisation organization origin original other
outcome output overall owner package page paid painting pair paper paragraph parent park parking
part participant participation partner party passenger password path patient pattern pay payment
penalty people percent percentage performance period permit person personal pet phase phone photo
physician picture piece pilot pitch place plan planet platform play player playlist point policy
poll pool population port position post postal posted poster power practice precipitation premise
prescription presenter president pressure price primary principal print priority prize problem
procedure process producer product production profession professional professor profile profit
program programme progress project promotion property proposal provider province public
publication publisher purchase quality quantity quarter query question race rain rank ranking rate
rating ratio reading reason receipt received recipient record referee reference region register
registration regular relation relationship release remark rent reply report representative request
required research reservation resident resolution resource response restaurant result return
revenue review revision reward rider right risk river road role room route row royal runner salary
sale sales sample savings scale schedule school science score screen script sea season seat second
secretary section sector security segment seller semester senator sequence serial series service
session sex share ship shipment shipping shop short show side signature silver singer site size
skill song source space speaker special species speed sponsor sport square stadium staff stage
standard star start started state statement station status stay step stock storage store storm
story street student studio style subject submission subscription success suffix summary supplier
supply support surface surname survey symptom sync system table tag target task tax teacher team
technician temperature tenant term territory test text theme thing ticket time timestamp tip title
token topic total tour tournament town track trade trading traffic train trainer training
transaction transfer transit transport travel treatment trip truck trust turnover tutor type unit
university update updated usage use used user username valid value variety vehicle vendor venue
version vessel victory video view village visibility visit visitor voice volume vote voter wage
wall warehouse water weather web website week weekly weight width win wind wing winner word work
worker workshop world write writer year yield zone
"""


@lru_cache(maxsize=1)
def known_words() -> frozenset[str]:
    """Words of at least three letters that a name may be cut into."""
    spoken = {
        token
        for domain in DOMAINS
        for table in domain.tables
        for phrase in (
            *table.singular,
            *table.plural,
            *(word for column in table.columns for word in column.words),
        )
        for token in phrase.split()
    }
    words = {
        *_WORDS.split(),
        *spoken,
        *(w for long in ABBREVIATIONS.values() for w in long.split()),
    }
    return frozenset(word for word in words if len(word) >= 3 and word.isalpha())


def shorthand(piece: str, *, alone: bool) -> str | None:
    """What an abbreviation stands for; ``alone`` says that it is the whole name."""
    if alone and piece in ALONE:
        return ALONE[piece]
    return ABBREVIATIONS.get(piece)
