// Asks for figures as large as the window has room for, so that a room sees the whole view without scrolling, and whose
// words have room across. A view without a figure gives way as a whole.
const FIGURE = '[data-testid=stPlotlyChart], [data-testid=stSkeleton]';  // drawn, or on its way
const SMALLEST = 11, LARGEST = 30, NARROW = 700, TEXT_ON_A_PHONE = 13, LEAST_ZOOM = 0.6, MARGIN = 24, MOST_QUESTIONS = 4, LETTERS_ACROSS = 26;

export default function ({ setTriggerValue }) {
  const box = document.querySelector('[data-testid=stMainBlockContainer]'), block = box.querySelector('[data-testid=stVerticalBlock]');
  const bottom = () => Math.max(0, ...Array.from(block.children, child => child.getBoundingClientRect().bottom));
  const asked = new Map();
  let waiting = 0;

  // What figures that stand under each other take: of those side by side the taller one counts.
  function tall(figures) {
    const rows = {};
    for (const figure of figures) {
      const { top, height } = figure.getBoundingClientRect();
      rows[Math.round(top)] = Math.max(rows[Math.round(top)] ?? 0, height);
    }
    return Object.values(rows).reduce((sum, height) => sum + height, 0);
  }

  function ask(figures) {
    const size = figures[0].layout.font.size, height = tall(figures), rest = bottom() - height;
    if (!height) return;
    if (figures.some(figure => Math.abs(figure.getBoundingClientRect().height - figure.layout.height) > 4)) return later();  // its new height is not drawn yet
    const across = Math.min(...figures.map(figure => figure.clientWidth)) / LETTERS_ACROSS;
    const room = Math.floor(Math.min((size * (innerHeight - MARGIN - rest)) / height, across));
    const wanted = innerWidth < NARROW ? TEXT_ON_A_PHONE : Math.max(SMALLEST, Math.min(LARGEST, room));
    const place = [innerWidth, innerHeight, Math.round(rest / 8)].join(), times = asked.get(place) ?? 0;
    if (wanted === size || times >= MOST_QUESTIONS) return;
    if (document.querySelector('[data-testid=stApp]')?.dataset.testScriptState !== 'notRunning') return later();  // what is under way comes first
    asked.set(place, times + 1);
    setTriggerValue('size', wanted);
  }

  function giveWay() {
    box.style.zoom = '';
    if (innerWidth < NARROW) return;
    for (let zoom = 1; zoom > LEAST_ZOOM && bottom() > innerHeight - MARGIN; zoom -= 0.02) box.style.zoom = zoom;
    if (bottom() > innerHeight - MARGIN) box.style.zoom = '';  // too long for any size: large, and scrolled
  }

  function fit() {
    if (!box.isConnected) return;
    const figures = [...box.querySelectorAll('[data-testid=stPlotlyChart]')], drawn = figures.map(figure => figure.querySelector('.js-plotly-plot'));
    if (!box.querySelector(FIGURE)) return giveWay();
    if (figures.length && drawn.every(plot => plot?.layout?.font?.size)) ask(drawn);
    else later();
  }

  function later() {
    if (box.querySelector(FIGURE)) box.style.zoom = '';
    clearTimeout(waiting);
    waiting = setTimeout(fit, 250);
  }

  const resized = new ResizeObserver(later), redrawn = new MutationObserver(later);
  resized.observe(block);
  redrawn.observe(box, { childList: true, subtree: true });
  addEventListener('resize', later);
  later();
  return () => {
    clearTimeout(waiting);
    resized.disconnect();
    redrawn.disconnect();
    removeEventListener('resize', later);
    box.style.zoom = '';
  };
}
