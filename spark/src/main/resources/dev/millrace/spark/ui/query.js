// The page of one query.

import { Charts } from "./charts.js";
import { Table, html, section, setAttribute, setText, shareCell } from "./elements.js";
import { Graph } from "./graph.js";
import { stateCell } from "./queries.js";
import { bytes, clock, count, duration, latency, moment, percent, rate, whole } from "./text.js";

const ALL = Infinity;
const SPANS = [["1 min", 60000], ["5 min", 300000], ["15 min", 900000], ["all", ALL]];
const FEW_EPOCHS = 12;
const none = "–";

/** One figure with its name. */
class Tile {
  constructor(title, hint) {
    this.value = html("dd");
    this.note = html("dd", { class: "mr-note" });
    this.element = html("div", { class: "mr-tile", title: hint }, html("dt", {}, title), this.value, this.note);
  }

  update(value, note = "", level = "") {
    setText(this.value, value);
    setText(this.note, note);
    setAttribute(this.element, "data-level", level);
  }
}

class Header {
  constructor(tab) {
    this.name = html("h2", { class: "mr-name" });
    this.state = html("span");
    this.facts = html("p", { class: "mr-facts" });
    this.error = html("p", { class: "mr-error", role: "alert", hidden: true });
    this.tiles = {
      read: new Tile("Read", "Rows a second that the sources gave"),
      written: new Tile("Written", "Rows a second that the sink took"),
      p50: new Tile("Latency p50", "From a row's reading to the moment after the sink took it, of the last second"),
      p99: new Tile("Latency p99"),
      lag: new Tile("Watermark lag", "How far the watermark is behind the clock"),
      epoch: new Tile("Epoch", "The epoch under way, and since when"),
      state: new Tile("State", "Rows of keyed state, and what they take in memory"),
      late: new Tile("Late rows", "Dropped, because they came behind the watermark"),
      recoveries: new Tile("Recoveries", "How often the query went on from its checkpoint"),
    };
    this.element = html("header", { class: "mr-header" },
      html("a", { href: tab, class: "mr-back" }, "‹ All queries"),
      html("div", { class: "mr-title" }, this.name, this.state), this.facts, this.error,
      html("dl", { class: "mr-tiles" }, ...Object.values(this.tiles).map((tile) => tile.element)));
  }

  update(view) {
    const query = view.query;
    setText(this.name, query.name ?? query.id);
    stateCell(this.state, query);
    const lasted = duration((query.endMillis || view.nowMillis) - query.startMillis);
    const how = view.isHistory ? "from the event log" : `${query.outputMode.toLowerCase()} mode · an epoch every ${duration(query.triggerMillis)}`;
    setText(this.facts, `${query.endMillis ? "ran" : "up"} ${lasted} · to ${query.sink} · ${how} · run ${query.runId}`);
    this.error.hidden = !query.error;
    setText(this.error, query.error ?? "");
    const tiles = this.tiles;
    tiles.read.update(rate(query.readPerSecond));
    tiles.written.update(rate(query.writtenPerSecond));
    tiles.p50.update(query.p50 > 0 ? latency(query.p50) : none);
    tiles.p99.update(query.p99 > 0 ? latency(query.p99) : none);
    tiles.lag.update(query.watermarkLagMillis === null ? none : duration(query.watermarkLagMillis));
    const late = query.epochAgeMillis > 3 * query.triggerMillis + 5000;
    tiles.epoch.update(query.epoch < 0 ? none : whole(query.epoch), query.endMillis ? "" : "for " + duration(query.epochAgeMillis), late ? "warn" : "");
    tiles.state.update(query.stateRows > 0 ? count(query.stateRows) : none, query.stateRows > 0 ? bytes(query.stateBytes) : "");
    tiles.late.update(whole(query.lateRows), "", query.lateRows > 0 ? "warn" : "");
    tiles.recoveries.update(whole(query.recoveries), "", query.recoveries > 0 ? "warn" : "");
  }
}

