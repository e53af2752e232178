"use strict";
// The list of assets: of thousands of rows only those in sight exist.

const ROW = 52;
const HEAD = 30;
const BEYOND = 400;

/** `rows` are {head: "text"} or {asset}; `render(asset, selected)` makes a row's content. */
class List {
  #box;
  #sheet;
  #rows = [];
  #tops = [0];
  #shown = new Map();
  #places = new Map();
  #total = 0;

  constructor(box, sheet, { render, onchoose }) {
    this.#box = box;
    this.#sheet = sheet;
    this.render = render;
    this.selected = null;
    let asked = 0;
    box.addEventListener("scroll", () => (asked ||= requestAnimationFrame(() => ((asked = 0), this.#draw()))), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(box);
    sheet.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      if (row) onchoose(this.#rows[row.dataset.row].asset, event);
    });
  }

  show(rows) {
    this.#rows = rows;
    this.#tops = [0];
    this.#places.clear();
    this.#total = 0;
    rows.forEach((row, number) => {
      this.#tops.push(this.#tops[number] + (row.asset ? ROW : HEAD));
      if (row.asset) this.#places.set(row.asset.address, { number, position: ++this.#total });
    });
    this.#sheet.style.height = `${this.#tops.at(-1)}px`;
    this.refresh();
  }

  /** Draw anew what is in sight. */
  refresh() {
    for (const node of this.#shown.values()) node.remove();
    this.#shown.clear();
    this.#draw();
  }

  get assets() {
    return this.#rows.filter((row) => row.asset).map((row) => row.asset);
  }

  has(address) {
    return this.#places.has(address);
  }

  select(address) {
    const before = this.#places.get(this.selected)?.number;
    this.selected = address;
    const now = this.#places.get(address)?.number;
    for (const number of [before, now]) this.#drop(number);
    if (now !== undefined) this.#bringIntoSight(now);
    this.#draw();
  }

  #drop(number) {
    this.#shown.get(number)?.remove();
    this.#shown.delete(number);
  }

  #bringIntoSight(number) {
    const [top, bottom] = [this.#tops[number] - HEAD, this.#tops[number + 1] + 8];
    if (top < this.#box.scrollTop) this.#box.scrollTop = top;
    else if (bottom > this.#box.scrollTop + this.#box.clientHeight) this.#box.scrollTop = bottom - this.#box.clientHeight;
  }

  #draw() {
    const first = this.#at(this.#box.scrollTop - BEYOND);
    const last = this.#at(this.#box.scrollTop + this.#box.clientHeight + BEYOND);
    for (const number of [...this.#shown.keys()]) if (number < first || number > last) this.#drop(number);
    const fresh = [];
    for (let number = first; number <= last && number < this.#rows.length; number++) {
      if (this.#shown.has(number)) continue;
      const node = this.#made(number);
      node.style.transform = `translateY(${this.#tops[number]}px)`;
      this.#shown.set(number, node);
      fresh.push(node);
    }
    this.#sheet.append(...fresh);
    const active = this.#places.get(this.selected)?.number;
    if (this.#shown.has(active)) this.#box.setAttribute("aria-activedescendant", `row-${active}`);
    else this.#box.removeAttribute("aria-activedescendant");
  }

  #made(number) {
    const { head, asset } = this.#rows[number];
    if (!asset) return el("div.head", { role: "presentation" }, ...head);
    const selected = asset.address === this.selected;
    const node = el("div.row", {
      id: `row-${number}`,
      role: "option",
      "data-row": String(number),
      "aria-selected": String(selected),
      "aria-setsize": String(this.#total),
      "aria-posinset": String(this.#places.get(asset.address).position),
    });
    node.append(...this.render(asset));
    return node;
  }

  /** The row at so many pixels from the top. */
  #at(pixels) {
    let [low, high] = [0, this.#rows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#tops[middle] <= pixels) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }
}
