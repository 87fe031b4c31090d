// What the page knows of windows, sides and scores, read from the JSON in it. "viewer.py" writes and describes that.

class ViewerData {
  constructor(stored) {
    Object.assign(this, stored);
    this.count = stored.windows.id.length;
  }

  // Paths are made of numbers alone: no name of the run gets into them.
  picture(window, side) {
    return this.pictures[side][window] === "1" ? `pictures/${this.windows.number[window]}/${side}.webp` : null;
  }

  // What input and truth share is kept by both: they have one picture of lines.
  linesOf(window, side) {
    return this.lines[side][window] === "1" ? `pictures/${this.windows.number[window]}/${side || 1}-lines.png` : null;
  }

  thumbnail(window) {
    return this.thumbnails[window] === "1" ? `pictures/thumbnails/${this.windows.number[window]}.webp` : null;
  }

  hasPictures(window) {
    return this.pictures.some((flags) => flags[window] === "1");
  }

  // Some rows have scores alone.
  wasStored(side) {
    return this.pictures[side].includes("1");
  }

  series(window) {
    return this.windows.seriesNames[this.windows.series[window]];
  }

  chapter(window) {
    return this.windows.chapterNames[this.windows.chapter[window]];
  }

  score(metric, side, window) {
    return this.scores[metric][side][window];
  }

  printedScore(metric, side, window) {
    const score = this.score(metric, side, window);
    return score === null ? "—" : score.toFixed(this.metrics[metric].decimals);
  }

  sidesOf(model) {
    return this.sides.flatMap((side, place) => (side.model === model ? [place] : []));
  }

  // The mean over the model's cells; null where none has a score.
  modelScore(metric, model, window) {
    const scores = this.sidesOf(model).map((side) => this.score(metric, side, window)).filter((score) => score !== null);
    return scores.length ? scores.reduce((sum, score) => sum + score, 0) / scores.length : null;
  }
}

function readViewerData() {
  const stored = document.getElementById("viewer-data");
  return stored && new ViewerData(JSON.parse(stored.textContent));
}
