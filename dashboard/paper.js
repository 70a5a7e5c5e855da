// A sheet is light: before a page in dark colours is printed, each of them gives way to the light theme's own, and comes back
// after. Figures are not drawn anew for paper, so it is said on the root how much smaller they have to be.
const PAPER = 1000, PAINTED = ['color', 'background-color', 'border-top-color', 'border-right-color', 'border-bottom-color', 'border-left-color', 'fill', 'stroke'];
const OTHER = { color: [light => light > 140, [29, 31, 39]], 'background-color': [light => light < 100, [243, 244, 247]] };  // Streamlit's own shades
let colours = new Map(), undo = [];

const triple = hex => [1, 3, 5].map(place => parseInt(hex.slice(place, place + 2), 16)).join();

// The light colour instead of a computed one, as see-through as that; undefined where it may stay.
function instead(painted, name) {
  const parts = painted.match(/[\d.]+/g)?.map(Number);
  if (!parts || parts.length < 3) return undefined;
  const [r, g, b] = painted.startsWith('color(srgb') ? parts.slice(0, 3).map(share => Math.round(255 * share)) : parts, alpha = parts[3] ?? 1;
  const [isOff, other] = OTHER[name] ?? [() => false], found = colours.get([r, g, b].join()) ?? (isOff(0.3 * r + 0.59 * g + 0.11 * b) ? other : undefined);
  return found && `rgba(${found.join()}, ${alpha})`;
}

function narrowed() {
  const widest = Math.max(0, ...Array.from(document.querySelectorAll('.js-plotly-plot'), plot => plot.clientWidth));
  document.documentElement.style.setProperty('--on-paper', Math.min(1, PAPER / widest));
}

// All is read before anything is set: what is set on one element would be inherited by the next.
function lighten() {
  narrowed();
  if (undo.length || document.documentElement.dataset.palette !== 'dark') return;
  for (const element of document.querySelectorAll('body, #root *')) {
    const seen = getComputedStyle(element);
    for (const name of PAINTED) {
      const light = instead(seen.getPropertyValue(name), name);
      if (light) undo.push([element, name, element.style.getPropertyValue(name), light]);
    }
  }
  for (const [element, name, , light] of undo) element.style.setProperty(name, light);
}

function darken() {
  for (const [element, name, before] of undo) element.style.setProperty(name, before);
  undo = [];
}

export default function ({ data }) {
  colours = new Map(Object.entries(data.colours).map(([dark, light]) => [triple(dark), triple(light).split(',')]));
  addEventListener('beforeprint', lighten);
  addEventListener('afterprint', darken);
}
