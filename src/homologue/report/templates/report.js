// Colours: auto, light or dark, remembered where the browser allows it.
const root = document.documentElement;
for (const choice of document.querySelectorAll('input[name="theme"]')) {
  choice.checked = choice.value === (root.dataset.theme ?? "auto");
  choice.addEventListener("change", () => {
    if (choice.value === "auto") delete root.dataset.theme;
    else root.dataset.theme = choice.value;
    try {
      if (choice.value === "auto") localStorage.removeItem("homologue-theme");
      else localStorage.setItem("homologue-theme", choice.value);
    } catch { /* not remembered */ }
  });
}

// The matrix: one cell in the tab order, arrow keys between cells, details beside the cell.
const matrix = document.querySelector(".matrix");
if (matrix) {
  const rows = [...matrix.querySelectorAll("tbody tr")]
    .map((row) => [...row.querySelectorAll("td.cell")])
    .filter((row) => row.length);
  const heads = [...matrix.querySelectorAll("th.system")];
  const place = new Map();
  rows.forEach((row, y) => row.forEach((cell, x) => place.set(cell, [y, x])));
  let home = rows[0]?.[0];
  let open = null;
  let leaving = 0;
  if (home) home.tabIndex = 0;

  const position = () => {
    if (!open) return;
    const detail = open.querySelector(".detail");
    const cell = open.getBoundingClientRect();
    const width = detail.offsetWidth;
    const height = detail.offsetHeight;
    const left = Math.min(
      Math.max(8, cell.left + cell.width / 2 - width / 2),
      root.clientWidth - width - 8,
    );
    const above = cell.top - height - 6;
    detail.style.left = `${Math.max(8, left)}px`;
    detail.style.top = `${above >= 8 ? above : Math.min(cell.bottom + 6, innerHeight - height - 8)}px`;
  };
  const hide = () => {
    clearTimeout(leaving);
    if (!open) return;
    open.classList.remove("open");
    heads[place.get(open)[1]]?.classList.remove("lit");
    open = null;
  };
  const show = (cell) => {
    clearTimeout(leaving);
    if (open === cell) return;
    hide();
    open = cell;
    cell.classList.add("open");
    heads[place.get(cell)[1]]?.classList.add("lit");
    position();
  };
  const cellOf = (event) => event.target.closest?.("td.cell");
  const leave = () => {
    clearTimeout(leaving);
    leaving = setTimeout(() => {
      const focused = document.activeElement?.closest?.("td.cell");
      if (focused?.matches(":focus-visible")) show(focused);
      else hide();
    }, 140);
  };

  matrix.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const cell = cellOf(event);
    if (cell) show(cell);
    else leave();
  });
  matrix.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") leave();
  });
  matrix.addEventListener("focusin", (event) => {
    const cell = cellOf(event);
    if (!cell) return hide();
    if (home) home.tabIndex = -1;
    home = cell;
    home.tabIndex = 0;
    show(cell);
  });
  matrix.addEventListener("focusout", (event) => {
    if (!matrix.contains(event.relatedTarget)) hide();
  });
  matrix.addEventListener("click", (event) => {
    const cell = cellOf(event);
    if (cell) show(cell);
  });
  matrix.addEventListener("keydown", (event) => {
    const cell = cellOf(event);
    if (!cell) return;
    const [y, x] = place.get(cell);
    const last = rows[y].length - 1;
    const target = {
      ArrowRight: () => rows[y][x + 1],
      ArrowLeft: () => rows[y][x - 1],
      ArrowDown: () => rows[y + 1]?.[x],
      ArrowUp: () => rows[y - 1]?.[x],
      Home: () => rows[y][0],
      End: () => rows[y][last],
    }[event.key]?.();
    if (!target) return;
    event.preventDefault();
    target.focus();
    target.scrollIntoView({ block: "nearest", inline: "nearest" });
    position();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  addEventListener("pointerdown", (event) => {
    if (!event.target.closest?.("td.cell")) hide();
  });
  addEventListener("scroll", position, { capture: true, passive: true });
  addEventListener("resize", position);
}

// Tables: a click on a heading sorts, a second one turns round; empty values stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[index].dataset.value ?? row.cells[index].textContent.trim();
      const empty = (text) => text === "" || text === "–";
      const sorted = [...body.rows].sort((first, second) => {
        const [a, b] = [key(first), key(second)];
        if (empty(a) || empty(b)) return empty(a) - empty(b);
        const numbers = [Number(a), Number(b)];
        const order = numbers.some(Number.isNaN) ? a.localeCompare(b) : numbers[0] - numbers[1];
        return down ? -order : order;
      });
      body.append(...sorted);
    });
  });
}

// Commands: a button that copies them.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.previousElementSibling.textContent);
        button.textContent = "copied";
      } catch {
        button.textContent = "not allowed";
      }
      setTimeout(() => { button.textContent = "copy"; }, 1600);
    });
  }
}
