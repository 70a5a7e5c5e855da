"""What the Trade-offs view computes: frontiers of what fits, growth and its reason, cache on or off. No Streamlit here."""
