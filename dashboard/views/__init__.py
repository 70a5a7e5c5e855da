"""One file a view; each has `show(chosen)`."""

ICONS = {
    "memory": ":material/memory:",
    "trade-offs": ":material/stacked_line_chart:",
    "conversation": ":material/forum:",
    "levers": ":material/tune:",
    "compare": ":material/compare_arrows:",
    "hardware": ":material/developer_board:",
    "numbers": ":material/function:",
    "model": ":material/schema:",
}
"""The views in their order on the page, by their place in the address, which names their file and title too."""
