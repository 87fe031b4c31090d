// What is known of the current window: its scores in a small table, and everything made of it side by side.

class PageScores {
  constructor(root, data) {
    this.data = data;
    this.name = root.querySelector("#page-name");
    this.group = root.querySelector("#page-group");
    this.table = root.querySelector("#page-scores");
    const heads = data.metrics.map(({ label }) => cellOf("th", label, { scope: "col" }));
    this.table.tHead.append(rowOf(cellOf("td", ""), ...heads));
  }

  show(window, sides, { left, right }) {
    const { data } = this;
    this.name.textContent = data.windows.id[window];
    this.group.textContent = [...new Set([data.series(window), data.chapter(window)])].filter(Boolean).join(" · ");
    this.table.tBodies[0].replaceChildren(...sides.map((side) => this.row(window, side, side === left || side === right)));
  }

  row(window, side, isShown) {
    const { data } = this;
    const numbers = data.metrics.map((_, metric) => cellOf("td", data.printedScore(metric, side, window)));
    const row = rowOf(cellOf("th", data.sides[side].label, { scope: "row" }), ...numbers);
    row.classList.toggle("shown", isShown);
    return row;
  }
}

class Film {
  constructor(root, data, onPick) {
    this.data = data;
    this.onPick = onPick;
    this.list = root.querySelector("#film");
  }

  show(window, sides, { left, right }) {
    this.arrange(sides);
    for (const [side, frame] of this.frames) {
      setSource(frame.querySelector("img"), this.data.picture(window, side), "");
      const place = [side === left && "left", side === right && "right"].filter(Boolean).join(" and ");
      frame.querySelector(".place").textContent = place;
      frame.setAttribute("aria-pressed", String(side === right));
    }
  }

  // Frames are made when the models that are shown change, not for every window.
  arrange(sides) {
    if (this.frames && sides.join() === [...this.frames.keys()].join()) {
      return;
    }
    this.frames = new Map(sides.map((side) => [side, this.frame(side)]));
    this.list.replaceChildren(...[...this.frames.values()].map(inListItem));
  }

  frame(side) {
    const frame = document.createElement("button");
    frame.type = "button";
    const image = Object.assign(new Image(), { loading: "lazy", decoding: "async", alt: "" });
    const [width, height] = this.data.size;
    Object.assign(image, { width, height });
    const place = Object.assign(document.createElement("span"), { className: "place" });
    const name = Object.assign(document.createElement("span"), { className: "caption-line", textContent: this.data.sides[side].label });
    frame.append(image, place, name);
    frame.title = `${this.data.sides[side].label}: on the right; with Shift on the left`;
    frame.addEventListener("click", (event) => this.onPick(event.shiftKey ? "left" : "right", side));
    return frame;
  }
}

function cellOf(tag, text, attributes = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, attributes);
}

function rowOf(...cells) {
  const row = document.createElement("tr");
  row.append(...cells);
  return row;
}