/** The dataflow, and on demand the tasks of a stage. */
class Dataflow {
  constructor() {
    this.view = null;
    this.graph = new Graph((id) => this.select(id));
    this.loops = html("p", { class: "mr-loops" });
    this.tasksTitle = html("h5");
    this.tasks = new Table("Tasks of the stage", [
      { title: "Task", number: true, text: (task) => String(task.index) },
      { title: "Thread", text: (task) => task.loop },
      { title: "Rows", number: true, text: (task) => whole(task.rows) },
      { title: "Rate", number: true, text: (task) => rate(task.rowsPerSecond) },
      { title: "Busy · held up · idle", cell: (cell, task) => shareCell(cell, task.busy, task.backPressured, percent) },
      { title: "Busy", number: true, text: (task) => percent(task.busy) },
      { title: "Held up", number: true, text: (task) => percent(task.backPressured) },
      { title: "Watermark", text: (task) => (task.watermarkMillis === null ? none : moment(task.watermarkMillis, this.view.nowMillis)) },
    ], "No sample yet.");
    this.operators = html("p", { class: "mr-facts" });
    this.detail = html("div", { class: "mr-detail", hidden: true }, this.tasksTitle, this.operators, this.tasks.element);
    this.scroll = html("div", { class: "mr-graph-scroll" }, this.graph.element);
    this.element = section("Dataflow", html("p", { class: "mr-legend" },
      html("i", { class: "mr-key mr-key-busy" }), "busy ", html("i", { class: "mr-key mr-key-held" }), "back-pressured ",
      html("i", { class: "mr-key mr-key-idle" }), "idle ", html("span", { class: "mr-legend-more" }, "· an edge turns amber and red as its channels fill · choose a stage for its tasks")),
    this.scroll, this.loops, this.detail);
  }

  select(id) {
    this.detail.hidden = id === null;
    if (this.view) {
      this.update(this.view);
    }
  }

  update(view) {
    this.view = view;
    this.graph.update(view.stages, view.edges, this.scroll.clientWidth);
    const loops = Object.entries(view.loops).filter(([name]) => name.includes("-loop-"));
    setText(this.loops, loops.length === 0 ? "" : "Loops: " + loops.map(([name, busy]) =>
      name.slice(name.lastIndexOf("-loop-") + 6) + " busy " + percent(busy)).join(" · "));
    const stage = view.stages.find((one) => one.id === this.graph.selected);
    if (stage) {
      setText(this.tasksTitle, `Stage ${stage.id} · ${stage.name}`);
      setText(this.operators, stage.operators.length === 0 ? "" : "Operators: " + stage.operators.join(" → "));
      this.tasks.update(stage.tasks);
    }
  }
}

class History {
  constructor() {
    this.charts = new Charts();
    this.span = 300000;
    this.buttons = SPANS.map(([text, millis]) => html("button", {
      type: "button", "aria-pressed": String(millis === this.span), onclick: () => this.choose(millis),
    }, text));
    this.element = section("Over time",
      html("div", { class: "mr-spans", role: "group", "aria-label": "Shown time" }, ...this.buttons,
        html("span", { class: "mr-legend mr-legend-more" }, html("i", { class: "mr-key mr-key-epoch" }), "epoch ended ",
          html("i", { class: "mr-key mr-key-recovery" }), "recovered")),
      this.charts.element);
  }

  choose(millis) {
    this.span = millis;
    this.buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(SPANS[index][1] === millis)));
    if (this.view) {
      this.charts.update(this.view, this.span);
    }
  }

  update(view) {
    if (this.view === undefined && view.isHistory) {
      this.choose(ALL);
    }
    this.buttons[SPANS.length - 1].hidden = !view.isHistory; // of a running query a quarter of an hour is known
    this.view = view;
    this.charts.update(view, this.span);
  }
}

class Epochs {
  constructor() {
    this.all = false;
    this.table = new Table("Epochs", [
      { title: "Epoch", number: true, text: (epoch) => whole(epoch.epoch) },
      { title: "Ended", text: (epoch) => clock(epoch.endMillis) },
      { title: "Lasted", number: true, text: (epoch) => duration(epoch.durationMillis) },
      { title: "Read", number: true, text: (epoch) => whole(epoch.rowsRead) },
      { title: "Written", number: true, text: (epoch) => whole(epoch.rowsWritten) },
      { title: "Alignment", number: true, text: (epoch) => duration(epoch.alignmentMillis), hint: "from asking for the barrier until all tasks had it" },
      { title: "Sink ready", number: true, text: (epoch) => duration(epoch.prepareMillis), hint: "from there until the sink's rows were ready" },
      { title: "Snapshot", number: true, text: (epoch) => duration(epoch.snapshotMillis), hint: "alongside: until the state was stored" },
      { title: "Commit", number: true, text: (epoch) => duration(epoch.commitMillis), hint: "manifest, logs and sink" },
      { title: "State stored", number: true, text: (epoch) => (epoch.snapshotBytes > 0 ? bytes(epoch.snapshotBytes) : none) },
      { title: "Watermark", text: (epoch) => (epoch.watermarkMillis > 0 ? moment(epoch.watermarkMillis, epoch.endMillis) : none) },
    ], "No epoch has been committed yet.");
    this.more = html("button", { type: "button", class: "mr-more", onclick: () => {
      this.all = !this.all;
      this.update(this.view);
    } });
    this.element = section("Epochs", this.table.element, this.more);
  }

