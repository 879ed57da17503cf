"""Rebuild data/iris.csv from the table that scikit-learn carries.

The measurements are Edgar Anderson's, published by R. A. Fisher (1936), "The use of multiple measurements in taxonomic
problems", Annals of Eugenics 7(2), 179-188, table I. 50 flowers of each species; all lengths in cm, to one decimal.

Several copies of the table are about. scikit-learn's (since 0.20) and R's agree with Fisher's paper. The one in the UCI
repository differs from it in two flowers: the 35th (petal width 0.1 instead of 0.2) and the 38th (sepal width 3.1 and
petal length 1.5 instead of 3.6 and 1.4). Two flowers, the 102nd and the 143rd, share all four lengths in every copy.
"""

import sys
from pathlib import Path

from rebuild import run

COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")


def iris_table() -> str:
    """The text of iris.csv. Raises ImportError without scikit-learn."""
    from sklearn.datasets import load_iris  # only here: --help must work without it

    bunch = load_iris()
    rows = [
        [*(f"{length:.1f}" for length in lengths), str(bunch.target_names[label])]
        for lengths, label in zip(bunch.data, bunch.target)
    ]
    return "".join(",".join(row) + "\n" for row in [COLUMNS, *rows])


if __name__ == "__main__":
    sys.exit(run(Path(__file__).with_name("iris.csv"), iris_table, "Rebuild data/iris.csv from scikit-learn's table."))
