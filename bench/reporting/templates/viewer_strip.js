// The strip of thumbnails: one leaf of it at a time, so that thousands of windows cost no more than a few.

const LEAF = 48;

class Strip {
  constructor(root, data, onPick) {
    this.data = data;
    this.onPick = onPick;
    this.list = root.querySelector("#strip");
    this.back = root.querySelector("#strip-back");
    this.on = root.querySelector("#strip-on");
    this.count = root.querySelector("#viewer-count");
    this.back.addEventListener("click", () => this.turn(-1));
    this.on.addEventListener("click", () => this.turn(1));
  }

  // Show the leaf of `windows` that holds `current`; `label` gives a line below each.
  show(windows, current, label) {
    Object.assign(this, { windows, current, label });
    this.draw(Math.max(0, Math.floor(windows.indexOf(current) / LEAF)));
  }

  // Mark another window as current, on its leaf; what is there already is not made again.
  move(current) {
    this.current = current;
    const leaf = Math.max(0, Math.floor(this.windows.indexOf(current) / LEAF));
    if (leaf === this.leaf) {
      this.mark();
    } else {
      this.draw(leaf);
    }
  }

  turn(step) {
    this.draw(this.leaf + step);
  }

  draw(leaf) {
    this.leaf = leaf;
    const start = leaf * LEAF;
    const hadFocus = this.list.contains(document.activeElement);
    this.buttons = new Map(this.windows.slice(start, start + LEAF).map((window) => [window, this.thumbnail(window)]));
    this.list.replaceChildren(...[...this.buttons.values()].map(inListItem));
    this.back.disabled = leaf === 0;
    this.on.disabled = start + LEAF >= this.windows.length;
    this.count.textContent = this.describe(start);
    this.mark(hadFocus);
  }

  describe(start) {
    const { count } = this.data;
    const all = count.toLocaleString("en");
    if (!this.windows.length) {
      return `No window of ${all} passes the filters`;
    }
    const end = Math.min(start + LEAF, this.windows.length);
    const some = this.windows.length === count ? all : `${this.windows.length.toLocaleString("en")} (of ${all})`;
    return end - start === count ? `${all} windows` : `${(start + 1).toLocaleString("en")} to ${end.toLocaleString("en")} of ${some} windows`;
  }

  thumbnail(window) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = this.data.windows.id[window];
    button.append(this.image(window), this.caption(window));
    button.addEventListener("click", () => this.onPick(window));
    return button;
  }

  image(window) {
    const path = this.data.thumbnail(window);
    if (path === null) {
      return Object.assign(document.createElement("span"), { className: "no-thumbnail" });
    }
    const image = new Image();
    Object.assign(image, { loading: "lazy", decoding: "async", alt: "", src: path });
    return image;
  }

  caption(window) {
    const caption = document.createElement("span");
    caption.className = "caption-line";
    // Ids differ at their ends: where one is too long, its beginning is cut.
    const text = document.createElement("bdi");
    text.textContent = this.label(window) || this.data.windows.id[window];
    caption.append(text);
    return caption;
  }

  // One thumbnail alone is reached by the Tab key: the current one, or the first where that lies on another leaf.
  mark(takeFocus = this.list.contains(document.activeElement)) {
    const reached = this.buttons.get(this.current) ?? [...this.buttons.values()][0];
    for (const button of this.buttons.values()) {
      button.tabIndex = button === reached ? 0 : -1;
      button.removeAttribute("aria-current");
    }
    const current = this.buttons.get(this.current);
    current?.setAttribute("aria-current", "true");
    this.scrollTo(current);
    if (takeFocus) {
      reached?.focus({ preventScroll: true });
    }
  }

  // The strip scrolls, the page never does.
  scrollTo(button) {
    if (button) {
      const middle = button.offsetLeft + button.offsetWidth / 2;
      this.list.scrollLeft = middle - this.list.clientWidth / 2;
    }
  }
}

function inListItem(content) {
  const item = document.createElement("li");
  item.append(content);
  return item;
}
