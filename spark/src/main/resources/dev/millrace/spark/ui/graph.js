// The dataflow as a drawing: layers from the sources to the sinks, from left to right, or from top to bottom where the
// window is narrow. The places are found once for a graph; afterwards only figures and colours change.

import { setAttribute, setText, svg } from "./elements.js";
import { percent, rate } from "./text.js";

const NODE = { width: 216, height: 92 };
const GAP = { along: 112, across: 26 };
const GAP_DOWN = 64;

/** How far a drawing is made smaller before it scrolls. */
const SMALLEST_SCALE = 0.66;
const NARROW = 720;
const MARGIN = 14;

/** For each stage its layer: one behind the furthest of its inputs. */
function layers(stages, edges) {
  const layerOf = new Map();
  for (const stage of stages) { // producers come first
    const inputs = edges.filter((edge) => edge.to === stage.id).map((edge) => layerOf.get(edge.from) ?? 0);
    layerOf.set(stage.id, inputs.length === 0 ? 0 : Math.max(...inputs) + 1);
  }
  // A source is drawn right before what reads it, not far off at the start.
  for (const stage of [...stages].reverse()) {
    const outputs = edges.filter((edge) => edge.from === stage.id).map((edge) => layerOf.get(edge.to));
    if (outputs.length > 0) {
      layerOf.set(stage.id, Math.min(...outputs) - 1);
    }
  }
  const made = [];
  for (const stage of stages) {
    (made[layerOf.get(stage.id)] ??= []).push(stage.id);
  }
  return made.filter((layer) => layer !== undefined);
}

/** Orders each layer by where its neighbours are, forth and back, so that few edges cross. */
function untangle(layered, edges) {
  const place = new Map();
  const note = () => layered.forEach((layer) => layer.forEach((id, index) => place.set(id, index - layer.length / 2)));
  note();
  for (let round = 0; round < 6; round++) {
    const forth = round % 2 === 0;
    for (const layer of forth ? layered : [...layered].reverse()) {
      const centre = (id) => {
        const near = edges.filter((edge) => (forth ? edge.to : edge.from) === id)
          .map((edge) => place.get(forth ? edge.from : edge.to));
        return near.length === 0 ? place.get(id) : near.reduce((sum, one) => sum + one, 0) / near.length;
      };
      const centres = new Map(layer.map((id) => [id, centre(id)]));
      layer.sort((one, other) => centres.get(one) - centres.get(other));
      note();
    }
  }
}

function places(stages, edges, vertical) {
  const layered = layers(stages, edges);
  untangle(layered, edges);
  const along = vertical ? NODE.height + GAP_DOWN : NODE.width + GAP.along;
  const across = vertical ? NODE.width + GAP.across : NODE.height + GAP.across;
  const widest = Math.max(...layered.map((layer) => layer.length));
  const found = new Map();
  layered.forEach((layer, depth) => layer.forEach((id, index) => {
    const side = (index + (widest - layer.length) / 2) * across;
    found.set(id, vertical ? { x: side, y: depth * along } : { x: depth * along, y: side });
  }));
  const size = {
    width: vertical ? widest * across - GAP.across : layered.length * along - GAP.along,
    height: vertical ? layered.length * along - GAP_DOWN : widest * across - GAP.across,
  };
  return { found, size };
}

function curve(from, to, vertical) {
  const start = vertical ? [from.x + NODE.width / 2, from.y + NODE.height] : [from.x + NODE.width, from.y + NODE.height / 2];
  const end = vertical ? [to.x + NODE.width / 2, to.y - 7] : [to.x - 7, to.y + NODE.height / 2];
  const bend = vertical ? (end[1] - start[1]) / 2 : (end[0] - start[0]) / 2;
  const [one, other] = vertical
    ? [[start[0], start[1] + bend], [end[0], end[1] - bend]]
    : [[start[0] + bend, start[1]], [end[0] - bend, end[1]]];
  return {
    path: `M${start} C${one} ${other} ${end}`,
    middle: { x: (start[0] + end[0]) / 2, y: (start[1] + end[1]) / 2 },
  };
}

