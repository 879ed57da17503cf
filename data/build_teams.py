"""Rebuild data/teams.csv: clubs and their home stadiums, checked against Wikidata (CC0, https://www.wikidata.org).

Wikidata knows each club by a number, its item, and the club's home stadium by the property P115. The names are ours:
what one says, "Wolves" and "Molineux", not "Wolverhampton Wanderers F.C." and "Molineux Stadium". A rebuild asks
Wikidata for the present home stadiums of every club below, and stops if none of them goes by the name here.

How the clubs were chosen: each has one home stadium, shares it with no other club here, and calls it by a name that
holds neither the club's name nor a sponsor's. Their names begin with a consonant: "a ... fan" then needs no "an".
"""

import argparse
import csv
import io
import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from rebuild import run

SERVICE = "https://query.wikidata.org/sparql"
LANGUAGES = ("mul", "en", "es", "fr", "nl", "pt")
CLUBS = {
    "Q131499": ("Benfica", "Estádio da Luz"),
    "Q19446": ("Blackburn Rovers", "Ewood Park"),
    "Q170703": ("Boca Juniors", "La Bombonera"),
    "Q19458": ("Burnley", "Turf Moor"),
    "Q9616": ("Chelsea", "Stamford Bridge"),
    "Q19467": ("Crystal Palace", "Selhurst Park"),
    "Q134241": ("Feyenoord", "De Kuip"),
    "Q18708": ("Fulham", "Craven Cottage"),
    "Q1128631": ("Leeds United", "Elland Road"),
    "Q1130849": ("Liverpool", "Anfield"),
    "Q18656": ("Manchester United", "Old Trafford"),
    "Q18716": ("Newcastle United", "St James' Park"),
    "Q18721": ("Norwich City", "Carrow Road"),
    "Q483020": ("Paris Saint-Germain", "Parc des Princes"),
    "Q128446": ("Porto", "Estádio do Dragão"),
    "Q19597": ("Rangers", "Ibrox"),
    "Q8682": ("Real Madrid", "Santiago Bernabéu"),
    "Q19607": ("Sheffield United", "Bramall Lane"),
    "Q19498": ("Sheffield Wednesday", "Hillsborough"),
    "Q19500": ("Wolves", "Molineux"),
}


def question() -> str:
    """What to ask: each club's country (ISO 3166-1) and the names of its present home stadiums."""
    clubs = " ".join(f"wd:{item}" for item in CLUBS)
    languages = ", ".join(f'"{language}"' for language in LANGUAGES)
    return f"""SELECT DISTINCT ?club ?country ?stadium WHERE {{
  VALUES ?club {{ {clubs} }}
  ?club wdt:P17/wdt:P297 ?country; p:P115 ?home.
  ?home ps:P115/(rdfs:label|skos:altLabel) ?stadium.
  MINUS {{ ?home wikibase:rank wikibase:DeprecatedRank }}
  FILTER NOT EXISTS {{ ?home pq:P582 ?end }}
  FILTER(LANG(?stadium) IN ({languages}))
}}"""


def ask() -> str:
    """Wikidata's answer, in JSON. Raises OSError, in one sentence, if it does not come."""
    address = SERVICE + "?" + urllib.parse.urlencode({"query": question()})
    headers = {"Accept": "application/sparql-results+json", "User-Agent": "gptbook (build_teams.py)"}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:
            return str(answer.read().decode())
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise OSError(
            f"{SERVICE} does not answer ({reason}): go online, or give a saved answer with --from-file"
        ) from None


def teams_table(answer: str) -> str:
    """The text of teams.csv, if Wikidata's answer agrees with it.

    Raises ValueError if the answer cannot be read, lacks a club, or knows its stadium by other names only.
    """
    try:
        found: list[dict[str, Any]] = json.loads(answer)["results"]["bindings"]
        facts = [
            (row["club"]["value"].rpartition("/")[2], row["country"]["value"], row["stadium"]["value"]) for row in found
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the answer is none of Wikidata's in JSON ({error!r}): ask again") from None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("club", "stadium", "country", "wikidata"))
    for item, (club, stadium) in sorted(CLUBS.items(), key=lambda entry: entry[1]):
        countries = sorted({country for name, country, _ in facts if name == item})
        homes = sorted({home for name, _, home in facts if name == item})
        if not countries:
            raise ValueError(f"the answer has no home stadium of {club} ({item}): look whether its item has changed")
        if len(countries) > 1:
            raise ValueError(f"{club} ({item}) is in {' and '.join(countries)}: choose another club")
        if not any(spelling(stadium) in spelling(home) for home in homes):
            raise ValueError(f"{club} ({item}) plays at {', '.join(homes)}, not at {stadium}: change CLUBS")
        writer.writerow((club, stadium, countries[0], item))
    return text.getvalue()


def spelling(name: str) -> str:
    """A name for comparison: one kind of apostrophe, lower case, spaces around."""
    return f" {name.replace('’', chr(39)).casefold()} "


def main(words: list[str]) -> int:
    """Rebuild the table as the words of the command line say; the exit code."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--from-file", type=Path)
    options, rest = parser.parse_known_args(words)

    def make() -> str:
        return teams_table(options.from_file.read_text(encoding="utf-8") if options.from_file else ask())

    description = (
        "Rebuild data/teams.csv from Wikidata (CC0). With --from-file ANSWER it asks nobody, "
        "and reads an answer of Wikidata's, in JSON, that you have saved."
    )
    return run(Path(__file__).with_name("teams.csv"), make, description, rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
