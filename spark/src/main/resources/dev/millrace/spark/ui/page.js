// Asks for the figures once a second while somebody looks, and shows them.

import { html, setText } from "./elements.js";
import { QueriesPage } from "./queries.js";
import { QueryPage } from "./query.js";
import { duration } from "./text.js";

const INTERVAL_MILLIS = 1000;

/** How often a run that is asked for may be unknown at first: one that is just starting is. */
const UNKNOWN_AT_FIRST = 10;

const root = document.getElementById("millrace");
const notice = html("p", { class: "mr-notice", role: "status", hidden: true });
root.replaceChildren(notice);
const page = root.dataset.page === "query"
  ? new QueryPage(root, root.dataset.tab)
  : new QueriesPage(root, root.dataset.tab);
let lastAnswer = Date.now();
let unknownCount = 0;

async function ask() {
  const response = await fetch(root.dataset.figures + page.address(), { cache: "no-store" });
  if (response.status === 404) {
    if (root.dataset.updated === undefined && ++unknownCount < UNKNOWN_AT_FIRST) {
      return null;
    }
    return "This run is not known any more. The application keeps a number of queries that have ended: see spark.sql.streaming.ui.retainedQueries.";
  }
  if (!response.ok) {
    throw new Error("status " + response.status);
  }
  const goesOn = page.update(await response.json());
  root.dataset.updated = String(Number(root.dataset.updated ?? 0) + 1);
  return goesOn ? null : "";
}

function say(text) {
  notice.hidden = text === "";
  setText(notice, text);
}

async function refresh() {
  if (document.hidden) {
    return true;
  }
  try {
    const end = await ask();
    lastAnswer = Date.now();
    say(end ?? "");
    return end === null;
  } catch (error) {
    say(`The application does not answer since ${duration(Date.now() - lastAnswer)}; these figures are from then. (${error.message})`);
    return true;
  }
}

async function run() {
  while (await refresh()) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MILLIS));
  }
}

run();
