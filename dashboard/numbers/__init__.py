"""The sections of the Numbers view."""
