"""What the Hardware view computes: every device against the scenario, an own one, the server's. No Streamlit here."""
