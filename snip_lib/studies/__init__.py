"""What is run: `run.py` says what a run, a row and an experiment are, the other files what each experiment runs."""

from snip_lib.studies.index import EXPERIMENTS, named
from snip_lib.studies.paper import paper_table, recipe_of, run_of
from snip_lib.studies.run import METHOD, Experiment, Row, Run

__all__ = ["EXPERIMENTS", "METHOD", "Experiment", "Row", "Run", "named", "paper_table", "recipe_of", "run_of"]