  update(view) {
    this.view = view;
    this.more.hidden = view.epochs.length <= FEW_EPOCHS;
    setText(this.more, this.all ? "Show the last few" : `Show all ${view.epochs.length} that are kept`);
    this.table.update(this.all ? view.epochs : view.epochs.slice(0, FEW_EPOCHS));
  }
}

class Failures {
  constructor() {
    this.list = html("div");
    this.known = new Map();
    this.empty = html("p", { class: "mr-empty" }, "None.");
    this.element = section("Last failures", this.list, this.empty);
  }

  update(view) {
    this.empty.hidden = view.failures.length > 0;
    for (const failure of [...view.failures].reverse()) {
      const key = failure.timeMillis + failure.where + failure.message;
      if (!this.known.has(key)) {
        this.known.set(key, this.add(failure));
      }
    }
  }

  add(failure) {
    const entry = html("details", { class: "mr-failure" },
      html("summary", {},
        html("time", {}, clock(failure.timeMillis)), " ",
        html("span", { class: "mr-kind" }, failure.kind.toLowerCase()), " ",
        html("strong", {}, failure.where), ` in epoch ${failure.epoch} · ${failure.outcome}`,
        html("p", { class: "mr-message" }, failure.message)),
      html("pre", { tabindex: "0" }, failure.stack));
    this.list.prepend(entry);
    return entry;
  }
}

export class QueryPage {
  constructor(root, tab) {
    this.run = new URLSearchParams(location.search).get("run") ?? "";
    this.header = new Header(tab);
    this.dataflow = new Dataflow();
    this.history = new History();
    this.epochs = new Epochs();
    this.failures = new Failures();
    this.state = new Table("State by operator", [
      { title: "Operator", text: (operator) => operator.name },
      { title: "Stage", number: true, text: (operator) => (operator.stageId < 0 ? none : String(operator.stageId)) },
      { title: "Rows", number: true, text: (operator) => whole(operator.state.rows) },
      { title: "Memory", number: true, text: (operator) => bytes(operator.state.memoryBytes) },
      { title: "Spilled rows", number: true, text: (operator) => whole(operator.state.spilledRows) },
      { title: "Updated", number: true, text: (operator) => whole(operator.updated) },
      { title: "Removed", number: true, text: (operator) => whole(operator.removed) },
      { title: "Late, dropped", number: true, text: (operator) => whole(operator.late) },
      { title: "Duplicates", number: true, text: (operator) => whole(operator.duplicates) },
    ], "The query keeps no state.");
    this.partitions = new Table("Source partitions", [
      { title: "Source stage", number: true, text: (partition) => String(partition.stageId) },
      { title: "Partition", number: true, text: (partition) => String(partition.index) },
      { title: "Greatest event time", text: (partition) => (partition.maxEventTimeMillis === null ? none : moment(partition.maxEventTimeMillis, this.now)) },
      { title: "Behind the clock", number: true, text: (partition) => (partition.maxEventTimeMillis === null ? none : duration(this.now - partition.maxEventTimeMillis)) },
      { title: "Queue", cell: (cell, partition) => shareCell(cell, 0, partition.queueFill, percent), hint: "how full the queue between reader and task is" },
      { title: "", text: (partition) => (partition.isIdle ? "idle: holds no watermark back" : "") },
    ], "No source has been opened yet.");
    this.settings = new Table("Settings in force", [
      { title: "Setting", text: ([name]) => name },
      { title: "Value", text: ([, value]) => value },
    ], "");
    this.plan = html("pre", { tabindex: "0" });
    const partitions = section("Source partitions", this.partitions.element);
    const settings = section("Settings and plan",
      html("details", {}, html("summary", {}, "Settings in force"), this.settings.element),
      html("details", {}, html("summary", {}, "Plan"), this.plan));
    this.ofLiving = [this.dataflow.element, partitions, settings]; // an event log does not tell of them
    root.append(this.header.element, this.dataflow.element, this.history.element, this.failures.element, this.epochs.element,
      html("div", { class: "mr-two" }, section("State", this.state.element), partitions), settings);
  }

  address() {
    return "?run=" + encodeURIComponent(this.run) + "&since=" + this.history.charts.newest();
  }

  /** False once nothing will change any more. */
  update(view) {
    this.now = view.query.endMillis || view.nowMillis;
    document.title = (view.query.name ?? view.query.id) + " – Real-Time";
    this.ofLiving.forEach((element) => {
      element.hidden = view.isHistory;
    });
    this.header.update(view);
    this.dataflow.update(view);
    this.history.update(view);
    this.failures.update(view);
    this.epochs.update(view);
    this.state.update(view.operators);
    this.partitions.update(view.partitions);
    this.settings.update(Object.entries(view.settings));
    setText(this.plan, view.plan);
    return view.query.endMillis === 0;
  }
}
