"""A conversation turn by turn: its memory on top of what the cache holds, its time and price, kinds to start from."""
