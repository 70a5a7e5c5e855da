"""Plotly figures, one file a chart: numbers in, one dict out. No Streamlit here."""
