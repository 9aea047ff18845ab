// Copying, filtering, sorting and links to tabs. The page says all that it has to say without this.
"use strict";

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // not allowed for this kind of address
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await copy(button.dataset.copy);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1200);
});

// A search field and buttons with data-show hide what they don't name.
const shown = new Set();
const search = document.querySelector("#search");
const rows = [...document.querySelectorAll("#table .row")];
function filter() {
  const words = search.value.toLowerCase().split(/\s+/);
  for (const row of rows) {
    const text = row.dataset.text.toLowerCase();
    row.hidden = (shown.size > 0 && !shown.has(row.dataset.verdict)) || !words.every((word) => text.includes(word));
  }
  document.querySelector("#matches").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
}
if (search) {
  search.addEventListener("input", filter);
  for (const button of document.querySelectorAll("button[data-show]")) {
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", pressed);
      pressed ? shown.add(button.dataset.show) : shown.delete(button.dataset.show);
      document.querySelector("#tab-rows").checked = true;
      filter();
    });
  }
  filter();
}

// Numbers of data-value; a second click turns the order around.
for (const head of document.querySelectorAll("th[data-sort]")) {
  head.addEventListener("click", () => {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const value = (row) => Number(row.children[head.cellIndex].dataset.value);
    const body = head.closest("table").tBodies[0];
    body.append(...[...body.rows].sort((a, b) => (ascending ? 1 : -1) * (value(a) - value(b))));
  });
}

function openTab() {
  const tab = document.querySelector(`#tab-${location.hash.slice(1)}.tab`);
  if (tab) tab.checked = true;
}
addEventListener("hashchange", openTab);
for (const tab of document.querySelectorAll(".tab")) {
  tab.addEventListener("change", () => history.replaceState(null, "", `#${tab.value}`));
}
if (/^#[a-z]+$/.test(location.hash)) openTab();
