// Python drew the first frame and lists what changes: for each part of the picture, an attribute (or its text) at every step.
for (const figure of document.querySelectorAll('[data-snip="KEY"]')) {
  const changes = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const parts = changes.map((_, i) => figure.querySelector(`[data-part="${i}"]`));
  const range = figure.querySelector("input");
  const show = () => changes.forEach((change, i) => {
    for (const [name, values] of Object.entries(change)) {
      const value = values[range.valueAsNumber];
      if (name === "text") parts[i].textContent = value;
      else parts[i].setAttribute(name, value);
    }
  });
  range.addEventListener("input", show);
  range.addEventListener("keydown", (event) => event.stopPropagation());  // else JupyterLab takes the arrow keys
  range.disabled = range.hidden = false;
  show();
}
