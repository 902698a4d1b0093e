"use strict";
(() => {
  const root = document.documentElement;
  const specs = JSON.parse(document.getElementById("chart-data").textContent);
  const places = Array.from(document.querySelectorAll("[data-chart]"));
  const logarithmic = new Set();
  const finger = window.matchMedia("(pointer: coarse)").matches;

  /** A copy of `value` in which the names of colours are replaced by the colours of now. */
  function painted(value, style) {
    if (typeof value === "string") {
      return value.startsWith("--") ? style.getPropertyValue(value).trim() : value;
    }
    if (Array.isArray(value)) {
      return typeof value[0] === "number" ? value : value.map((part) => painted(part, style));
    }
    if (value && typeof value === "object") {
      const parts = Object.entries(value).map(([name, part]) => [name, painted(part, style)]);
      return Object.fromEntries(parts);
    }
    return value;
  }

  function axis(own, style) {
    const line = style.getPropertyValue("--line").trim();
    const grid = style.getPropertyValue("--grid").trim();
    return {
      gridcolor: grid,
      linecolor: line,
      tickcolor: line,
      zerolinecolor: line,
      zeroline: false,
      automargin: true,
      fixedrange: finger,
      ...own,
    };
  }

  function layoutOf(name, own, style) {
    const color = (token) => style.getPropertyValue(token).trim();
    const layout = {
      autosize: true,
      margin: { l: 52, r: 12, t: 28, b: 24 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: color("--sans"), size: 12, color: color("--muted") },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
      hoverlabel: {
        bgcolor: color("--surface"),
        bordercolor: color("--line"),
        font: { family: color("--sans"), size: 12, color: color("--text") },
        namelength: -1,
      },
      modebar: {
        bgcolor: "rgba(0,0,0,0)",
        color: color("--held"),
        activecolor: color("--own"),
      },
      dragmode: finger ? false : "zoom",
      ...own,
    };
    for (const key of ["xaxis", "yaxis", "yaxis2"]) {
      if (own[key]) {
        layout[key] = axis(own[key], style);
      }
    }
    layout.xaxis.showgrid = false;
    layout.xaxis.ticks = "outside";
    layout.xaxis.ticklen = 4;
    layout.xaxis.spikecolor = color("--held");
    layout.xaxis.spikethickness = 1;
    if (logarithmic.has(name)) {
      layout.yaxis.type = "log";
    }
    return layout;
  }

  const config = {
    responsive: true,
    displaylogo: false,
    showTips: false,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg", filename: document.title },
  };

  function draw(place) {
    const name = place.dataset.chart;
    const spec = specs[name];
    const style = getComputedStyle(root);
    const layout = layoutOf(name, painted(spec.layout, style), style);
    return Plotly.react(place, painted(spec.traces, style), layout, {
      ...config,
      displayModeBar: finger ? false : "hover",
    });
  }

  const films = JSON.parse(document.getElementById("depth-data").textContent);
  const deep = Array.from(document.querySelectorAll("[data-depth]"));
  const bookViews = deep.map((place) =>
    depthView(place, films[place.dataset.depth], {
      finger,
      style: (name) => getComputedStyle(root).getPropertyValue(name).trim(),
      layout: (own) => layoutOf("", own, getComputedStyle(root)),
      config: { ...config, displayModeBar: finger ? false : "hover" },
    }),
  );
  const drawAll = () => {
    places.forEach(draw);
    bookViews.forEach((drawView) => drawView());
  };
  places.forEach(draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  // Paper is white, and as wide as it is.
  window.addEventListener("beforeprint", () => {
    root.dataset.theme = "light";
    drawAll();
    [...places, ...deep].forEach((place) => Plotly.Plots.resize(place));
  });
  window.addEventListener("afterprint", () => {
    delete root.dataset.theme;
    drawAll();
    [...places, ...deep].forEach((place) => Plotly.Plots.resize(place));
  });

  for (const button of document.querySelectorAll("[data-log]")) {
    button.addEventListener("click", () => {
      const name = button.dataset.log;
      const pressed = !logarithmic.delete(name);
      if (pressed) {
        logarithmic.add(name);
      }
      button.setAttribute("aria-pressed", String(pressed));
      draw(document.getElementById(`chart-${name}`));
    });
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        // Without the right to write to the clipboard, select the text to be copied by hand.
        getSelection().selectAllChildren(source);
        button.textContent = "Press Ctrl+C";
      }
      setTimeout(() => {
        button.textContent = "Copy";
      }, 2000);
    });
  }
})();
