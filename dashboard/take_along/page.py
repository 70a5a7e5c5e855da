"""The live chart as one file that needs no server: the same drawing and tables, and a slider of its own."""

from __future__ import annotations

import json
from html import escape
from string import Template

from ..live import FOLDER, JAVASCRIPT
from ..live.drawing import Drawing
from ..live.payload import parts
from ..theme import BACKGROUND, BORDER, PRIMARY, TEXT, stack_for_browser

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:">
<title>$title</title>
<style>
:root { $light color-scheme: light dark; --st-font: system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; --st-button-radius: 8px; --st-base-radius: 8px; }
@media (prefers-color-scheme: dark) { :root { $dark } }
body { margin: 0 auto; max-width: 1500px; padding: 1.2rem 2rem; font-family: var(--st-font); background: var(--st-background-color); color: var(--st-text-color); }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } p.about { margin: 0 0 1rem; }
.slider { display: block; margin: 0 0 1rem; } .slider input { width: 100%; accent-color: var(--st-primary-color); min-height: 2rem; }
.slider output { font-weight: 700; font-variant-numeric: tabular-nums; margin-left: .4rem; }
@media (max-width: 640px) { body { padding: 1rem; } }
$css
.memory-live .advice[data-over=true] { display: none; }
</style></head><body>
<h1>$title</h1><p class="about">$about</p>
<label class="slider st-key-context_stop">Context length, tokens per sequence <output aria-live="off"></output>
<input type="range" min="0" max="$last" value="$now"></label>
<div class="memory-live"></div><p class="memory-heard" role="status"></p>
<script type="application/json" id="tables">$tables</script>
<script type="module">
const { parts, stack, stops } = JSON.parse(document.getElementById('tables').textContent);
globalThis.memoryLive = { parts: Object.fromEntries(parts.map(part => [part.part, part])), views: new Set() };
const slider = document.querySelector('input'), said = document.querySelector('output');
const moved = () => { said.textContent = stops[slider.value].toLocaleString('en-US'); slider.setAttribute('aria-valuetext', said.textContent); };
slider.addEventListener('input', moved);
moved();
const mount = (() => {
$javascript
return mountLive;
})();
mount({ data: { stack, of: 'view' }, parentElement: document.body });
</script></body></html>
""")
ENTRY = "export default function ("


def page(drawing: Drawing, title: str, about: str) -> bytes:
    """An .html file with the drawing, which follows its slider without a server."""
    assert JAVASCRIPT.count(ENTRY) == 1
    stops = sorted({*drawing.stops, drawing.context_length})
    tables = {"parts": list(parts(drawing)), "stack": stack_for_browser(), "stops": stops}
    return PAGE.substitute(
        title=escape(title),
        about=escape(about),
        light=_variables("light"),
        dark=_variables("dark"),
        css=(FOLDER / "live.css").read_text(encoding="utf-8"),
        last=len(stops) - 1,
        now=stops.index(drawing.context_length),
        tables=json.dumps(tables).replace("<", "\\u003c"),
        javascript=JAVASCRIPT.replace(ENTRY, "function mountLive("),
    ).encode()


def _variables(theme: str) -> str:
    names = {"background": BACKGROUND, "text": TEXT, "border": BORDER, "primary": PRIMARY}
    return " ".join(f"--st-{name}-color: {colors[theme]};" for name, colors in names.items())
