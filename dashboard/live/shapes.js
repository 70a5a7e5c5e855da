// SVG elements, colours of the theme in use, and attributes that are written only when they change.
const NS = 'http://www.w3.org/2000/svg';

function shape(tag, attributes, parent) {
  const element = document.createElementNS(NS, tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  parent?.appendChild(element);
  return element;
}

function put(element, attributes) {
  const was = (element.was ??= {});
  for (const name in attributes) {
    const value = attributes[name];
    if (was[name] === value) continue;
    was[name] = value;
    element.setAttribute(name, value);
  }
}

function write(element, text) {
  if (element.written !== text) element.textContent = element.written = text;
}

function show(element, visible) {
  if (element.shown !== visible) element.style.display = (element.shown = visible) ? '' : 'none';
}

function html(tag, className, parent, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  parent?.appendChild(element);
  return element;
}

// The theme is read from Streamlit's own variables, so that a switch needs no answer from the server.
function theme(host) {
  const background = getComputedStyle(host).getPropertyValue('--st-background-color').trim() || '#ffffff';
  const [r, g, b] = /^#[0-9a-f]{6}/i.test(background) ? [1, 3, 5].map(i => parseInt(background.slice(i, i + 2), 16)) : [255, 255, 255];
  return { background, dark: r * 0.3 + g * 0.59 + b * 0.11 < 128 };
}

// Black or white, whichever reads better on a colour such as `#192C94`, as dashboard/theme.py has it.
function readable(color) {
  const [r, g, b] = [1, 3, 5].map(i => parseInt(color.slice(i, i + 2), 16) / 255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.05 ? '#ffffff' : '#000000';
}

// A text on a pill of the background's colour, for words that lie on top of bars or cells.
function pill(parent, attributes) {
  const group = shape('g', {}, parent), back = shape('rect', { class: 'pill', rx: 4 }, group), text = shape('text', attributes, group);
  return {
    group,
    say(words, moved) {
      if (moved) put(text, moved);
      if (!moved && text.written === words) return;
      write(text, words);
      const box = text.getBBox();
      put(back, { x: box.x - 5, y: box.y - 1, width: box.width + 10, height: box.height + 2 });
    },
  };
}

// Labels at wanted heights, pushed apart by at least `gap` and kept within `bottom`.
function spread(labels, gap, bottom) {
  let previous = -Infinity;
  for (const label of labels) previous = label.y = Math.max(label.y, previous + gap);
  let limit = bottom;
  for (let i = labels.length - 1; i >= 0 && labels[i].y > limit; i--) {
    labels[i].y = limit;
    limit -= gap;
  }
}
