"""Models with towers: what stands beside a language model to read images or to hear, and the families that have it."""
