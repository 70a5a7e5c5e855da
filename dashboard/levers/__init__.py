"""The parts of the Levers view: the row of changes, the cheapest remedies, the what-if editor."""
