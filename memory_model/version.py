"""The version of the package, of its command and of its numbers."""

VERSION = "1.0.0"
