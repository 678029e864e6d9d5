// Python drew the first frame, of the first example; this draws it again, and whatever the reader draws, takes or chooses.
{
  const SIDE = 28, BOX = 20, PAD = 280, PEN = 12;  // the picture, the ink in it, the pad, half the width of a stroke on it
  const INK = [28, 39, 51], FOR = [0, 114, 178], AGAINST = [192, 74, 0];  // drawn.py has the same
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const word = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
  const share = (value) => `${(100 * value).toFixed(1)}\u00a0%`;
  const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + Number(Math.abs(value).toPrecision(2));

  // The connections of a layer: which input they come from, which unit they lead to, their weights; see packed.py.
  const unpack = ({ shape: [outputs, inputs], scale, gaps, values }) => {
    const weights = Float64Array.from(new Int16Array(bytes(values).buffer), (value) => value * scale);
    const from = new Uint32Array(weights.length), to = new Uint32Array(weights.length);
    let n = 0, place = 0, gap = 0, shift = 0;
    for (const byte of bytes(gaps)) {
      gap |= (byte & 127) << shift;
      shift += 7;
      if (byte > 127) continue;
      place += gap;
      [from[n], to[n++]] = [place % inputs, Math.floor(place / inputs)];
      gap = shift = 0;
    }
    return { outputs, inputs, weights, from, to };
  };

  // What enters each layer, and the logits.
  const signals = (layers, x) => layers.reduce((all, { outputs, weights, from, to }, l) => {
    const sums = new Float64Array(outputs), below = all[l];
    weights.forEach((weight, n) => { sums[to[n]] += weight * below[from[n]]; });
    return [...all, l < layers.length - 1 ? sums.map((sum) => Math.max(sum, 0)) : sums];
  }, [x]);

  // Connections whose input is not 0 and whose unit is open.
  const carried = (layers, all) => layers.reduce((count, { weights, from, to }, l) => {
    const open = (unit) => l === layers.length - 1 || all[l + 1][unit] > 0;
    return count + weights.reduce((sum, _, n) => sum + (all[l][from[n]] !== 0 && open(to[n])), 0);
  }, 0);

  // What each pixel gives to the digit, more than to the ten on average: the pixel times the gradient of that difference.
  const evidence = (layers, all, digit) => {
    let gradient = Float64Array.from({ length: 10 }, (_, k) => (k === digit) - 0.1);
    for (let l = layers.length - 1; l >= 0; l--) {
      const { inputs, weights, from, to } = layers[l], next = new Float64Array(inputs);
      weights.forEach((weight, n) => { next[from[n]] += weight * gradient[to[n]]; });
      gradient = l ? next.map((value, unit) => value * (all[l][unit] > 0)) : next;
    }
    return gradient.map((value, pixel) => value * all[0][pixel]);
  };

  const softmax = (logits) => {
    const most = Math.max(...logits), powers = [...logits].map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  };

  // The box around the ink; nothing where there is no ink.
  const around = (ink) => {
    let left = PAD, top = PAD, right = -1, bottom = -1;
    for (let y = 0; y < PAD; y++)
      for (let x = 0; x < PAD; x++) {
        if (!ink[y * PAD + x]) continue;
        if (x < left) left = x;
        if (x > right) right = x;
        if (y < top) top = y;
        bottom = y;
      }
    return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
  };

  // The ink in its box, a point of the pad now `size` wide: it gives to its pixel, and what is over to the next, both ways.
  const scaled = (ink, { left, top, width, height }, size) => {
    const small = new Float64Array(SIDE * SIDE);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const value = ink[(y + top) * PAD + x + left], row = Math.floor(y * size), column = Math.floor(x * size);
        const below = Math.max((y + 1) * size - row - 1, 0), right = Math.max((x + 1) * size - column - 1, 0);
        const pixel = row * SIDE + column;
        small[pixel] += value * (size - below) * (size - right);
        small[pixel + 1] += value * (size - below) * right;
        small[pixel + SIDE] += value * below * (size - right);
        small[pixel + SIDE + 1] += value * below * right;
      }
    return small;
  };

  // As MNIST was made: the box scaled, then moved by whole pixels until the centre of mass lies in the middle.
  const prepared = (ink) => {
    const box = around(ink);
    if (!box) return null;
    const size = Math.min(BOX / Math.max(box.width, box.height), 1);  // 1: a speck in a corner of the pad stays one
    const small = scaled(ink, box, size);
    const sum = small.reduce((a, b) => a + b), picture = new Uint8Array(SIDE * SIDE);
    const moved = (length, along) => {
      const centre = small.reduce((total, value, place) => total + value * (along(place) + 0.5), 0) / sum;
      return Math.min(Math.max(Math.round(SIDE / 2 - centre), 0), SIDE - Math.ceil(length * size));  // not over the edge
    };
    const x = moved(box.width, (place) => place % SIDE), y = moved(box.height, (place) => Math.floor(place / SIDE));
    small.forEach((value, place) => { if (value) picture[place + y * SIDE + x] = Math.round(255 * Math.min(value, 1)); });
    return picture;
  };

  // A stroke from one point to another, as wide as the pen: 1 inside, less along its edge.
  const stroke = (ink, [x0, y0], [x1, y1]) => {
    const [dx, dy] = [x1 - x0, y1 - y0], long = dx * dx + dy * dy || 1;
    const first = (a, b) => Math.max(Math.floor(Math.min(a, b) - PEN - 1), 0);
    const last = (a, b) => Math.min(Math.ceil(Math.max(a, b) + PEN + 1), PAD);
    for (let y = first(y0, y1); y < last(y0, y1); y++)
      for (let x = first(x0, x1); x < last(x0, x1); x++) {
        const along = Math.min(Math.max(((x + 0.5 - x0) * dx + (y + 0.5 - y0) * dy) / long, 0), 1);
        const far = Math.hypot(x + 0.5 - x0 - along * dx, y + 0.5 - y0 - along * dy);
        ink[y * PAD + x] = Math.max(ink[y * PAD + x], Math.min(PEN + 0.5 - far, 1));
      }
  };

  // A canvas in the place of Python's picture: white for 0, and on either side to a colour of its own.
  const picture = (image) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    canvas.setAttribute("role", "img");
    image.replaceWith(canvas);
    return (values, alt, above = INK, below = INK) => {
      const data = new ImageData(SIDE, SIDE);
      values.forEach((value, place) => {
        const shade = (value < 0 ? below : above).map((colour) => 255 + Math.abs(value) * (colour - 255));
        data.data.set([...shade, 255], 4 * place);
      });
      canvas.getContext("2d").putImageData(data, 0, 0);
      canvas.setAttribute("aria-label", alt);
    };
  };

  // A pad for mouse, finger and pen, in this element: tells of every stroke, and can be wiped.
  const pad = (paper, told) => {
    const canvas = document.createElement("canvas"), ink = new Float32Array(PAD * PAD), data = new ImageData(PAD, PAD);
    canvas.width = canvas.height = PAD;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "A pad to draw on with mouse, finger or pen; by keyboard, take a digit of the list");
    paper.append(canvas);
    ink.forEach((_, place) => data.data.set(INK, 4 * place));
    const show = () => {
      ink.forEach((value, place) => { data.data[4 * place + 3] = 255 * value; });
      canvas.getContext("2d").putImageData(data, 0, 0);
    };
    let last = null;
    const draw = (event) => {
      const at = [event.offsetX, event.offsetY].map((place) => (place * PAD) / canvas.clientWidth);
      stroke(ink, last ?? at, at);
      last = at;
      show();
      told(prepared(ink));
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button) return;
      canvas.setPointerCapture(event.pointerId);
      draw(event);
    });
    canvas.addEventListener("pointermove", (event) => { if (last && event.isPrimary) draw(event); });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });
    return () => { ink.fill(0); show(); };
  };

  // What a network makes of a picture, and what speaks for the chosen digit ("": for the one that is read).
  const reading = (layers, x, chosen) => {
    const kept = layers.reduce((sum, { weights }) => sum + weights.length, 0);
    if (!x) return { kept, digit: chosen || "it", values: new Float64Array(SIDE * SIDE) };
    const all = signals(layers, x), odds = softmax(all.at(-1)), read = odds.indexOf(Math.max(...odds));
    const digit = chosen === "" ? read : Number(chosen);
    return { kept, odds, read, digit, values: evidence(layers, all, digit), carried: carried(layers, all) };
  };

  // Writes a reading into the figure, in the words of draw.py and drawn.py.
  const writer = (figure) => {
    const map = picture(figure.querySelector(".evidence img"));
    const bars = [...figure.querySelectorAll(".digit:has(b)")], ends = figure.querySelectorAll(".scale span");
    const say = (selector, text) => {
      const part = figure.querySelector(selector);
      if (part.textContent !== text) part.textContent = text;  // a screen reader is told of what is new
    };
    return { say, write({ kept, carried, odds, read, digit, values }) {
      const most = Math.max(...values.map(Math.abs)), sum = signed(values.reduce((a, b) => a + b));
      const alt = `What each of the 28 by 28 pixels says for ${digit}, in blue, or against it, in orange`;
      map(values.map((value) => value / (most || 1)), alt, FOR, AGAINST);
      [-most, most].forEach((end, side) => { ends[side].textContent = signed(end); });
      bars.forEach((bar, k) => {
        bar.classList.toggle("reads", k === read);
        bar.querySelector("rect").setAttribute("width", `${(100 * (odds?.[k] ?? 0)).toFixed(2)}%`);
        bar.querySelector("b").textContent = odds ? share(odds[k]) : "";
      });
      say(".evidence .title", `What speaks for\u00a0${digit}`);
      say(".colours", `Blue: for ${digit}. Orange: against. White: neither.`);
      say(".read", odds ? `It reads ${read} (${share(odds[read])}).` : "Draw a digit.");
      say(".total", odds ? `All pixels together give ${sum}: the logit of ${digit} less the mean of the ten.` : "");
      const left = `${word(kept)} connections that are left`;
      say(".carried", odds ? `${word(carried)} of the ${left} carried something for this picture.` : `There are ${left}.`);
    } };
  };

  const start = (figure) => {
    const find = (name) => figure.querySelector(name);
    const { steps, names, networks, examples, mean, std } = JSON.parse(find('script[type="application/json"]').textContent);
    const layers = networks.map((network) => network.map(unpack)), pictures = examples.map(bytes);
    const form = find("form"), range = find("input[type=range]"), list = find("select");
    const alt = find(".seen img").alt, seen = picture(find(".seen img")), { say, write } = writer(figure);
    let shades = null;  // of the picture that is read, 0 to 255; null: there is none

    const show = () => {
      const at = range.valueAsNumber, x = shades && Float64Array.from(shades, (level) => (level / 255 - mean) / std);
      range.setAttribute("aria-valuetext", steps[at]);
      range.setAttribute("style", `--at: ${((100 * at) / Math.max(steps.length - 1, 1)).toFixed(1)}%`);
      say(".control output", steps[at]);
      write(reading(layers[at], x, form.elements.shown.value));
    };
    const take = (picture, name) => {
      shades = picture;
      seen(Float64Array.from(shades ?? new Uint8Array(SIDE * SIDE), (level) => level / 255), alt);
      say(".seen .key", name);
      show();
    };
    const own = (drawing, name) => {
      list.selectedIndex = 0;
      find(".hint").hidden = !!drawing;
      take(drawing, name);
    };
    const takeListed = () => take(pictures[list.selectedIndex - 1], names[list.selectedIndex - 1]);

    const wipe = pad(find(".paper"), (drawing) => own(drawing, "your drawing, scaled and centred"));
    list.addEventListener("change", () => {
      wipe();
      find(".hint").hidden = false;
      takeListed();
    });
    find("button").addEventListener("click", () => {
      wipe();
      own(null, "nothing yet");
    });
    form.addEventListener("input", (event) => { if (event.target !== list) show(); });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("keydown", (event) => event.stopPropagation());  // else JupyterLab takes the arrow keys
    for (const part of form.querySelectorAll("[hidden]:not(option, .hint)")) part.disabled = part.hidden = false;
    list.selectedIndex = 1;
    takeListed();
  };

  for (const figure of document.querySelectorAll('[data-snip="KEY"]')) {
    if (figure.started) continue;  // by another figure with the same content
    figure.started = true;
    start(figure);
  }
}
