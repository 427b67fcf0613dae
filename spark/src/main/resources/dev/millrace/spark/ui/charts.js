// Charts over time, by uPlot, with the moments at which epochs ended and the query recovered.

import { html } from "./elements.js";
import { clock, count, latency, roundLatency } from "./text.js";

const HEIGHT = 190;
const EPOCH_LINES_APART = 18;

/** What is shown of a query that has just started. */
const LEAST_SPAN_MILLIS = 60000;

const style = (name) => getComputedStyle(document.getElementById("millrace")).getPropertyValue(name).trim();

/** Draws a line for each moment: epochs faintly, recoveries strongly. */
function marks(chart) {
  return (plot) => {
    const context = plot.ctx;
    const { left, top, width, height } = plot.bbox;
    const line = (millis, colour, dash, from) => {
      const x = Math.round(plot.valToPos(millis / 1000, "x", true));
      if (x < left || x > left + width) return;
      context.beginPath();
      context.strokeStyle = colour;
      context.setLineDash(dash);
      context.moveTo(x, from);
      context.lineTo(x, top + height);
      context.stroke();
    };
    context.save();
    context.lineWidth = devicePixelRatio;
    const seen = chart.epochs.map((millis) => plot.valToPos(millis / 1000, "x", true));
    const apart = seen.length > 1 ? Math.abs(seen[0] - seen[seen.length - 1]) / (seen.length - 1) : Infinity;
    const whole = apart >= EPOCH_LINES_APART * devicePixelRatio;
    chart.epochs.forEach((millis) =>
      line(millis, style("--mr-epoch"), [], whole ? top : top + height - 5 * devicePixelRatio));
    chart.recoveries.forEach((millis) =>
      line(millis, style("--mr-bad"), [4 * devicePixelRatio, 3 * devicePixelRatio], top));
    context.restore();
  };
}

class Chart {
  constructor(title, series, options) {
    this.title = title;
    this.series = series;
    this.options = options;
    this.epochs = [];
    this.recoveries = [];
    this.place = html("div", { class: "mr-plot" });
    this.element = html("figure", { class: "mr-chart" }, html("figcaption", {}, title), this.place);
    this.data = [[], ...series.map(() => [])];
  }

  make() {
    this.plot?.destroy();
    const axis = { stroke: style("--mr-muted"), grid: { stroke: style("--mr-grid"), width: 1 }, ticks: { show: false },
      font: "11px system-ui, sans-serif" };
    this.plot = new window.uPlot({
      width: Math.max(240, this.place.clientWidth),
      height: HEIGHT,
      scales: { x: { time: true, range: () => this.range }, y: this.options.scale },
      cursor: { y: false, sync: { key: "millrace" } },
      legend: { live: true },
      axes: [
        { ...axis, grid: { show: false }, space: 70, size: 30, values: (plot, ticks) => ticks.map((tick) => clock(tick * 1000)) },
        { ...axis, grid: this.options.filter ? { ...axis.grid, filter: this.options.filter } : axis.grid, size: 62, values: (plot, ticks) => ticks.map((tick) => (tick === null ? "" : (this.options.tick ?? this.options.text)(tick))),
          filter: this.options.filter },
      ],
      series: [
        { label: "time", value: (plot, value) => (value === null ? "" : clock(value * 1000)) },
        ...this.series.map((one) => ({
          label: one.label,
          stroke: style(one.colour),
          width: one.width ?? 1.5,
          fill: one.fill ? style(one.fill) : undefined,
          points: { show: false },
          spanGaps: false,
          value: (plot, value) => (value === null || value === undefined ? "–" : this.options.text(value)),
        })),
      ],
      hooks: { drawClear: [marks(this)] },
    }, this.data, this.place);
  }

  update(points, range, epochs, recoveries) {
    this.range = range;
    this.epochs = epochs.filter((millis) => millis / 1000 >= range[0]);
    this.recoveries = recoveries;
    this.data = [points.map((point) => point.timeMillis / 1000),
      ...this.series.map((one) => points.map((point) => one.value(point)))];
    if (!this.plot) {
      this.make();
    } else {
      this.plot.setData(this.data);
    }
    if (this.plot.cursor.idx === null || this.plot.cursor.idx === undefined) {
      this.plot.setLegend({ idx: Math.max(0, points.length - 1) });
    }
  }

  resize() {
    if (this.plot && this.place.clientWidth > 0) {
      this.plot.setSize({ width: this.place.clientWidth, height: HEIGHT });
    }
  }
}

/** As many as the application keeps: a quarter of an hour of a running query. */
const MOST_POINTS = 900;

const unlessZero = (value) => (value > 0 ? value : null);

/** The scale of latencies: by tens, and never less than two of them. */
const byTens = {
  distr: 3,
  range: (plot, least, most) => {
    const low = 10 ** Math.floor(Math.log10(least > 0 ? least : 0.1));
    const high = 10 ** Math.ceil(Math.log10(most > 0 ? most : 10));
    return [low, Math.max(high, low * 100)];
  },
};

export class Charts {
  constructor() {
    this.points = [];
    this.charts = [
      new Chart("Latency, read to sink", [
        { label: "max", colour: "--mr-series-3", width: 1, value: (point) => unlessZero(point.max) },
        { label: "p99", colour: "--mr-series-2", value: (point) => unlessZero(point.p99) },
        { label: "p50", colour: "--mr-series-1", value: (point) => unlessZero(point.p50) },
      ], { text: latency, tick: roundLatency, scale: byTens,
        filter: (plot, ticks) => ticks.map((tick) => (Number.isInteger(Math.round(Math.log10(tick) * 1e6) / 1e6) ? tick : null)) }),
      new Chart("Rows a second", [
        { label: "read", colour: "--mr-series-1", fill: "--mr-series-1-fill", value: (point) => point.read },
        { label: "written", colour: "--mr-series-4", value: (point) => point.written },
      ], { text: count, scale: { range: (plot, least, most) => [0, Math.max(1, most * 1.08)] } }),
    ];
    this.element = html("div", { class: "mr-charts" }, ...this.charts.map((chart) => chart.element));
    new ResizeObserver(() => this.charts.forEach((chart) => chart.resize())).observe(this.element);
    new MutationObserver(() => this.charts.forEach((chart) => chart.plot && chart.make()))
      .observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
  }

  /** The time of the newest point that is known. */
  newest() {
    return this.points.length === 0 ? 0 : this.points[this.points.length - 1].timeMillis;
  }

  update(view, spanMillis) {
    this.points.push(...view.points.filter((point) => point.timeMillis > this.newest()));
    const end = view.query.endMillis || view.nowMillis;
    this.points = this.points.slice(-MOST_POINTS);
    const epochs = view.epochs.map((epoch) => epoch.endMillis);
    const recoveries = view.recoveries.map((recovery) => recovery.timeMillis);
    const lived = Math.max(LEAST_SPAN_MILLIS, end - view.query.startMillis);
    const range = [(end - Math.min(spanMillis, lived)) / 1000, end / 1000];
    this.charts.forEach((chart) => chart.update(this.points, range, epochs, recoveries));
  }
}
