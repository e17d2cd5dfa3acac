"use strict";
// Sorts, filters, subtracts and explains what is on the page already. Text only ever goes in
// through textContent, so that no name can become markup.
(() => {
  const all = (words, within) => [...(within || document).querySelectorAll(words)];

  // Colours: as the system, light, dark; kept where the browser lets a file keep anything.
  const themes = { "": "as the system", light: "light", dark: "dark" };
  const themeButton = document.getElementById("theme");
  const show = (name) => {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    themeButton.textContent = `Colours: ${themes[name]}`;
  };
  let theme = "";
  try { theme = localStorage.getItem("devbench-theme") || ""; } catch { /* not allowed here */ }
  if (!(theme in themes)) theme = "";
  show(theme);
  themeButton.addEventListener("click", () => {
    const names = Object.keys(themes);
    theme = names[(names.indexOf(theme) + 1) % names.length];
    show(theme);
    try { localStorage.setItem("devbench-theme", theme); } catch { /* not allowed here */ }
  });
  all(".tools").forEach((tools) => { tools.hidden = false; });

  // Sorting: a button in each header; what has no value stays last either way.
  const value = (cell) => {
    const text = "value" in cell.dataset ? cell.dataset.value : cell.textContent.trim();
    if (text === "" || text === "-") return null;
    return /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(text) ? Number(text) : text;
  };
  const order = (one, other) => {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one) < String(other) ? -1 : String(one) > String(other) ? 1 : 0;
  };
  const sort = (table, head) => {
    const column = head.cellIndex;
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, key: value(row.cells[column]) }));
    const figures = rows.some(({ key }) => typeof key === "number");
    const down = head.getAttribute("aria-sort")
      ? head.getAttribute("aria-sort") === "ascending" : figures && column > 1;
    rows.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      return down ? order(b.key, a.key) : order(a.key, b.key);
    });
    all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.map(({ row }) => row));
  };
  all("table.sortable").forEach((table) => {
    all("thead th:not(.plain)", table).forEach((head) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent.trim();
      head.replaceChildren(button);
      button.addEventListener("click", () => sort(table, head));
    });
  });

  // Filtering: everything of a track that bears a method's name.
  all(".track").forEach((track) => {
    const [word, only, found] = [".filter", ".ranked-only", ".found"].map((w) => track.querySelector(w));
    const rows = all(".ranking tbody tr", track);
    const filter = () => {
      const wanted = word.value.trim().toLowerCase();
      const names = new Set();
      rows.forEach((row) => {
        row.hidden = !row.dataset.name.toLowerCase().includes(wanted)
          || (only.checked && !("ranked" in row.dataset));
        if (!row.hidden) names.add(row.dataset.name);
      });
      all("[data-name]", track).forEach((part) => {
        if (!rows.includes(part)) part.toggleAttribute("hidden", !names.has(part.dataset.name));
      });
      const shown = rows.filter((row) => !row.hidden).length;
      found.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} rows`;
    };
    word.addEventListener("input", filter);
    only.addEventListener("change", filter);
  });

  // The map of differences, from the maps of the two methods that are chosen.
  all(".difference").forEach((box) => {
    const [first, second] = [".first", ".second"].map((w) => box.querySelector(w));
    const cells = all("tbody td", box);
    const caption = box.querySelector("caption");
    const read = (select) => all("tbody td", document.getElementById(select.value));
    const name = (select) => select.selectedOptions[0].textContent;
    const subtract = () => {
      const [own, other] = [read(first), read(second)];
      cells.forEach((cell, n) => {
        const gap = Math.round(1000 * (Number(own[n].textContent) - Number(other[n].textContent)));
        if (Number.isNaN(gap)) {
          cell.textContent = "-";
          cell.className = "";
          return;
        }
        const steps = Math.min(5, Math.ceil(Math.abs(gap) / 50));
        cell.textContent = `${gap < 0 ? "-" : "+"}${(Math.abs(gap) / 1000).toFixed(3)}`;
        cell.className = `d${gap < 0 ? -steps : steps}`;
      });
      caption.textContent = `${name(first)} minus ${name(second)}: macro F1 by source and device`;
    };
    [first, second].forEach((select) => select.addEventListener("change", subtract));
  });

  // What a mark says, for pointers and for the keyboard; it replaces the browser's own tips.
  const tip = document.getElementById("tip");
  const hide = () => { tip.hidden = true; };
  const explain = (mark) => {
    tip.textContent = mark.getAttribute("aria-label");
    tip.hidden = false;
    const [at, own] = [mark.getBoundingClientRect(), tip.getBoundingClientRect()];
    const left = at.left + at.width / 2 - own.width / 2;
    const above = at.top - own.height - 8;
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - own.width - 4))}px`;
    tip.style.top = `${above > 4 ? above : Math.min(at.bottom + 8, innerHeight - own.height - 4)}px`;
  };
  all("svg [aria-label]").forEach((mark) => {
    mark.querySelector("title")?.remove();
    mark.addEventListener("pointerenter", () => explain(mark));
    mark.addEventListener("focus", () => explain(mark));
    mark.addEventListener("pointerleave", hide);
    mark.addEventListener("blur", hide);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  // A mark that takes the focus is scrolled into view: its words go with it.
  addEventListener("scroll", () => {
    const mark = document.activeElement?.closest("svg [aria-label]");
    if (mark && !tip.hidden) explain(mark); else hide();
  }, { passive: true });

  // Paper shows everything; afterwards what was closed is closed again.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    opened.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => { opened.forEach((part) => { part.open = false; }); });
})();
