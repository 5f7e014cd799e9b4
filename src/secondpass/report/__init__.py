"""One self-contained HTML page for people: does it help, where, and what may be dropped?

    from secondpass.evaluate import read_collection
    from secondpass.report import report

    report(read_collection("scifact"), "builtin").write("report.html")

Needs the `eval` extra. `secondpass.report` is this package, never the function, which is imported
from here and not from `secondpass`.
"""

from secondpass.report._report import report
from secondpass.report.examples import Case, Passage
from secondpass.report.page import Report
from secondpass.report.sections import ContenderParts, Omitted, Provenance
from secondpass.report.slider import LabelledScores

__all__ = [
    "Case",
    "ContenderParts",
    "LabelledScores",
    "Omitted",
    "Passage",
    "Provenance",
    "Report",
    "report",
]
