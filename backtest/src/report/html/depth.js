"use strict";
/**
 * The view of a book: unpacks its states and draws the window that is looked at. `tools` are
 * those of the page: `style`, `layout`, `config`, `finger`.
 */
const depthView = (place, film, tools) => {
  const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
  const SHORT = 48;
  const HEAT_MAX = 63;
  const digit = new Map(Array.from(DIGITS, (letter, at) => [letter, at]));
  const startMs = film.start / 1000;
  const endUs = Math.max(film.end, ...film.fills.map((fill) => fill[0]), 1);
  const states = unpack(film.book);
  const times = states.map((state) => state.us);
  let shown = [0, endUs];
  let band = null;
  let at = -1;
  let drawing = false;

  function unpack(book) {
    const best = [0, 0];
    let us = 0;
    let read = 0;
    const next = () => digit.get(book.levels[read++]);
    return book.times.map((step, index) => {
      us += step;
      const sides = [book.bids[index], book.asks[index]].map((moved, side) => {
        best[side] += moved ?? 0;
        let price = best[side];
        const away = side === 0 ? -1 : 1;
        const levels = [];
        for (let count = next(), level = 0; level < count; level += 1) {
          if (level > 0) {
            const short = next();
            price += away * (short < SHORT ? short : SHORT + (short - SHORT) * 64 + next());
          }
          levels.push([price, next()]);
        }
        return levels;
      });
      return { us, sides };
    });
  }

  /** The last state at or before `us`; -1 before the first one. */
  function stateAt(us) {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= us) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  const ms = (us) => startMs + us / 1000;
  const priceOf = (ticks) => ticks * film.tick;

  /** The lowest and the highest price in ticks that are worth seeing in the window. */
  function prices([from, to]) {
    let low = Infinity;
    let high = -Infinity;
    const see = (ticks) => {
      low = Math.min(low, ticks);
      high = Math.max(high, ticks);
    };
    for (let index = Math.max(stateAt(from), 0); index <= stateAt(to); index += 1) {
      for (const levels of states[index].sides) {
        if (levels.length > 0) {
          see(levels[0][0]);
          // Far levels of a thin book would press all others together.
          see(levels[Math.min(levels.length - 1, 6)][0]);
        }
      }
    }
    film.fills.filter(([us]) => us >= from && us <= to).forEach((fill) => see(fill[1]));
    const room = Math.max((high - low) * 0.04, 1);
    return low <= high ? [low - room, high + room] : [0, 1];
  }

  function heat([from, to], [low, high]) {
    const columns = tools.finger ? 160 : 320;
    const step = Math.max(1, Math.ceil((high - low) / (tools.finger ? 90 : 140)));
    const first = Math.floor(low / step);
    const rows = Math.ceil(high / step) - first + 1;
    const z = Array.from({ length: rows }, () => new Array(columns).fill(null));
    for (let column = 0; column < columns; column += 1) {
      const index = stateAt(from + ((column + 0.5) / columns) * (to - from));
      if (index < 0) {
        continue;
      }
      states[index].sides.forEach((levels, side) => {
        for (const [ticks, value] of levels) {
          const row = Math.floor(ticks / step) - first;
          if (row < 0 || row >= rows || value === 0) {
            continue;
          }
          if (z[row][column] === null || Math.abs(z[row][column]) < value) {
            z[row][column] = side === 0 ? value : -value;
          }
        }
      });
    }
    return {
      type: "heatmap",
      z,
      x0: ms(from + (to - from) / columns / 2),
      dx: (to - from) / columns / 1000,
      y0: priceOf((first + 0.5) * step - 0.5),
      dy: priceOf(step),
      zmin: -HEAT_MAX,
      zmax: HEAT_MAX,
      colorscale: shades(),
      showscale: false,
      hoverinfo: "skip",
      zsmooth: false,
    };
  }

  /** Asks on the one end, bids on the other, nothing in the middle. */
  function shades() {
    const faded = (name, share) => {
      const color = tools.style(name);
      const part = (from) => parseInt(color.slice(from, from + 2), 16);
      return `rgba(${part(1)},${part(3)},${part(5)},${share})`;
    };
    return [
      [0, faded("--loss", 0.85)],
      [0.25, faded("--loss", 0.3)],
      [0.5, faded("--loss", 0)],
      [0.5, faded("--own", 0)],
      [0.75, faded("--own", 0.3)],
      [1, faded("--own", 0.85)],
    ];
  }

  function line(name, color, of, [from, to], extra) {
    const x = [];
    const y = [];
    const first = Math.max(stateAt(from), 0);
    const last = stateAt(to);
    for (let index = first; index <= last; index += 1) {
      const value = of(states[index].sides);
      x.push(ms(Math.max(states[index].us, from)));
      y.push(value === null ? null : priceOf(value));
    }
    if (y.length > 0) {
      x.push(ms(Math.min(to, endUs)));
      y.push(y[y.length - 1]);
    }
    return {
      type: "scatter",
      mode: "lines",
      name,
      x,
      y,
      line: { color: tools.style(color), width: 1.2, shape: "hv", ...extra },
      hovertemplate: `${name} %{y:,.${film.decimals}f}<extra></extra>`,
    };
  }

  function lines(range) {
    const best = (side) => (sides) => (sides[side].length > 0 ? sides[side][0][0] : null);
    const middle = (sides) =>
      sides[0].length > 0 && sides[1].length > 0 ? (sides[0][0][0] + sides[1][0][0]) / 2 : null;
    return [
      line("Bid", "--own", best(0), range, {}),
      line("Ask", "--loss", best(1), range, {}),
      line("Middle", "--price", middle, range, { dash: "dot", width: 1 }),
    ];
  }

  function orders([from, to]) {
    return ["Our bids", "Our asks"].map((name, side) => {
      const x = [];
      const y = [];
      for (const [begin, end, ticks, of] of film.rests) {
        if (of === side && end >= from && begin <= to) {
          x.push(ms(begin), ms(end), null);
          y.push(priceOf(ticks), priceOf(ticks), null);
        }
      }
      return {
        type: "scatter",
        mode: "lines",
        name,
        x,
        y,
        line: { color: tools.style(side === 0 ? "--gain" : "--short"), width: x.length > 300 ? 1.5 : 2.5 },
        hoverinfo: "skip",
        showlegend: x.length > 0,
      };
    });
  }

  function fillText([us, ticks, lots, sells, makes]) {
    const qty = (lots * film.lot).toFixed(film.lotDecimals);
    const price = priceOf(ticks).toFixed(film.decimals);
    const time = new Date(ms(us)).toISOString().slice(11, 23);
    return `${time} ${sells ? "sold" : "bought"} ${qty} at ${price}, ${makes ? "maker" : "taker"}`;
  }

  function fills([from, to]) {
    return ["Bought", "Sold"].map((name, side) => {
      const own = film.fills.filter((f) => f[3] === side && f[0] >= from && f[0] <= to);
      const shape = side === 0 ? "triangle-up" : "triangle-down";
      return {
        type: "scatter",
        mode: "markers",
        name,
        x: own.map((fill) => ms(fill[0])),
        y: own.map((fill) => priceOf(fill[1])),
        text: own.map(fillText),
        hovertemplate: "%{text}<extra></extra>",
        marker: {
          symbol: own.map((fill) => (fill[4] ? shape : `${shape}-open`)),
          size: own.length > 200 ? 7 : 11,
          color: tools.style(side === 0 ? "--gain" : "--short"),
          line: { color: own.map((f) => tools.style(f[4] ? "--surface" : (side ? "--short" : "--gain"))), width: 1.2 },
        },
        showlegend: own.length > 0,
      };
    });
  }

  function draw() {
    const y = band ?? prices(shown);
    const own = {
      xaxis: {
        type: "date",
        range: shown.map(ms),
        hoverformat: "%H:%M:%S.%L",
        tickformatstops: [
          { dtickrange: [null, 1000], value: "%H:%M:%S.%L" },
          { dtickrange: [1000, 60000], value: "%H:%M:%S" },
          { dtickrange: [60000, 86400000], value: "%H:%M" },
          { dtickrange: [86400000, null], value: "%d %b" },
        ],
        nticks: tools.finger ? 4 : 8,
      },
      yaxis: { range: y.map(priceOf), tickformat: `,.${film.decimals}f` },
      hovermode: "closest",
    };
    const traces = [heat(shown, y), ...lines(shown), ...orders(shown), ...fills(shown)];
    drawing = true;
    const done = Plotly.react(place, traces, tools.layout(own), tools.config);
    done.then(() => {
      drawing = false;
    });
    tell();
  }

  const where = place.parentElement.querySelector(".where");

  function tell() {
    const length = (shown[1] - shown[0]) / 1e6;
    place.dataset.shownMs = String(length * 1000);
    const span = length >= 120 ? `${(length / 60).toFixed(0)} min` : `${Number(length.toPrecision(2))} s`;
    const fill = at >= 0 ? `fill ${at + 1} of ${film.fills.length}: ${fillText(film.fills[at])}` : "";
    where.textContent = [`${span} shown`, fill].filter(Boolean).join("; ");
  }

  function look(from, to) {
    const least = 200;
    const middle = (from + to) / 2;
    const half = Math.min(Math.max((to - from) / 2, least / 2), endUs / 2);
    const begin = Math.min(Math.max(middle - half, 0), Math.max(endUs - 2 * half, 0));
    shown = [begin, begin + 2 * half];
    band = null;
    draw();
  }

  function turn(step) {
    const count = film.fills.length;
    if (count === 0) {
      return;
    }
    if (at < 0) {
      const inside = film.fills.findIndex((fill) => fill[0] >= shown[0]);
      at = step > 0 ? Math.max(inside, 0) : count - 1;
    } else {
      at = (at + step + count) % count;
    }
    const us = film.fills[at][0];
    look(us - 1e6, us + 1e6);
  }

  const acts = {
    all: () => {
      at = -1;
      look(0, endUs);
    },
    in: () => look(shown[0] + (shown[1] - shown[0]) / 4, shown[1] - (shown[1] - shown[0]) / 4),
    out: () => look(shown[0] - (shown[1] - shown[0]) / 2, shown[1] + (shown[1] - shown[0]) / 2),
    back: () => turn(-1),
    next: () => turn(1),
  };
  for (const button of place.parentElement.querySelectorAll("[data-act]")) {
    button.addEventListener("click", acts[button.dataset.act]);
    button.disabled = film.fills.length === 0 && ["back", "next"].includes(button.dataset.act);
  }
  draw();
  place.on("plotly_relayout", (change) => {
    if (drawing) {
      return;
    }
    if (change["xaxis.autorange"]) {
      acts.all();
      return;
    }
    const [from, to] = place.layout.xaxis.range.map((end) => {
      const text = String(end).replace(" ", "T");
      const asMs = typeof end === "number" ? end : Date.parse(text.length > 10 ? `${text}Z` : text);
      return (asMs - startMs) * 1000;
    });
    if (Number.isFinite(from) && Number.isFinite(to)) {
      shown = [from, to];
      const isBand = "yaxis.range[0]" in change;
      band = isBand ? place.layout.yaxis.range.map((price) => price / film.tick) : null;
      draw();
    }
  });
  return draw;
};
