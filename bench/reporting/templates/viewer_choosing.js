// Which windows are listed, in which order, and which models are shown: the fields above the strip of thumbnails.

const ANY = "";

class Choosing {
  constructor(root, data, onChange) {
    this.data = data;
    this.field = (name) => root.querySelector(`#${name}`);
    this.fill();
    root.querySelector(".choosing").addEventListener("input", (event) => onChange(event.target.id));
  }

  fill() {
    const { data } = this;
    this.offerNames("filter-series", data.windows.seriesNames);
    this.offerNames("filter-chapter", data.windows.chapterNames);
    fillSelect(this.field("sort-metric"), [[ANY, "page id"], ...data.metrics.map(({ label }, place) => [place, label])]);
    fillSelect(this.field("sort-model"), data.models.map(({ label }, place) => [place, label]));
    this.field("filter-models").append(...data.models.map(({ label }, place) => modelBox(label, place)));
    this.field("filter-pictures").parentElement.hidden = data.windows.id.every((_, window) => data.hasPictures(window));
  }

  offerNames(name, names) {
    fillSelect(this.field(name), [[ANY, "all"], ...names.map((text, place) => [place, text])]);
    this.field(name).parentElement.hidden = names.length < 2;
  }

  // Windows that pass the filters, in the chosen order.
  windows() {
    const { data } = this;
    const listed = data.windows.id.map((_, window) => window).filter((window) => this.passes(window));
    const metric = this.field("sort-metric").value;
    const sorted = metric !== ANY && data.models.length > 0;
    for (const name of ["sort-model", "sort-order"]) {
      this.field(name).disabled = !sorted;
    }
    return sorted ? this.byScore(listed, Number(metric)) : listed;
  }

  passes(window) {
    const { windows } = this.data;
    const wanted = this.field("filter-text").value.trim().toLowerCase();
    return (
      isChosen(this.field("filter-series"), windows.series[window]) &&
      isChosen(this.field("filter-chapter"), windows.chapter[window]) &&
      (!this.field("filter-pictures").checked || this.data.hasPictures(window)) &&
      windows.id[window].toLowerCase().includes(wanted)
    );
  }

  byScore(listed, metric) {
    const model = Number(this.field("sort-model").value);
    const bestFirst = this.field("sort-order").value === "best";
    const sign = (this.data.metrics[metric].better < 0 ? -1 : 1) * (bestFirst ? -1 : 1);
    const scores = new Map(listed.map((window) => [window, this.data.modelScore(metric, model, window)]));
    return listed.sort((one, other) => compareScores(scores.get(one), scores.get(other), sign) || one - other);
  }

  // What the thumbnails are labelled with: the score that they are sorted by, and else nothing.
  label(window) {
    const metric = this.field("sort-metric").value;
    if (metric === ANY || !this.data.models.length) {
      return "";
    }
    const score = this.data.modelScore(Number(metric), Number(this.field("sort-model").value), window);
    return score === null ? "—" : score.toFixed(this.data.metrics[metric].decimals);
  }

  // Input, truth and the cells of the models that are ticked.
  sides() {
    const boxes = [...this.field("filter-models").querySelectorAll("input")];
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => Number(box.value)));
    return this.data.sides.flatMap(({ model }, place) => (model < 0 || shown.has(model) ? [place] : []));
  }
}

function isChosen(select, place) {
  return select.value === ANY || Number(select.value) === place;
}

// A window without a score comes last, whichever way.
function compareScores(one, other, sign) {
  return one === null || other === null ? (one === null) - (other === null) : sign * (one - other);
}

function fillSelect(select, options) {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
}

function modelBox(label, place) {
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", value: place, checked: true });
  const around = document.createElement("label");
  around.className = "check";
  around.append(box, ` ${label}`);
  return around;
}
