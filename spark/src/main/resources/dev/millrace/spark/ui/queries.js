// The list of queries.

import { Table, html, section, setAttribute, setText } from "./elements.js";
import { bytes, dateAndClock, duration, latency, rate, whole } from "./text.js";

/** A query's state as a coloured word. */
export function stateCell(cell, query) {
  if (!cell.pill) {
    cell.pill = html("span", { class: "mr-state" });
    cell.append(cell.pill);
  }
  setText(cell.pill, query.state.toLowerCase());
  setAttribute(cell.pill, "data-state", query.state);
}

const label = (query) => query.name ?? query.id;
const none = "–";
const dash = (known, text) => (known ? text : none);

function nameCell(tab) {
  return (cell, query) => {
    if (!cell.link) {
      cell.link = html("a", {});
      cell.append(cell.link);
    }
    setText(cell.link, label(query));
    setAttribute(cell.link, "href", tab + "query/?run=" + encodeURIComponent(query.runId));
  };
}

export class QueriesPage {
  constructor(root, tab) {
    this.active = new Table("Running queries", [
      { title: "Query", cell: nameCell(tab) },
      { title: "State", cell: stateCell },
      { title: "Uptime", number: true, text: (query) => duration(this.now - query.startMillis) },
      { title: "Read", number: true, text: (query) => rate(query.readPerSecond), hint: "rows a second, all sources" },
      { title: "Written", number: true, text: (query) => rate(query.writtenPerSecond), hint: "rows a second" },
      { title: "p50", number: true, text: (query) => dash(query.p50 > 0, latency(query.p50)), hint: "latency from a row's reading to the moment after the sink took it" },
      { title: "p99", number: true, text: (query) => dash(query.p99 > 0, latency(query.p99)) },
      { title: "Watermark lag", number: true, text: (query) => dash(query.watermarkLagMillis !== null, duration(query.watermarkLagMillis ?? 0)) },
      { title: "Epoch", number: true, text: (query) => dash(query.epoch >= 0, whole(query.epoch)) },
      { title: "Age", number: true, text: (query) => duration(query.epochAgeMillis), hint: "since the epoch under way began" },
      { title: "State size", number: true, text: (query) => dash(query.stateRows > 0, whole(query.stateRows) + " · " + bytes(query.stateBytes)) },
      { title: "Recoveries", number: true, text: (query) => whole(query.recoveries) },
    ], "No real-time query is running. Start one with Trigger.RealTime.");
    this.ended = new Table("Queries that have ended", [
      { title: "Query", cell: nameCell(tab) },
      { title: "State", cell: stateCell },
      { title: "Started", text: (query) => dateAndClock(query.startMillis) },
      { title: "Lasted", number: true, text: (query) => duration(query.endMillis - query.startMillis) },
      { title: "Epochs", number: true, text: (query) => whole(Math.max(0, query.epoch)) },
      { title: "Recoveries", number: true, text: (query) => whole(query.recoveries) },
      { title: "Error", text: (query) => query.error ?? "" },
    ], "None has ended yet.");
    root.append(section("Running", this.active.element), section("Ended", this.ended.element));
  }

  address() {
    return "";
  }

  update(view) {
    this.now = view.nowMillis;
    this.active.update(view.queries.filter((query) => query.endMillis === 0));
    this.ended.update(view.queries.filter((query) => query.endMillis > 0));
    return true;
  }
}
