// Mouse, pen and fingers on the stage: the divider is dragged, a zoomed window is moved, two fingers and the wheel zoom.

const WHEEL_SPEED = 0.002; // Of the logarithm of the zoom, a px of scrolling.
const PX_OF_A_LINE = 16; // Some mice scroll by lines.
const STILL = 4; // Px: a pointer that moved less was pressed, not dragged.

class Gestures {
  constructor(stage) {
    this.stage = stage;
    this.pointers = new Map();
    const { element } = stage;
    element.addEventListener("pointerdown", (event) => this.press(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      element.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    element.addEventListener("wheel", (event) => this.turnWheel(event), { passive: false });
    element.addEventListener("dragstart", (event) => event.preventDefault());
  }

  press(event) {
    if (event.button > 0) {
      return;
    }
    this.stage.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, pointOf(event));
    const onDivider = this.stage.divider.contains(event.target);
    if (this.pointers.size === 1) {
      this.start = pointOf(event);
      this.dragsDivider = onDivider || this.stage.view.scale === 1;
    }
    (onDivider ? this.stage.divider : this.stage.element).focus({ preventScroll: true });
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || (this.start && distance(this.start, pointOf(event)) < STILL)) {
      return;
    }
    this.start = null;
    if (this.pointers.size > 1) {
      this.pinch(event);
    } else if (this.dragsDivider) {
      this.stage.moveDivider(this.shareOf(event).x);
    } else {
      const { clientWidth, clientHeight } = this.stage.element;
      this.stage.pan((event.clientX - before.x) / clientWidth, (event.clientY - before.y) / clientHeight);
    }
    this.pointers.set(event.pointerId, pointOf(event));
  }

  // Zoom about the finger that rests.
  pinch(event) {
    this.dragsDivider = false;
    const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    const before = distance(this.pointers.get(event.pointerId), other);
    const after = distance(pointOf(event), other);
    if (before > 0) {
      const { x, y } = this.shareOf({ clientX: other.x, clientY: other.y });
      this.stage.zoom(after / before, x, y);
    }
  }

  // Without the focus or Ctrl the wheel scrolls the page, as it does elsewhere; so it does where there is nothing to zoom out of.
  turnWheel(event) {
    const meant = event.ctrlKey || this.stage.element.contains(document.activeElement);
    if (!meant || (this.stage.view.scale === 1 && event.deltaY > 0 && !event.ctrlKey)) {
      return;
    }
    event.preventDefault();
    const px = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? PX_OF_A_LINE : 1);
    const { x, y } = this.shareOf(event);
    this.stage.zoom(Math.exp(-px * WHEEL_SPEED), x, y);
  }

  shareOf({ clientX, clientY }) {
    const box = this.stage.element.getBoundingClientRect();
    return { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
  }
}

function pointOf(event) {
  return { x: event.clientX, y: event.clientY };
}

function distance(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
