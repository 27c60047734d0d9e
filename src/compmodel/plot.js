// Draws a figure that arrives as JSON, each new one in a single step. plotly.js arrives once, with the first figure of
// the page, and is run when something is drawn: a widget that takes seconds to start would miss what it is told later.
// `fitted`, for narrow screens, is written before this file.
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

async function render({ model, el }) {
  const plot = document.createElement("div");
  let Plotly, width;
  const draw = async () => {
    width = plot.offsetWidth;
    const figure = JSON.parse(model.get("figure"));
    plot.style.minHeight = `${figure.layout.height}px`;
    if (!Plotly || !width) return;
    await Plotly.react(plot, figure.data, fitted(figure.layout, width), figure.config);
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
