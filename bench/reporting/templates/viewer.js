// The comparison viewer: which window is looked at, what stands on its left and right, and what follows from a choice or a key.

const ZOOM_STEP = 1.4;
const PAN_STEP = 0.1; // Of the stage.
const DIVIDER_STEP = 0.02;
const ZOOM_KEYS = { "+": ZOOM_STEP, "=": ZOOM_STEP, "-": 1 / ZOOM_STEP };
const PAN_KEYS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

class Viewer {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.lines = root.querySelector("#lines");
    this.selects = { left: root.querySelector("#side-left"), right: root.querySelector("#side-right") };
    this.stage = new Stage(root, data);
    this.gestures = new Gestures(this.stage);
    this.choosing = new Choosing(root, data, (field) => this.choose(field));
    this.strip = new Strip(root, data, (window) => this.turnTo(window));
    this.scores = new PageScores(root, data);
    this.film = new Film(root, data, (place, side) => this.setSide(place, side));
    this.shown = { left: 0, right: 1 };
    this.listen();
    this.choose();
    this.setSides(this.firstSides());
  }

  // The first competitor against the truth, or the input where nothing was coloured.
  firstSides() {
    return { left: this.sides.find((side) => this.data.sides[side].model >= 0) ?? 0, right: 1 };
  }

  listen() {
    const press = (name, action) => this.root.querySelector(`#${name}`).addEventListener("click", action);
    press("swap", () => this.swap());
    press("zoom-in", () => this.stage.zoom(ZOOM_STEP));
    press("zoom-out", () => this.stage.zoom(1 / ZOOM_STEP));
    press("zoom-fit", () => this.stage.fit());
    this.lines.addEventListener("change", () => this.showPictures());
    for (const [place, select] of Object.entries(this.selects)) {
      select.addEventListener("change", () => this.setSide(place, Number(select.value)));
    }
    this.stage.divider.addEventListener("keydown", (event) => this.moveDivider(event));
    this.root.addEventListener("keydown", (event) => this.press(event));
  }

  // Filters or the order changed: list the windows again. A new order begins at its first; else the current one stays if it may.
  choose(field = "") {
    this.windows = this.choosing.windows();
    this.rows = this.choosing.sides();
    this.sides = this.rows.filter((side) => this.data.wasStored(side));
    for (const select of Object.values(this.selects)) {
      fillSelect(select, this.sides.map((side) => [side, this.data.sides[side].label]));
    }
    if (!this.windows.includes(this.window) || field.startsWith("sort-")) {
      this.window = this.windows[0];
    }
    this.strip.show(this.windows, this.window, (window) => this.choosing.label(window));
    const hidden = (side) => !this.sides.includes(side);
    const { left, right } = this.shown;
    this.setSides({ left: hidden(left) ? this.sides[0] : left, right: hidden(right) ? this.sides[1] : right });
  }

  turnTo(window) {
    this.window = window;
    this.strip.move(window);
    this.show();
  }

  step(by) {
    const next = this.windows[this.windows.indexOf(this.window) + by];
    if (next !== undefined) {
      this.turnTo(next);
    }
  }

  setSide(place, side) {
    this.setSides({ ...this.shown, [place]: side });
  }

  setSides(shown) {
    this.shown = shown;
    this.selects.left.value = shown.left;
    this.selects.right.value = shown.right;
    this.show();
  }

  swap() {
    this.setSides({ left: this.shown.right, right: this.shown.left });
  }

  cycle(place, by) {
    const at = this.sides.indexOf(this.shown[place]);
    this.setSide(place, this.sides[(at + by + this.sides.length) % this.sides.length]);
  }

  show() {
    this.root.querySelector(".looking").hidden = this.window === undefined;
    this.root.querySelector(".film").hidden = this.window === undefined;
    if (this.window === undefined) {
      return;
    }
    this.showPictures();
    this.scores.show(this.window, this.rows, this.shown);
    this.film.show(this.window, this.sides, this.shown);
    this.fetchNext();
  }

  showPictures() {
    const { data, window } = this;
    this.root.querySelector("#lines-key").hidden = !this.lines.checked;
    for (const place of SIDES) {
      const side = this.shown[place];
      this.stage.show(place, {
        picture: data.picture(window, side),
        lines: this.lines.checked ? data.linesOf(window, side) : null,
        label: data.sides[side].label,
        hole: data.hasPictures(window) ? "no picture" : "Pictures of this window are not in the report; its scores are.",
      });
    }
    this.stage.place();
  }

  // The next window is on its way before it is asked for.
  fetchNext() {
    const next = this.windows[this.windows.indexOf(this.window) + 1];
    const paths = next === undefined ? [] : SIDES.map((place) => this.data.picture(next, this.shown[place]));
    this.fetched = paths.filter(Boolean).map((path) => Object.assign(new Image(), { src: path }));
  }

  moveDivider(event) {
    const { share } = this.stage;
    const moved = { ArrowLeft: share - DIVIDER_STEP, ArrowRight: share + DIVIDER_STEP, Home: 0, End: 1 }[event.key];
    if (moved !== undefined && !event.shiftKey) {
      this.stage.moveDivider(moved);
      event.preventDefault();
      event.stopPropagation();
    }
  }

  press(event) {
    const typing = event.target.matches("select, textarea, input:not([type=checkbox])");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (this.obey(event)) {
      event.preventDefault();
    }
  }

  // Whether the key means something here.
  obey({ key, code, shiftKey }) {
    const place = shiftKey ? "left" : "right";
    const digit = /^Digit([1-9])$/.exec(code);
    if (shiftKey && key in PAN_KEYS) {
      this.stage.pan(...PAN_KEYS[key].map((share) => share * PAN_STEP));
    } else if (key === "ArrowLeft" || key === "ArrowRight") {
      this.step(key === "ArrowLeft" ? -1 : 1);
    } else if (key in ZOOM_KEYS) {
      this.stage.zoom(ZOOM_KEYS[key]);
    } else if (digit) {
      this.setSide(place, this.sides[digit[1] - 1] ?? this.shown[place]);
    } else {
      return this.obeyLetter(key.toLowerCase(), place);
    }
    return true;
  }

  obeyLetter(letter, place) {
    const actions = {
      0: () => this.stage.fit(),
      j: () => this.cycle(place, 1),
      k: () => this.cycle(place, -1),
      x: () => this.swap(),
      l: () => this.lines.click(),
    };
    actions[letter]?.();
    return letter in actions;
  }
}

function startViewer() {
  const data = readViewerData();
  if (data) {
    const root = document.querySelector("#viewer .viewer-body");
    root.hidden = false;
    root.querySelector(".choosing").open = matchMedia("(min-width: 40.01rem)").matches;
    new Viewer(root, data);
  }
}

document.addEventListener("DOMContentLoaded", startViewer);
