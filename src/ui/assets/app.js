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