/** Cuts a text that is drawn wider than it may be. */
function fit(element, width) {
  const whole = element.textContent;
  let length = whole.length;
  while (length > 1 && element.getComputedTextLength() > width) {
    length--;
    element.textContent = whole.slice(0, length).trimEnd() + "…";
  }
}

/** What a stage is, and what it is made of: `read Kafka[topic] -> Fused[Project]`. */
function titles(stage) {
  const [first, ...rest] = stage.name.split(" -> ");
  const inner = first.indexOf("[");
  const details = inner < 0 || !first.endsWith("]") ? [] : [first.slice(inner + 1, -1)];
  const made = [...details, ...rest].join(" → ");
  return {
    title: details.length === 0 ? first : first.slice(0, inner),
    made: made || { reading: "source", writing: "sink", pulling: "pulled" }[stage.kind] || "",
  };
}

/** How bad it is that an edge is so full. */
export function pressure(fill) {
  return fill >= 0.75 ? "high" : fill >= 0.35 ? "some" : "none";
}

export class Graph {
  constructor(onSelect) {
    this.onSelect = onSelect;
    this.selected = null;
    this.drawing = svg("svg", { class: "mr-graph", role: "group", "aria-label": "Dataflow" });
    this.element = this.drawing;
    this.key = "";
  }

  update(stages, edges, width) {
    if (stages.length === 0) {
      return;
    }
    const vertical = width < NARROW;
    const key = JSON.stringify([vertical, stages.map((stage) => stage.name), edges.map((edge) => [edge.from, edge.to])]);
    if (key !== this.key) {
      this.key = key;
      this.draw(stages, edges, vertical);
    }
    stages.forEach((stage) => this.updateNode(this.nodes.get(stage.id), stage));
    edges.forEach((edge, index) => this.updateEdge(this.edges[index], edge));
  }

  draw(stages, edges, vertical) {
    const { found, size } = places(stages, edges, vertical);
    const box = [-MARGIN, -MARGIN, size.width + 2 * MARGIN, size.height + 2 * MARGIN];
    this.drawing.setAttribute("viewBox", box.join(" "));
    this.drawing.style.width = `clamp(${SMALLEST_SCALE * box[2]}px, 100%, ${box[2]}px)`;
    this.drawing.replaceChildren();
    this.edges = edges.map((edge) =>
      this.drawEdge(edge, curve(found.get(edge.from), found.get(edge.to), vertical), vertical));
    this.nodes = new Map(stages.map((stage) => [stage.id, this.drawNode(stage, found.get(stage.id))]));
  }

  drawEdge(edge, { path, middle }, vertical) {
    const parts = {
      line: svg("path", { d: path, class: "mr-edge" }),
      how: svg("text", { x: middle.x, y: middle.y - 8, class: "mr-edge-how" }, edge.how),
      rate: svg("text", { x: middle.x, y: middle.y + 16, class: "mr-edge-rate" }),
      fill: svg("text", { x: middle.x, y: middle.y + 30, class: "mr-edge-fill" }),
      title: svg("title"),
    };
    const end = path.split(" ").at(-1).split(",").map(Number);
    parts.head = svg("path", { class: "mr-edge-head", d: "M-4,-4.5 L4,0 L-4,4.5 Z",
      transform: `translate(${end[0]} ${end[1]})` + (vertical ? " rotate(90)" : "") });
    parts.group = svg("g", {}, parts.title, parts.line, parts.head, parts.how, parts.rate, parts.fill);
    this.drawing.append(parts.group);
    fit(parts.how, vertical ? NODE.width / 2 : GAP.along - 8);
    return parts;
  }

