// Comfort for those who have scripts: everything works without it.
"use strict";

// One box that picks all others on the page, and a count on the button that acts on them.
for (const form of document.querySelectorAll("form")) {
  const all = form.querySelector("input.pick-all");
  const picks = [...form.querySelectorAll('input[name="group"][type="checkbox"]')];
  const button = form.querySelector("button[data-count]");
  if (!all || !button) continue;
  const idle = button.textContent;
  const show = () => {
    const count = picks.filter((pick) => pick.checked).length;
    all.checked = count === picks.length;
    all.indeterminate = count > 0 && count < picks.length;
    button.disabled = count === 0;
    button.textContent = count === 0 ? idle : button.dataset.count.replace("{}", String(count));
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const pick of picks) pick.checked = all.checked;
    show();
  });
  form.addEventListener("change", show);
  // A browser that goes back puts the ticks where they were.
  window.addEventListener("pageshow", show);
  show();
}

// A slash goes to the search, as in many tools.
document.addEventListener("keydown", (event) => {
  const search = document.querySelector('input[type="search"]');
  const isTyping = /^(input|textarea|select)$/i.test(event.target.tagName);
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping || !search) return;
  event.preventDefault();
  search.focus();
});

// Live parts. An element with an id and `data-live="SECONDS"` is replaced by the same element of the page as it is now, when
// that differs. A part in which something is focused, selected or ticked stays until it is left.
{
  const parts = [...document.querySelectorAll("[data-live][id]")];
  const every = Math.min(...parts.map((part) => Number(part.dataset.live)));
  const isInUse = (part) =>
    part.contains(document.activeElement) && document.activeElement !== part ||
    (!getSelection().isCollapsed && getSelection().containsNode(part, true)) ||
    part.querySelector("input:checked") !== null;
  const refresh = async () => {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) return; // What is shown stays until there is something new.
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const { id } of parts) {
        const [old, now] = [document.getElementById(id), page.getElementById(id)];
        if (!old || !now || isInUse(old) || old.innerHTML === now.innerHTML) continue;
        const open = [...old.querySelectorAll("details")].map((details) => details.open);
        old.replaceChildren(...document.adoptNode(now).childNodes);
        [...old.querySelectorAll("details")].forEach((details, at) => (details.open = open[at] ?? details.open));
        old.dispatchEvent(new CustomEvent("live", { bubbles: true }));
      }
    } catch {
      // The gateway is away.
    }
  };
  // A page that nobody looks at asks for nothing, and a page that is slow to come is not asked for twice.
  let timer;
  const next = async () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") await refresh();
    timer = setTimeout(next, every * 1000);
  };
  if (parts.length > 0) {
    timer = setTimeout(next, every * 1000);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && next());
  }
}

// Opens or closes all families at once.
for (const button of document.querySelectorAll("button.fold")) {
  const families = () => document.querySelectorAll("#families details.values");
  if (families().length < 2) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const open = ![...families()].some((family) => family.open);
    for (const family of families()) family.open = open;
    [button.textContent, button.dataset.other] = [button.dataset.other, button.textContent];
  });
}

// Commands and values can be copied. Without HTTPS a browser has no clipboard for scripts, but it copies what is selected.
{
  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  for (const box of document.querySelectorAll("pre[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await copy(box.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    box.after(button);
  }
  document.addEventListener("click", async (event) => {
    const sample = event.target.closest?.(".sample");
    if (!sample || !getSelection().isCollapsed) return;
    await copy(sample.title || sample.textContent);
    sample.classList.add("copied");
    setTimeout(() => sample.classList.remove("copied"), 800);
  });
}
