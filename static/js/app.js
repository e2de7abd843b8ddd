// Enhances pages that work without it. Loaded in the head without defer, so that the theme stands before the first paint.
(() => {
  "use strict";

  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  root.classList.add("js");

  // Theme: "light", "dark" or "auto", remembered in this browser.
  const theme = () => {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto"; // storage may be forbidden
    }
  };
  const applyTheme = () => {
    const choice = theme();
    root.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.querySelectorAll("[data-theme-choice]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    });
  };
  const chooseTheme = (choice) => {
    try {
      localStorage.setItem("theme", choice);
    } catch {
      root.dataset.bsTheme = choice;
      return;
    }
    applyTheme();
  };
  applyTheme();
  dark.addEventListener("change", applyTheme);
  addEventListener("storage", applyTheme);

  // Screen readers hear what changes in a live region, not what it held when the page arrived.
  const announce = (text) => {
    const region = document.getElementById("announcer");
    if (region && text) {
      region.textContent = "";
      setTimeout(() => { region.textContent = text; }, 50);
    }
  };
  const announceToasts = () => announce([...document.querySelectorAll(".toasts [data-text]")].map((e) => e.textContent.trim()).join(" "));

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText("value" in source ? source.value : source.textContent);
    const label = button.querySelector("[data-label]") || button;
    const before = label.textContent;
    label.textContent = button.dataset.done;
    announce(button.dataset.done);
    setTimeout(() => { label.textContent = before; }, 2000);
  };

  const clicks = {
    "[data-theme-choice]": (button) => chooseTheme(button.dataset.themeChoice),
    "[data-copy]": copy,
    "[data-open]": (button) => document.getElementById(button.dataset.open).showModal(),
    "[data-dismiss]": (button) => button.closest(button.dataset.dismiss).remove(),
    "[data-select-all]": (box) => {
      box.closest("table").querySelectorAll("[data-select]").forEach((one) => { one.checked = box.checked; });
    },
  };
  document.addEventListener("click", (event) => {
    for (const [selector, act] of Object.entries(clicks)) {
      const target = event.target.closest(selector);
      if (target) act(target);
    }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = event.submitter?.dataset.confirm || form.dataset.confirm;
    if (question && !confirm(question)) {
      event.preventDefault();
    } else if (form.dataset.once === "sent") {
      event.preventDefault(); // an impatient second click must not order a second certificate
    } else if ("once" in form.dataset) {
      form.dataset.once = "sent";
      event.submitter?.setAttribute("aria-disabled", "true");
    }
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-once]").forEach((form) => { form.dataset.once = ""; });
    document.querySelectorAll("form[data-once] [aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
  });

  // Files: dropped anywhere on a page that takes some; too many or too large ones are not sent at all.
  const filesOf = () => document.querySelector("input[type=file][data-files]");
  const dropped = (event) => {
    const input = filesOf();
    if (!input || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    root.classList.toggle("dropping", event.type === "dragover");
    if (event.type !== "drop") return;
    const all = new DataTransfer();
    for (const file of [...input.files, ...event.dataTransfer.files]) all.items.add(file);
    input.files = all.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  ["dragover", "dragleave", "drop"].forEach((name) => document.addEventListener(name, dropped));

  const tooMany = (input, said) => {
    const files = [...input.files].sort((one, other) => other.size - one.size);
    const { mostBytes, mostFiles } = input.dataset;
    if (files.length > mostFiles) return said.dataset.number.replace("MOST", mostFiles);
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    return bytes > mostBytes ? said.dataset.bytes.replace("MOST", Number(mostBytes).toLocaleString("en")).replace("NAME", () => files[0].name) : "";
  };
  document.addEventListener("change", (event) => {
    const input = event.target.closest("[data-files]");
    if (!input) return;
    const said = input.form.querySelector("[data-too-many]");
    said.textContent = tooMany(input, said);
    said.hidden = !said.textContent;
    input.form.classList.toggle("several", input.files.length > 1);
    input.form.querySelector("[data-preview]").classList.toggle("btn-primary", input.files.length > 1);
    input.form.querySelector(".import-found").replaceChildren(); // it was about other files
    input.form.querySelectorAll("button:not([type])").forEach((button) => { button.disabled = !said.hidden; });
  });

  // Single keys, and "g" with a second one soon after it; the sheet behind "?" lists them.
  let going = 0;
  const keys = {
    "/": () => {
      const search = document.querySelector("[data-search]");
      search?.focus();
      search?.select();
    },
    "?": () => document.getElementById("shortcuts")?.showModal(),
    "g": () => { going = Date.now() + 1500; },
  };
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.target.closest("input, textarea, select, [contenteditable], dialog");
    if (elsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = Date.now() < going && document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    going = 0;
    if (place) {
      place.click();
    } else if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  // What was found as one typed: the arrow keys go through it, Escape leaves it.
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest(".topbar-search");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!box) return;
    const places = [box.querySelector("input"), ...box.querySelectorAll(".found a")];
    if (event.key === "Escape") {
      document.getElementById("found").textContent = "";
      places[0].focus();
    } else if (step && places.length > 1) {
      event.preventDefault();
      const at = places.indexOf(document.activeElement);
      places[(at + step + places.length) % places.length].focus();
    }
  });

  // Times, which pages write in UTC, in the reader's zone; the exact UTC stays in the tooltip.
  const clock = new Intl.DateTimeFormat("en", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
  });
  const localise = () => document.querySelectorAll("time[data-precision]").forEach((time) => {
    const parts = Object.fromEntries(clock.formatToParts(new Date(time.dateTime)).map(({ type, value }) => [type, value]));
    const day = `${parts.year.padStart(4, "0")}-${parts.month}-${parts.day}`;
    time.textContent = time.dataset.precision === "date" ? day : `${day} ${parts.hour}:${parts.minute} ${parts.timeZoneName}`;
    delete time.dataset.precision; // said once
  });

  document.addEventListener("DOMContentLoaded", () => {
    applyTheme();
    localise();
    announceToasts();
  });

  // htmx: empty filters stay out of the URL; what a search found is announced.
  document.addEventListener("htmx:configRequest", (event) => {
    const { parameters, verb } = event.detail;
    if (verb === "get") {
      Object.keys(parameters).filter((name) => parameters[name] === "").forEach((name) => { delete parameters[name]; });
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    localise();
    announce(event.target.querySelector("[data-announce]")?.textContent.trim());
    announceToasts();
  });
  // The page of a refusal is not swapped in; its sentence is shown where the answer was awaited, if that place wants it.
  document.addEventListener("htmx:responseError", (event) => {
    const place = event.target.form?.querySelector("[data-refusal]");
    if (!place) return;
    const page = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    const sentence = document.createElement("p");
    sentence.className = "errorlist";
    sentence.setAttribute("role", "alert");
    sentence.textContent = page.querySelector(".alone-message p")?.textContent.trim() || event.detail.xhr.statusText;
    place.replaceChildren(sentence);
  });
})();