  updateEdge(parts, edge) {
    const level = pressure(edge.maxFill);
    setAttribute(parts.group, "class", "mr-edge-group mr-pressure-" + level);
    setText(parts.rate, rate(edge.rowsPerSecond));
    setText(parts.fill, edge.maxFill >= 0.01 ? percent(edge.maxFill) + " full" : "");
    const side = edge.side === "RIGHT" ? " (right input)" : "";
    setText(parts.title, `${edge.how}${side}: ${rate(edge.rowsPerSecond)}, channels ${percent(edge.meanFill)} full, the fullest ${percent(edge.maxFill)}`);
    parts.line.style.strokeWidth = (1.2 + Math.min(3, Math.log10(1 + edge.rowsPerSecond) / 2)).toFixed(2);
  }

  drawNode(stage, { x, y }) {
    const { title, made } = titles(stage);
    const inner = NODE.width - 24;
    const select = () => this.select(this.selected === stage.id ? null : stage.id);
    const parts = {
      frame: svg("rect", { width: NODE.width, height: NODE.height, rx: 7, class: "mr-node-frame" }),
      stripe: svg("rect", { width: 4, height: NODE.height - 14, x: 0, y: 7, class: "mr-node-stripe" }),
      number: svg("text", { x: NODE.width - 12, y: 21, class: "mr-node-number" }, String(stage.id)),
      name: svg("text", { x: 14, y: 21, class: "mr-node-name" }, title),
      made: svg("text", { x: 14, y: 37, class: "mr-node-made" }, made),
      track: svg("rect", { x: 14, y: 48, width: inner, height: 7, rx: 3.5, class: "mr-node-track" }),
      busy: svg("rect", { x: 14, y: 48, width: 0, height: 7, rx: 3.5, class: "mr-node-busy" }),
      held: svg("rect", { x: 14, y: 48, width: 0, height: 7, rx: 3.5, class: "mr-node-held" }),
      rate: svg("text", { x: 14, y: 77, class: "mr-node-rate" }),
      share: svg("text", { x: NODE.width - 12, y: 77, class: "mr-node-share" }),
      title: svg("title"),
      inner,
    };
    parts.group = svg("g", {
      class: "mr-node mr-kind-" + stage.kind, transform: `translate(${x} ${y})`, tabindex: "0", role: "button",
      "aria-pressed": "false", onclick: select,
      onkeydown: (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          select();
        }
      },
    }, parts.title, parts.frame, parts.stripe, parts.name, parts.number, parts.made, parts.track, parts.busy,
    parts.held, parts.rate, parts.share);
    this.drawing.append(parts.group);
    fit(parts.name, inner - 16);
    fit(parts.made, inner);
    return parts;
  }

  updateNode(parts, stage) {
    const held = stage.backPressured;
    setAttribute(parts.busy, "width", (parts.inner * stage.busy).toFixed(1));
    setAttribute(parts.held, "x", (14 + parts.inner * stage.busy).toFixed(1));
    setAttribute(parts.held, "width", (parts.inner * held).toFixed(1));
    setText(parts.rate, rate(stage.rowsPerSecond));
    setText(parts.share, held >= 0.05 ? "held up " + percent(held) : "busy " + percent(stage.busy));
    setAttribute(parts.group, "data-pressure", held >= 0.5 ? "high" : held >= 0.1 ? "some" : "none");
    setAttribute(parts.group, "data-busy", stage.busy >= 0.9 ? "all" : "some");
    setAttribute(parts.group, "aria-pressed", String(this.selected === stage.id));
    const summary = `Stage ${stage.id}, ${stage.name}: ${rate(stage.rowsPerSecond)}, busy ${percent(stage.busy)}, back-pressured ${percent(held)}, idle ${percent(Math.max(0, 1 - stage.busy - held))}`;
    setText(parts.title, summary);
    setAttribute(parts.group, "aria-label", summary);
  }

  select(id) {
    this.selected = id;
    this.onSelect(id);
  }
}
