// Streamlit calls this when the element appears and again when the theme changes; what was there before is ended first.
export default function ({ data, parentElement }) {
  const host = parentElement.querySelector('.memory-live') ?? parentElement;
  host.endLive?.();
  let draw = null, width = 0, last = '', shown = null;

  function build() {
    const { background, dark } = theme(host), size = parseFloat(getComputedStyle(host).fontSize);
    const present = size > 19;
    const style = {
      background, dark, stack: data.stack, names: data.stack.map(part => part.name), colors: data.stack.map(part => part[dark ? 'dark' : 'light']),
      ink: getComputedStyle(host).color, font: present ? 21 : 13,
      height: Math.round(Math.min(640, Math.max(300, host.clientWidth < 600 ? 340 : innerHeight - (present ? 475 : 430)))),
    };
    host.replaceChildren();
    host.dataset.palette = dark ? 'dark' : 'light';
    const words = cards(host, style), line = html('p', 'advice', host), row = html('div', 'charts', host);
    const left = html('div', 'chart', row), right = html('div', 'chart', row);
    const drawBars = bars(left, style), drawMap = map(right, style);
    pictures(host, style, () => left.querySelector('svg'), () => host.dataset.caption ?? '');
    width = host.clientWidth;
    last = '';
    draw = (facts, state) => {
      words(facts, state);
      drawBars(facts, state);
      drawMap(facts, state);
      const over = verdict(facts, state).fits === false;
      put(line, { 'data-over': String(over) });
      write(line, over ? remedy(state.changes) : certainty(facts, style.stack));
      host.dataset.caption = `${facts.model} · ${facts.weights}${facts.device ? ` · ${facts.device}` : ''} · ${count(state.context, 'token')} × ${state.batch} · ${verdict(facts, state).words}`;
    };
  }

  // The thumbs are what the reader sees, so they win; the committed state stands in where they cannot be read.
  function view() {
    const { facts, batches } = live.parts;
    if (!facts || !batches) return;
    const context = readThumb('context') ?? batches.context, batch = readThumb('batch') ?? batches.batch;
    const state = stateAt(data.stack.map(part => part.name), context, batch) ?? shown;
    if (!state) return;
    const key = [facts.config, facts.unit, state.context, state.batch, state.changes?.join() ?? 'not advised'].join('|');
    if (key === last || (state === shown && shown.config !== facts.config)) return;
    last = key;
    shown = { ...state, config: facts.config };
    draw(facts, state);
  }

  build();
  live.views.add(view);
  const stop = followThumbs(view);
  const resized = new ResizeObserver(() => {
    if (Math.abs(host.clientWidth - width) > 4) {
      build();
      view();
    }
  });
  resized.observe(host);
  view();
  return (host.endLive = () => {
    stop();
    resized.disconnect();
    live.views.delete(view);
  });
}
