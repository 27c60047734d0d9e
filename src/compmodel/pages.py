"""One HTML file that opens offline: sentences, figures and tables, plotly.js packed once, nothing fetched.

Figures travel as JSON beside an empty div; a small script unpacks plotly.js (gzip inside base64) and draws them.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from compmodel import style
from compmodel.figures import FIGURE_CONFIG, FITTED

STYLE = f"""
:root {{ color-scheme: light; }}
body {{ margin: 0; background: #f6f7f9; color: {style.INK}; font: 16px/1.5 {style.FONT}; }}
main {{ max-width: 1080px; margin: 0 auto; padding: 24px 20px 64px; }}
h1 {{ font-size: 26px; line-height: 1.2; margin: 8px 0 4px; }}
h2 {{ font-size: 19px; margin: 36px 0 4px; }}
h1 + p, .quiet {{ color: {style.QUIET}; }}
.sentence {{ font-size: 18px; margin: 8px 0 12px; overflow-wrap: anywhere; }}
.figure {{ background: #fff; border: 1px solid {style.GRID}; border-radius: 8px; padding: 4px; margin: 8px 0; }}
details {{ margin: 4px 0 12px; }}
summary {{ cursor: pointer; color: {style.QUIET}; }}
.scroll {{ overflow-x: auto; max-height: 480px; }}
table {{ border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; background: #fff; }}
th, td {{ border-bottom: 1px solid {style.GRID}; padding: 4px 10px; text-align: right; white-space: nowrap; }}
th {{ color: {style.QUIET}; font-weight: 600; position: sticky; top: 0; background: #fff; white-space: normal;
  vertical-align: bottom; }}
td.text, th.text {{ text-align: left; }}
.legend h3 {{ font-size: 15px; margin: 16px 0 0; }}
.legend p, .legend ul {{ margin: 2px 0; }}
.legend code {{ color: {style.QUIET}; font-size: 13px; overflow-wrap: anywhere; }}
.noplot {{ color: {style.LOSS}; padding: 12px; }}
@media (max-width: 600px) {{ body {{ font-size: 15px; }} main {{ padding: 12px 10px 40px; }} }}
@media print {{ body {{ background: #fff; }} .figure {{ break-inside: avoid; border: 0; }} }}
"""

_DRAW = (
    FITTED
    + """(async () => {
  const plots = [...document.querySelectorAll("div.plot")];
  const said = (text) => plots.forEach((plot) => { plot.className = "noplot"; plot.textContent = text; });
  if (!plots.length) return;
  if (!("DecompressionStream" in window)) {
    return said("This browser is too old to draw the charts; any from 2023 on can.");
  }
  const packed = document.getElementById("plotly").textContent.trim();
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  for (const plot of plots) {
    const figure = JSON.parse(plot.nextElementSibling.textContent);
    await Plotly.newPlot(plot, figure.data, fitted(figure.layout, plot.offsetWidth), figure.config);
  }
  document.body.dataset.drawn = plots.length;
})();
"""
)


def page_html(title: str, body: str) -> str:
    """Returns a whole offline page around a body made of the pieces below."""
    packed = f'<script type="text/plain" id="plotly">{_packed_plotly()}</script>\n' if 'class="plot"' in body else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' "
        "'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:\">\n"
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f"{packed}<script>{_DRAW}</script>\n</body>\n</html>\n"
    )


@lru_cache(maxsize=1)
def _packed_plotly() -> str:
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), compresslevel=9, mtime=0)).decode()


def figure_html(figure: go.Figure | Mapping[str, Any]) -> str:
    """Returns a figure as an empty div and its JSON, to be drawn by the page's script."""
    written = json.loads(figure.to_json()) if isinstance(figure, go.Figure) else dict(figure)
    written = {"data": written["data"], "layout": written["layout"], "config": FIGURE_CONFIG}
    text = json.dumps(written, ensure_ascii=True, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")
    height = int(written["layout"].get("height", 450))
    return (
        f'<div class="figure"><div class="plot" style="height:{height}px"></div>'
        f'<script type="application/json">{text}</script></div>'
    )
