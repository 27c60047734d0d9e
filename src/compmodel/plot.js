// Draws a figure that arrives as JSON, each new one in a single step. plotly.js arrives once, with the first figure of
// the page, and is run when something is drawn: a widget that takes seconds to start would miss what it is told later.
const library = (globalThis.compmodelPlotly ??= {});
library.loaded ??= new Promise((resolve) => { library.resolve = resolve; });

function load(source) {
  if (!source || library.isLoading) return;
  library.isLoading = true;
  setTimeout(() => {
    const module = { exports: {} };
    new Function("module", "exports", "define", source)(module, module.exports, undefined);
    library.resolve(module.exports);
  }, 50);
}

// A legend of several rows gets the room it needs, which depends on the width. Entries that wrap stand in columns.
function fitted(figure, width) {
  const { data, layout } = figure;
  const named = data.filter((trace) => trace.name && trace.visible !== false && trace.showlegend !== false);
  const widths = named.map((trace) => 50 + 7 * trace.name.length);
  const names = (layout.yaxis.ticktext ?? []).map((text) => 7.5 * text.length);
  const room = Math.max(100, width - Math.max(layout.margin.l, ...names) - layout.margin.r);
  const isOneRow = widths.reduce((sum, one) => sum + one, 0) <= room;
  const rows = isOneRow ? 1 : Math.ceil(named.length / Math.max(1, Math.floor(room / Math.max(...widths))));
  layout.margin.t += 20 * (rows - 1);
  layout.height += 20 * (rows - 1);
  return figure;
}

async function render({ model, el }) {
  const plot = document.createElement("div");
  let Plotly, width;
  const draw = async () => {
    width = plot.offsetWidth;
    const figure = fitted(JSON.parse(model.get("figure")), width);
    plot.style.minHeight = `${figure.layout.height}px`;
    if (!Plotly || !width) return;
    await Plotly.react(plot, figure.data, figure.layout, figure.config);
    plot.dataset.version = model.get("version");
  };
  const resized = new ResizeObserver(() => { if (plot.offsetWidth !== width) draw(); });
  model.on("change:version", draw);
  el.append(plot);
  draw();
  load(model.get("library"));
  Plotly = await library.loaded;
  await draw();
  resized.observe(plot);
  return () => { resized.disconnect(); model.off("change:version", draw); Plotly.purge(plot); };
}

export default { render };
