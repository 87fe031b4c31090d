// Sortable tables. Rows move within their section alone: reference rows stay below the rule, and blocks of a run together.
// A head is pressed for the better end first, again for the other end, and a third time for the order of the report.

const OPPOSITE = { ascending: "descending", descending: "ascending" };

function startSorting() {
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows].at(-1).cells;
    [...heads].forEach((head, column) => addSortButton(table, head, column));
    [...table.querySelectorAll("tbody tr")].forEach((row, place) => (row.place = place));
  }
}

function addSortButton(table, head, column) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sort";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => sortBy(table, head, column));
}

function sortBy(table, head, column) {
  const direction = nextDirection(head);
  for (const other of head.parentElement.cells) {
    other.removeAttribute("aria-sort");
  }
  if (direction) {
    head.setAttribute("aria-sort", direction);
  }
  for (const section of table.tBodies) {
    sortSection(section, column, direction);
  }
}

function nextDirection(head) {
  const first = head.dataset.first ?? "ascending";
  const now = head.getAttribute("aria-sort");
  if (now === null) {
    return first;
  }
  return now === first ? OPPOSITE[first] : null;
}

function sortSection(section, column, direction) {
  const rows = [...section.rows].filter((row) => !row.classList.contains("heading"));
  rows.sort((one, other) => compareRows(one, other, column, direction) || one.place - other.place);
  section.append(...rows);
}

function compareRows(one, other, column, direction) {
  if (!direction) {
    return 0;
  }
  const [a, b] = [sortValue(one.cells[column]), sortValue(other.cells[column])];
  if (a === null || b === null) {
    return (a === null) - (b === null); // Holes come last, whichever way.
  }
  const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  return direction === "ascending" ? order : -order;
}

function sortValue(cell) {
  if (cell.tagName === "TH") {
    return cell.textContent;
  }
  return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
}

document.addEventListener("DOMContentLoaded", startSorting);
