"""The dashboard: pages that show what the memory model computes, and nothing that computes memory itself."""
