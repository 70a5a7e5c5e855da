"""One PowerPoint slide with a native chart that can still be edited there."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
from pptx.enum.dml import MSO_LINE
from pptx.enum.shapes import MSO_CONNECTOR
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Inches, Pt

from ..theme import style
from ..wording import UNITS, amount

WIDTH, HEIGHT = Inches(13.333), Inches(7.5)
INK = RGBColor(0x1D, 0x1F, 0x27)
PLOT = (0.08, 0.04, 0.9, 0.74)
"""Where the plot stands in the chart: left, top, width and height as shares, so that the capacity line meets its axis."""
MARKS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked bars in bytes: one label a bar, one series a component."""

    labels: Sequence[str]
    components: Mapping[str, Sequence[int]]
    axis: str
    """What the bars stand against."""
    capacity: int | None
    device: str


def slide(title: str, sentence: str, bars: Bars, unit: str, notes: str) -> bytes:
    """A .pptx file of one wide slide: title, sentence, stacked columns with the page's colours, the capacity line, and
    notes for who speaks.
    """
    file = Presentation()
    file.slide_width, file.slide_height = WIDTH, HEIGHT
    page = file.slides.add_slide(file.slide_layouts[6])
    _heading(page, title, sentence)
    place = (Inches(0.5), Inches(2.0), WIDTH - Inches(1.0), HEIGHT - Inches(2.2))
    shown = {name: values for name, values in bars.components.items() if any(values)}
    data = CategoryChartData(number_format="0.0")
    data.categories = bars.labels
    for name, values in shown.items():
        data.add_series(style(name).label, [value / UNITS[unit] for value in values])
    chart = page.shapes.add_chart(XL_CHART_TYPE.COLUMN_STACKED, *place, data).chart
    highest = max((sum(column) for column in zip(*shown.values(), strict=True)), default=1)
    near = bars.capacity if bars.capacity and bars.capacity < 4 * highest else 0
    top = _round_top(max(highest, near) / UNITS[unit])
    _format(chart, list(shown), f"{unit} against {bars.axis}", top)
    if bars.capacity:
        _capacity(page, place, bars, unit, top)
    page.notes_slide.notes_text_frame.text = notes
    out = io.BytesIO()
    file.save(out)
    return out.getvalue()


def _heading(page: Any, title: str, sentence: str) -> None:
    """Title and sentence in one box, so that a long title moves the sentence down."""
    frame = page.shapes.add_textbox(Inches(0.5), Inches(0.3), WIDTH - Inches(1.0), Inches(1.6)).text_frame
    frame.word_wrap = True
    frame.text = title
    said = frame.add_paragraph()
    said.text = sentence
    for paragraph, size, bold in ((frame.paragraphs[0], 26, True), (said, 18, False)):
        paragraph.font.size, paragraph.font.bold, paragraph.font.color.rgb = Pt(size), bold, INK
        paragraph.space_after = Pt(6)


def _format(chart: Any, names: Sequence[str], axis: str, top: float) -> None:
    chart.has_legend = True
    chart.legend.position = XL_LEGEND_POSITION.BOTTOM
    chart.legend.include_in_layout = False
    chart.legend.font.size = Pt(16)
    chart.plots[0].gap_width = 35
    for name, series in zip(names, chart.plots[0].series, strict=True):
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = RGBColor.from_string(style(name).light.lstrip("#"))
    values, categories = chart.value_axis, chart.category_axis
    values.minimum_scale, values.maximum_scale = 0, top
    values.major_gridlines.format.line.color.rgb = RGBColor(0xDD, 0xDD, 0xDD)
    values.tick_labels.font.size = categories.tick_labels.font.size = Pt(14)
    categories.has_title = True
    categories.axis_title.text_frame.text = axis
    categories.axis_title.text_frame.paragraphs[0].font.size = Pt(14)
    left, upper, width, height = PLOT
    layout = parse_xml(
        f"<c:layout {nsdecls('c')}><c:manualLayout><c:layoutTarget val='inner'/><c:xMode val='edge'/><c:yMode val='edge'/>"
        f"<c:x val='{left}'/><c:y val='{upper}'/><c:w val='{width}'/><c:h val='{height}'/></c:manualLayout></c:layout>"
    )
    area = chart._chartSpace.chart.plotArea
    for old in area.findall("{http://schemas.openxmlformats.org/drawingml/2006/chart}layout"):
        area.remove(old)
    area.insert(0, layout)


def _capacity(page: Any, place: tuple[int, int, int, int], bars: Bars, unit: str, top: float) -> None:
    assert bars.capacity is not None
    left, upper, width, height = PLOT
    x, y = place[0] + int(place[2] * left), place[1] + int(place[3] * upper)
    words = f"{bars.device}: {amount(bars.capacity, unit)} usable"
    at = bars.capacity / UNITS[unit] / top
    if at <= 1:
        y += int(place[3] * height * (1 - at))
        line = page.shapes.add_connector(MSO_CONNECTOR.STRAIGHT, x, y, x + int(place[2] * width), y)
        line.shadow.inherit = False
        line.line.color.rgb, line.line.width, line.line.dash_style = INK, Pt(2.5), MSO_LINE.DASH
    else:
        words += ", above this chart"
    shape = page.shapes.add_textbox(x + Inches(0.1), y - Inches(0.42), Inches(0.4 + 0.115 * len(words)), Inches(0.36))
    shape.fill.solid()
    shape.fill.fore_color.rgb = RGBColor(0xFF, 0xFF, 0xFF)
    box = shape.text_frame
    box.word_wrap = True
    box.text = words
    box.paragraphs[0].font.size, box.paragraphs[0].font.bold = Pt(15), True
    box.paragraphs[0].font.color.rgb = INK


def _round_top(value: float) -> float:
    """A round number a little above the highest bar, so that its marks are round as well."""
    power = 10.0 ** (len(str(int(value * 1.12))) - 1) if value >= 1 else 10.0**-2
    return next(
        mark * power * scale for scale in (1, 10, 100) for mark in MARKS if mark * power * scale >= value * 1.12
    )
