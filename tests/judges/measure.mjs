// measure.mjs    what is wrong with what a page shows, as look.mjs and walk.mjs measure it.
//
// Both functions run in the page, and may use nothing from outside.

// Everything that is wrong with what is shown, as sentences. Runs in the page: it may use nothing from outside.
export function measure({least, frames}) {
  const faults = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`${root.scrollWidth} px in a window of ${root.clientWidth}`);
  const channels = text => { const [r, g, b, a = 1] = (text.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number); return [r, g, b, a]; };
  const luminance = rgb => {
    const [r, g, b] = rgb.map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  // The canvas is dark where the page says that it can be and the device asks for it.
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.backgroundColor = 'Canvas';
  const canvas = channels(getComputedStyle(probe).backgroundColor).slice(0, 3);
  probe.remove();
  const under = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(channels(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((colour, layer) => over(layer, colour), canvas);
  };
  const contrast = element => {
    const below = under(element), [a, b] = [luminance(over(channels(getComputedStyle(element).color), below)), luminance(below)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  // A box of one pixel is the usual way to say something to programs alone: nobody sees what is in it.
  const unseen = element => {
    const {width, height} = element.getBoundingClientRect();
    return width <= 1 && height <= 1 && /hidden|clip/.test(getComputedStyle(element).overflow);
  };
  const shown = element => {
    for (let e = element; e; e = e.parentElement) if (unseen(e)) return false;
    return element.checkVisibility({opacityProperty: true, visibilityProperty: true});
  };
  const quoted = text => `“${text.trim().replace(/\s+/g, ' ').slice(0, 40)}”`;
  // What can be seen of a line in boxes that scroll, or that end in an ellipsis on purpose; nothing where it is out of view.
  const ends = style => /auto|scroll/.test(style.overflowX + style.overflowY) || style.webkitLineClamp !== 'none';
  const visible = (line, element) => {
    for (let e = element; e; e = e.parentElement) {
      if (e === document.body || e === root || !ends(getComputedStyle(e))) continue;
      const box = e.getBoundingClientRect();
      line = {left: Math.max(line.left, box.left), right: Math.min(line.right, box.right), top: Math.max(line.top, box.top), bottom: Math.min(line.bottom, box.bottom)};
      if (line.right - line.left < 1 || line.bottom - line.top < 1) return null;
    }
    return line;
  };
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const element = node.parentElement;
    if (!node.data.trim() || !shown(element)) continue;
    const ratio = contrast(element);
    if (ratio < least) faults.push(`${quoted(node.data)} has a contrast of ${ratio.toFixed(2)}`);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const {left, right, top, bottom} of range.getClientRects()) {
      const line = visible({left, right, top, bottom}, element);
      if (right - left > 1 && line) lines.push({node, element, ...line});
    }
  }
  for (const image of document.images) {
    if (!shown(image)) continue;
    if (image.alt && !image.naturalWidth && contrast(image) < least) faults.push(`alt ${quoted(image.alt)} has too little contrast`);
    for (const name of ['width', 'height']) if (!image.hasAttribute(name)) faults.push(`a picture without ${name}`);
    if (!frames && image.naturalWidth && image.getAttribute('height')) {
      const {width, height} = image.getBoundingClientRect(), ratio = width / height / (image.naturalWidth / image.naturalHeight);
      if (Math.abs(ratio - 1) > 0.02) faults.push(`a picture of ${image.naturalWidth}×${image.naturalHeight} is shown ${width}×${height}`);
    }
  }
  // Whole: inside the window, and inside each box around it that hides what does not fit.
  for (const line of lines) {
    if (line.left < -1 || line.right > root.clientWidth + 1) faults.push(`${quoted(line.node.data)} runs out of the window`);
    for (let e = line.element; e !== document.body && e; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (!/hidden|clip/.test(style.overflowX + style.overflowY) || ends(style)) continue;
      const box = e.getBoundingClientRect();
      if (line.left < box.left - 1 || line.right > box.right + 1 || line.top < box.top - 1 || line.bottom > box.bottom + 1) {
        faults.push(`${quoted(line.node.data)} is cut off`);
      }
    }
  }
  // By itself: no line lies over another. The boxes of lines in one sentence may touch, those of letters may not cross.
  lines.sort((a, b) => a.top - b.top);
  for (let i = 0; i < lines.length; i++) {
    const a = lines[i];
    for (let j = i + 1; j < lines.length && lines[j].top < a.bottom; j++) {
      const b = lines[j], across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - b.top, smaller = Math.min(a.bottom - a.top, b.bottom - b.top);
      if (a.node === b.node && getComputedStyle(a.element).webkitLineClamp !== 'none') continue;
      if (across > 2 && down > smaller / 4) faults.push(`${quoted(a.node.data)} lies over ${quoted(b.node.data)}`);
    }
  }
  return [...new Set(faults)];
}

// Text twice as large, and nothing else, as mail clients and browsers do it: lines grow with their letters.
export function enlarge() {
  const all = [...document.body.querySelectorAll('*')].map(element => {
    const {fontSize, lineHeight} = getComputedStyle(element);
    return [element, parseFloat(fontSize), parseFloat(lineHeight)];
  });
  for (const [element, size, line] of all) {
    element.style.setProperty('font-size', `${2 * size}px`, 'important');
    if (line) element.style.setProperty('line-height', `${2 * line}px`, 'important');
  }
}
