"""Files from outside and beside the code: where they are, and how they are read as plain data within bounds."""
