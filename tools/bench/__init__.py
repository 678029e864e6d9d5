"""How fast the library is beside what it could be compared with: `make bench`.

Every pair is measured in one run, turn by turn, and told as a ratio of medians, so that a busy or slow machine changes
both sides. `tools/bench/parts.py` lists what is measured; the table is saved in data/results/bench.json.
"""
