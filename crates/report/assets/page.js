"use strict";
// Draws the charts that the page has places for, from the numbers in its JSON. A chart is drawn when its place has a
// width, so that those in a closed section wait until it is opened.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const charts = new Map(data.charts.map((chart) => [chart.id, chart]));
  const time = data.time.map((step) => step * data.unit);
  const months = data.months.map((step) => step * data.unit);
  const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3], [4, 2]];
  const lines = ["solid", "dashed", "dotted", "dashed", "dotted"];
  const drawn = new Map();
  let paper = false;

  const paint = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const color = (number) => paint("c" + (number === 0 ? 0 : ((number - 1) % 8) + 1));
  const faded = (hex, share) => hex + Math.round(share * 255).toString(16).padStart(2, "0");

  const plain = (value, digits) => {
    const text = value.toFixed(digits);
    return Number(text) === 0 ? (0).toFixed(digits) : text;
  };
  const exact = (form, value) => {
    if (value == null) return "--";
    if (form === "percent") return plain(value * 100, 2) + "%";
    if (form === "growth") return value >= 1000 ? value.toExponential(2) : plain(value, value < 10 ? 3 : 1);
    return plain(value, 2);
  };
  // As many digits as tell neighbouring marks apart.
  const marks = (form, values) => {
    const scale = form === "percent" ? 100 : 1;
    const step = Math.min(...values.slice(1).map((value, place) => Math.abs(value - values[place]) * scale));
    const digits = step > 0 && isFinite(step) ? Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))) : 2;
    return values.map((value) => plain(value * scale, digits) + (form === "percent" ? "%" : ""));
  };

  // Marks of a logarithmic axis: numbers that people count in, as many as there is room for.
  const logMarks = (low, high, room) => {
    const ladders = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9],
      Array.from({ length: 90 }, (_, place) => 1 + place / 10), Array.from({ length: 900 }, (_, place) => 1 + place / 100)];
    let best = [];
    for (const ladder of ladders) {
      const found = [];
      for (let power = Math.floor(low) - 1; power <= Math.ceil(high); power += 1) {
        for (const step of ladder) {
          const mark = power + Math.log10(step);
          if (mark >= low && mark <= high) found.push(mark);
        }
      }
      if (found.length > room && best.length >= 2) break;
      best = found.length > room ? found.filter((_, place) => place % Math.ceil(found.length / room) === 0) : found;
      if (best.length >= room * 0.6) break;
    }
    return best;
  };

  const padded = (low, high, zero) => {
    if (low == null || high == null) return [0, 1];
    const least = zero ? Math.min(0, low) : low, most = zero ? Math.max(0, high) : high;
    const pad = (most - least || Math.abs(most) || 1) * 0.05;
    return [zero && least === 0 ? 0 : least - pad, zero && most === 0 ? 0 : most + pad];
  };

  // Where periods begin, as lines with their names.
  const periods = (plot, named) => {
    const context = plot.ctx, scale = devicePixelRatio;
    context.save();
    context.strokeStyle = context.fillStyle = paint("soft");
    context.lineWidth = scale;
    context.setLineDash([3 * scale, 3 * scale]);
    context.textAlign = "left";
    context.textBaseline = "top";
    context.font = 11 * scale + "px " + getComputedStyle(document.body).fontFamily;
    const places = data.periods.map(([, step]) => Math.round(plot.valToPos(step * data.unit, "x", true)));
    for (const [place, x] of places.entries()) {
      const name = data.periods[place][0], end = places[place + 1] ?? plot.bbox.left + plot.bbox.width;
      if (x <= plot.bbox.left || x >= plot.bbox.left + plot.bbox.width) continue;
      context.beginPath();
      context.moveTo(x, plot.bbox.top);
      context.lineTo(x, plot.bbox.top + plot.bbox.height);
      context.stroke();
      if (named && x + context.measureText(name).width + 9 * scale < end) context.fillText(name, x + 5 * scale, plot.bbox.top + 3 * scale);
    }
    context.restore();
  };

  const options = (chart, width, log) => {
    const narrow = width < 480;
    const height = chart.weight === 2 ? (narrow ? 250 : 340) : narrow ? 160 : 190;
    const zero = chart.form !== "growth";
    const axis = {
      stroke: paint("soft"), font: "11px " + getComputedStyle(document.body).fontFamily,
      grid: { stroke: paint("line"), width: 1 }, ticks: { show: false },
    };
    const unlog = (value) => (log && value != null ? 10 ** value : value);
    const vertical = {
      ...axis, size: narrow ? 46 : 54, gap: 4, space: 28,
      values: (plot, values) => (log ? values.map((value) => String(Number((10 ** value).toPrecision(3)))) : marks(chart.form, values)),
    };
    if (log) vertical.splits = (plot, index, low, high) => logMarks(low, high, Math.max(3, Math.floor(plot.height / 55)));
    return {
      width, height, ms: 1e-3, tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), "UTC"),
      padding: [8, 12, 0, 0],
      legend: { markers: { width: 3, dash: (plot, place) => lines[chart.series[place - 1].dash], stroke: (plot, place) => color(chart.series[place - 1].color) } },
      cursor: {
        drag: { x: true, y: false, setScale: true }, points: { size: 6 },
        ...(chart.monthly ? {} : { sync: { key: "bars", setSeries: false, scales: ["x", null] } }),
      },
      scales: { x: { time: true }, y: { range: (plot, low, high) => padded(low, high, zero) } },
      axes: [{ ...axis, space: narrow ? 44 : 64, size: 26, gap: 4 }, vertical],
      series: [
        { label: "Date", value: (plot, value) => (value == null ? "--" : new Date(value * 1000).toISOString().slice(0, chart.monthly ? 7 : data.unit === 1 ? 16 : 10).replace("T", " ")) },
        ...chart.series.map((series) => ({
          label: series.name, stroke: color(series.color), dash: dashes[series.dash].length ? dashes[series.dash] : undefined,
          width: series.color === 0 ? 1.3 : 1.6, points: { show: time.length < 40 && !chart.monthly, size: 4 }, spanGaps: false,
          fill: chart.monthly ? faded(color(series.color), 0.75) : series.fill ? faded(color(series.color), 0.16) : undefined,
          fillTo: zero ? 0 : undefined,
          paths: chart.monthly ? uPlot.paths.bars({ size: [0.72, 44], align: 0 }) : undefined,
          value: (plot, value) => exact(chart.form, unlog(value)),
        })),
      ],
      hooks: {
        draw: [(plot) => periods(plot, chart.weight === 2)],
        // Without a cursor the legend shows the last values.
        ready: [(plot) => plot.setLegend({ idx: plot.data[0].length - 1 }, false)],
        setCursor: [(plot) => plot.cursor.idx == null && plot.setLegend({ idx: plot.data[0].length - 1 }, false)],
      },
    };
  };

  const values = (chart, log) => [
    chart.monthly ? months : time,
    ...chart.series.map((series) => (log ? series.values.map((value) => (value > 0 ? Math.log10(value) : null)) : series.values)),
  ];

  const draw = (place) => {
    const chart = charts.get(place.dataset.chart);
    const sheet = place.closest("details") ? 612 : 664;
    const width = paper ? (place.closest(".pair") ? sheet / 2 - 14 : sheet) : place.clientWidth;
    if (!chart || width < 40) return;
    const state = drawn.get(place) ?? { log: chart.log };
    state.plot?.destroy();
    state.width = place.clientWidth;
    state.plot = new uPlot(options(chart, width, state.log), values(chart, state.log), place);
    drawn.set(place, state);
  };
  const redraw = () => drawn.forEach((_, place) => draw(place));

  const places = document.querySelectorAll(".chart");
  const watcher = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      if (!paper && target.clientWidth !== drawn.get(target)?.width) draw(target);
    }
  });
  for (const place of places) {
    const chart = charts.get(place.dataset.chart);
    if (chart?.log) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "toggle";
      const say = (log) => {
        button.textContent = log ? "Linear scale" : "Logarithmic scale";
      };
      say(true);
      button.addEventListener("click", () => {
        const state = drawn.get(place);
        state.log = !state.log;
        say(state.log);
        draw(place);
      });
      place.parentElement.querySelector("figcaption").append(button);
    }
    draw(place);
    watcher.observe(place);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  // On paper everything is open, light, and as wide as a sheet.
  let closed = [];
  addEventListener("beforeprint", () => {
    paper = true;
    document.documentElement.classList.add("printing");
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((details) => (details.open = true));
    places.forEach(draw);
  });
  addEventListener("afterprint", () => {
    paper = false;
    document.documentElement.classList.remove("printing");
    closed.forEach((details) => (details.open = false));
    redraw();
  });
})();
