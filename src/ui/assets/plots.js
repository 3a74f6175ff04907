// The last hour, drawn. Finds `.plot[data-series]` elements, whose series are names of columns of
// `api/v1/history` (several are separated by blanks), and draws each with uPlot. Without this script the
// elements keep the text that the server has put there.
"use strict";

(() => {
  const REFRESH_MS = 10_000;
  const HOUR_S = 3600;
  // A gateway that has just been started is shown at this scale, which grows to the hour.
  const SHORTEST_S = 300;
  const HEIGHT_PX = 130;
  const MINUS = "\u2212";

  const SCALED = ["", "k", "M", "G", "T"];
  const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"];

  // A number with at most three digits that matter, and its unit's prefix.
  function scaled(value, step, prefixes) {
    let at = 0;
    let size = Math.abs(value);
    while (size >= step && at < prefixes.length - 1) {
      size /= step;
      at += 1;
    }
    const digits = size >= 100 || Number.isInteger(size) ? 0 : size >= 10 ? 1 : 2;
    const sign = value < 0 ? MINUS : "";
    return [sign + Number(size.toFixed(digits)), prefixes[at]];
  }

  function seconds(value) {
    if (value === 0) return "0 s";
    if (value < 1e-3) return `${scaled(value * 1e6, Infinity, [""])[0]} µs`;
    if (value < 1) return `${scaled(value * 1e3, Infinity, [""])[0]} ms`;
    return `${scaled(value, Infinity, [""])[0]} s`;
  }

  // By how the name of a column ends.
  function formatter(column) {
    if (column.endsWith("_bytes")) return (value) => scaled(value, 1024, BYTES).join(" ");
    if (column.endsWith("_per_second")) return (value) => `${scaled(value, 1000, SCALED).join("")}/s`;
    if (column.endsWith("_seconds")) return seconds;
    return (value) => scaled(value, 1000, SCALED).join("");
  }

  // The steps of the axis, so that its numbers are round ones in their unit.
  function increments(column) {
    const isBytes = column.endsWith("_bytes");
    const isWhole = isBytes || !column.endsWith("_seconds") && !column.endsWith("_per_second");
    if (!isWhole) return undefined;
    const steps = [];
    for (let size = 1; size < 1e15; size *= isBytes ? 2 : 10) steps.push(...(isBytes ? [size] : [size, 2 * size, 5 * size]));
    return steps;
  }

  function label(column) {
    if (column === "failures_per_second") return "rejected";
    if (column.endsWith("_min")) return "fewest";
    if (column.endsWith("_max")) return "most";
    return column.replace(/_per_second$|_seconds$|_bytes$/, "").replaceAll("_", " ");
  }

  // What somebody who cannot see the plot is told.
  function spoken(column, values) {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return `${label(column)}: nothing yet`;
    const format = formatter(column);
    const [now, min, max] = [known[known.length - 1], Math.min(...known), Math.max(...known)];
    return `${label(column)}: now ${format(now)}, lowest ${format(min)}, highest ${format(max)}`;
  }

  // The colours come from the page, so that it alone says what dark and light mean.
  function colours(element) {
    const style = getComputedStyle(element);
    const of = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    return {
      text: of("--faint", style.color),
      grid: of("--line", "rgba(128, 128, 128, 0.2)"),
      lines: [of("--bar", "#2a8ea3"), of("--bad", "#a3201d"), of("--faint", "#566369")],
    };
  }

  function append(parent, tag, className) {
    const element = document.createElement(tag);
    element.className = className;
    return parent.appendChild(element);
  }

  class Plot {
    constructor(element) {
      this.element = element;
      this.columns = element.dataset.series.split(/\s+/).filter(Boolean);
      this.value = element.querySelector("p") ?? append(element, "p", "plot-value");
      this.canvas = append(element, "div", "plot-canvas");
      // To those who do not see it, it is one picture with a label that tells all.
      element.setAttribute("role", "img");
      this.uplot = null;
    }

    options() {
      const { text, grid, lines } = colours(this.element);
      const format = formatter(this.columns[0]);
      const axis = {
        stroke: text,
        font: "12px system-ui, sans-serif",
        grid: { stroke: grid, width: 1 },
        ticks: { show: false },
      };
      const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
      return {
        width: Math.max(this.canvas.clientWidth, 120),
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { size: 6 } },
        scales: {
          // By the samples themselves: of a single one, uPlot makes a day.
          x: {
            range: () => {
              const [oldest, newest] = [this.data[0][0], this.data[0].at(-1)];
              return [Math.max(newest - HOUR_S, Math.min(oldest, newest - SHORTEST_S)), newest];
            },
          },
          // From zero on, and with some room where all is zero.
          y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
        },
        axes: [
          { ...axis, size: 28, space: 60, values: (_, times) => times.map((time) => clock.format(time * 1000)) },
          { ...axis, size: 64, space: 28, incrs: increments(this.columns[0]), values: (_, values) => values.map(format) },
        ],
        series: [
          {},
          ...this.columns.map((column, at) => ({
            label: label(column),
            stroke: lines[at % lines.length],
            width: 1.5,
            // One sample alone makes no line.
            points: { show: this.data[0].length < 3 },
          })),
        ],
        hooks: { setCursor: [(uplot) => this.tell(uplot.cursor.idx)] },
      };
    }

    // The value under the pointer, or else the newest.
    tell(at) {
      const [times, ...series] = this.data;
      const index = at ?? times.length - 1;
      const values = this.columns.map((column, which) => {
        const value = series[which][index] ?? null;
        const text = value === null ? "–" : formatter(column)(value);
        return this.columns.length > 1 ? `${label(column)} ${text}` : text;
      });
      const when = at == null ? "" : ` at ${new Date(times[at] * 1000).toLocaleTimeString()}`;
      this.value.textContent = values.join(" · ") + when;
    }

    show(history) {
      const columns = this.columns.map((column) => history[column] ?? history.time.map(() => null));
      this.data = [history.time, ...columns];
      if (history.time.length === 0) return; // What the server has written is newer.
      this.element.setAttribute("aria-label", this.columns.map((column, at) => spoken(column, columns[at])).join("; "));
      this.tell(this.uplot?.cursor.idx ?? null);
      if (this.uplot === null || history.time.length <= 3) {
        this.redraw();
      } else {
        this.uplot.setData(this.data);
      }
    }

    // Draws it anew: its width or its colours have changed.
    redraw() {
      if (this.data === undefined) return;
      this.uplot?.destroy();
      this.uplot = new uPlot(this.options(), this.data, this.canvas);
    }
  }

  const plots = [...document.querySelectorAll(".plot[data-series]")].map((element) => new Plot(element));
  if (plots.length === 0) return;
  const url = `${document.body.dataset.api ?? "api/v1"}/history`;

  const note = document.getElementById("plots-note");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (note) note.textContent = `One sample every 10 s. Times are in ${zone}.`;

  async function refresh() {
    try {
      const answer = await fetch(url, { cache: "no-store" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const { data } = await answer.json();
      for (const plot of plots) plot.show(data);
      document.body.classList.remove("plots-stale");
    } catch {
      // The gateway is away or does not let us: what is drawn stays, and the page may say so.
      document.body.classList.add("plots-stale");
    }
  }

  // A page that nobody looks at asks for nothing.
  const whileLookedAt = () => {
    if (document.visibilityState === "visible") void refresh();
  };
  setInterval(whileLookedAt, REFRESH_MS);
  document.addEventListener("visibilitychange", whileLookedAt);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach((plot) => plot.redraw()));
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    plots.forEach((plot) => plot.redraw());
  });
  void refresh();
})();
