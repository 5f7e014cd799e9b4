"""One self-contained HTML page for people: does it help, where, and what may be dropped?

    from secondpass.evaluate import read_collection
    from secondpass.report import report

    report(read_collection("scifact"), "builtin").write("report.html")

Needs the `eval` extra. `secondpass.report` is this package and stays one: the function is imported
from here and not from `secondpass`.
"""

from secondpass.report.cases import Case, Passage
from secondpass.report.labelled import LabelledScores
from secondpass.report.made import Made
from secondpass.report.page import Report
from secondpass.report.parts import ContenderParts, Omitted
from secondpass.report.reporting import report

__all__ = [
    "Case",
    "ContenderParts",
    "LabelledScores",
    "Made",
    "Omitted",
    "Passage",
    "Report",
    "report",
]
