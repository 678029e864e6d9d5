// Names, roles and landmarks that the theme and docutils leave out or get wrong (found by axe-core).
document.addEventListener("DOMContentLoaded", () => {
  const each = (selector, change) => document.querySelectorAll(selector).forEach(change);
  each(".bd-links summary", (summary) => {
    const link = summary.closest("li").querySelector("a");
    summary.setAttribute("aria-label", `Pages under ${link.textContent.trim()}`);
  });
  each("button[aria-label='Search']", (button) => {
    if (button.textContent.trim()) button.removeAttribute("aria-label");  // what it says is its name
  });
  each(".bd-sidebar-primary .sidebar-primary-item:first-child:has(.navbar-brand)", (item) => {
    item.setAttribute("role", "navigation");
    item.setAttribute("aria-label", "Title page");
  });
  each(".citation-list, .citation", (element) => element.removeAttribute("role"));
  each("th", (cell) => {
    if (!cell.textContent.trim()) cell.replaceWith(Object.assign(document.createElement("td"), { className: cell.className }));
  });
});
