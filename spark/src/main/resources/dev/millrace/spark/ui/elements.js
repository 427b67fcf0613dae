// Makes and updates elements. Whatever comes from a query becomes text of a text node, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** Changes a text only where it is another, so that a selection lives on. */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
}

/** A titled part of the page. */
export function section(title, ...children) {
  const heading = html("h4", {}, title);
  return html("section", { class: "mr-section", "aria-label": title }, heading, ...children);
}

/**
 * A table whose rows are brought up to date in place.
 *
 * Each column has a title, a function from a row to its text, and whether it is a number; one with `cell` makes or
 * updates the cell's content itself.
 */
export class Table {
  constructor(caption, columns, empty) {
    this.columns = columns;
    this.body = html("tbody");
    this.empty = html("p", { class: "mr-empty" }, empty);
    const head = html("tr", {}, ...columns.map((column) =>
      html("th", { scope: "col", class: column.number ? "mr-number" : null, title: column.hint }, column.title)));
    this.table = html("table", { class: "mr-table" }, html("caption", { class: "mr-hidden" }, caption),
      html("thead", {}, head), this.body);
    this.element = html("div", { class: "mr-scroll", tabindex: "0", role: "region", "aria-label": caption },
      this.table, this.empty);
    this.update([]);
  }

  update(rows) {
    this.table.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    while (this.body.rows.length > rows.length) {
      this.body.lastElementChild.remove();
    }
    rows.forEach((row, index) => this.updateRow(this.body.rows[index] ?? this.addRow(), row));
  }

  addRow() {
    const cells = this.columns.map((column) => html("td", { class: column.number ? "mr-number" : null }));
    const row = html("tr", {}, ...cells);
    this.body.append(row);
    return row;
  }

  updateRow(element, row) {
    this.columns.forEach((column, index) => {
      const cell = element.cells[index];
      if (column.cell) {
        column.cell(cell, row);
      } else {
        setText(cell, column.text(row));
      }
    });
  }
}

/** A bar of the shares of time: busy, back-pressured and idle. */
export class ShareBar {
  constructor() {
    this.busy = html("i", { class: "mr-share-busy" });
    this.held = html("i", { class: "mr-share-held" });
    this.element = html("span", { class: "mr-share", role: "img" }, this.busy, this.held);
  }

  update(busy, held, percent) {
    this.busy.style.width = (busy * 100).toFixed(1) + "%";
    this.held.style.width = (held * 100).toFixed(1) + "%";
    setAttribute(this.element, "aria-label", `busy ${percent(busy)}, back-pressured ${percent(held)}`);
    setAttribute(this.element, "title", `busy ${percent(busy)}, back-pressured ${percent(held)}`);
  }
}

/** A bar of one share, for a cell of a table. */
export function shareCell(cell, busy, held, percent) {
  if (!cell.shareBar) {
    cell.shareBar = new ShareBar();
    cell.append(cell.shareBar.element);
  }
  cell.shareBar.update(busy, held, percent);
}
