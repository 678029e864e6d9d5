// Python drew the first frame and lists what changes: for each part of the picture, an attribute (or its text) at every step.
for (const figure of document.querySelectorAll('[data-snip="KEY"]')) {
  const changes = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const parts = changes.map((_, i) => figure.querySelector(`[data-part="${i}"]`));
  const range = figure.querySelector("input"), choices = [...figure.querySelectorAll("select")];
  const chosen = () => choices.reduce((at, choice) => at * choice.options.length + choice.selectedIndex, 0);
  const step = () => chosen() * (Number(range.max) + 1) + range.valueAsNumber;
  const show = () => changes.forEach(({ from = 0, ...change }, i) => {
    for (const [name, values] of Object.entries(change)) {
      const value = values[step() - from];
      if (value === undefined) continue;  // a part that another name of the list shows
      if (name === "text") parts[i].textContent = value;
      else parts[i].setAttribute(name, value);
    }
  });
  range.addEventListener("input", show);
  range.addEventListener("keydown", (event) => event.stopPropagation());  // else JupyterLab takes the arrow keys
  for (const choice of choices) {
    choice.addEventListener("change", () => {
      range.value = choice.selectedOptions[0].dataset.start ?? range.value;
      show();
    });
    choice.addEventListener("keydown", (event) => event.stopPropagation());
  }
  for (const control of [range, ...choices]) control.disabled = control.hidden = false;
  show();
}
