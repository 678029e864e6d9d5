"""Scores: connection sensitivity (Equations 3 to 6) and the other criteria, behind one signature."""
