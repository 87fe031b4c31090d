// Light, dark, or as the system has it: the reader's choice, kept from page to page where the browser lets us.

const THEMES = ["auto", "light", "dark"];
const THEME_KEY = "manga-gan-bench-theme";

function storedTheme() {
  try {
    const stored = localStorage.getItem(THEME_KEY);
    return THEMES.includes(stored) ? stored : "auto";
  } catch {
    return "auto"; // Some browsers keep nothing for pages from a folder.
  }
}

function storeTheme(theme) {
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // The choice holds until the page is left.
  }
}

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

function startThemeSwitch() {
  const group = document.getElementById("theme");
  group.hidden = false;
  for (const choice of group.querySelectorAll("input")) {
    choice.checked = choice.value === storedTheme();
    choice.addEventListener("change", () => {
      applyTheme(choice.value);
      storeTheme(choice.value);
    });
  }
}

applyTheme(storedTheme());
document.addEventListener("DOMContentLoaded", startThemeSwitch);
