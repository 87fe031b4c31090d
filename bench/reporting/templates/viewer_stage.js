// The stage: two sides of a window on top of each other, a divider between them, and one view, zoom and place, that both share.

const MOST_ZOOM = 16;
const SMOOTH_UP_TO = 3; // Screen pixels to a pixel of the picture; beyond, its pixels are shown as they are.
const SIDES = ["left", "right"];

class Stage {
  constructor(root, data) {
    this.element = root.querySelector("#stage");
    this.zoomLevel = root.querySelector("#zoom-level");
    this.divider = this.element.querySelector(".divider");
    this.size = data.size;
    this.part = (selector, side) => this.element.querySelector(`${selector}[data-side=${side}]`);
    this.element.style.setProperty("--aspect", `${data.size[0] / data.size[1]}`);
    this.moveDivider(0.5);
    this.fit();
    new ResizeObserver(() => this.place()).observe(this.element);
  }

  // Show what stands on one side: its pictures (null where there are none), its name, and why there is nothing to see.
  show(side, { picture, lines, label, hole }) {
    const layer = this.part(".layer", side);
    setSource(layer.querySelector(".picture"), picture, label);
    setSource(layer.querySelector(".lines"), lines, "");
    layer.classList.toggle("behind-lines", lines !== null && picture !== null);
    this.part(".tag", side).textContent = label;
    const text = this.part(".hole", side);
    text.hidden = picture !== null;
    text.textContent = hole;
  }

  // `share` of the width belongs to the left side.
  moveDivider(share) {
    this.share = clamp(share, 0, 1);
    const percent = this.share * 100;
    this.divider.style.left = `${percent}%`;
    this.divider.setAttribute("aria-valuenow", percent.toFixed(0));
    this.divider.setAttribute("aria-valuetext", `${percent.toFixed(0)} % left`);
    for (const selector of [".layer", ".hole"]) {
      this.part(selector, "left").style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
      this.part(selector, "right").style.clipPath = `inset(0 0 0 ${percent}%)`;
    }
  }

  fit() {
    this.view = { scale: 1, x: 0, y: 0 };
    this.place();
  }

  // Zoom by `factor`; the point (x, y), in shares of the stage, stays where it is.
  zoom(factor, x = 0.5, y = 0.5) {
    const { view } = this;
    const scale = clamp(view.scale * factor, 1, MOST_ZOOM);
    const moved = (at, offset) => at - ((at - offset) * scale) / view.scale;
    this.view = { scale, x: moved(x, view.x), y: moved(y, view.y) };
    this.place();
  }

  // Move by shares of the stage.
  pan(x, y) {
    this.view = { ...this.view, x: this.view.x + x, y: this.view.y + y };
    this.place();
  }

  // Lay out both layers alike; the window always fills the stage.
  place() {
    const { view } = this;
    view.x = clamp(view.x, 1 - view.scale, 0);
    view.y = clamp(view.y, 1 - view.scale, 0);
    const transform = `translate(${view.x * 100}%, ${view.y * 100}%) scale(${view.scale})`;
    for (const image of this.element.querySelectorAll(".layer img")) {
      image.style.transform = transform;
    }
    const magnified = (this.element.clientWidth * view.scale * devicePixelRatio) / this.size[0];
    this.element.classList.toggle("pixels", magnified >= SMOOTH_UP_TO);
    this.element.classList.toggle("zoomed", view.scale > 1);
    this.zoomLevel.textContent = `${view.scale.toFixed(view.scale < 10 ? 1 : 0)}×`;
  }
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

function setSource(image, path, text) {
  image.hidden = path === null;
  image.alt = text;
  if (path === null) {
    image.removeAttribute("src");
  } else if (image.getAttribute("src") !== path) {
    image.src = path;
  }
}
