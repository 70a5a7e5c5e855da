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
      height: Math.round(Math.min(present ? 640 : 540, Math.max(330, innerHeight * (present ? 0.52 : 0.47)))),
    };
    host.replaceChildren();
    host.dataset.palette = dark ? 'dark' : 'light';
    const words = cards(host, style), row = html('div', 'charts', host), left = html('div', 'chart', row), right = html('div', 'chart', row);
    const advice = html('p', 'advice', host);
    const drawBars = bars(left, style), drawMap = map(right, style);
    pictures(host, style, () => left.querySelector('svg'), () => host.dataset.caption ?? '');
    width = host.clientWidth;
    last = '';
    draw = (facts, state) => {
      words(facts, state);
      drawBars(facts, state);
      drawMap(facts, state);
      const { advice: changes } = live.parts.batches, over = verdict(facts, state).fits === false;
      show(advice, over);
      if (over) write(advice, !state.committed ? 'Release the slider to see what would make it fit.' : changes.length ? `What would make it fit: ${changes.join(', or ')}.` : 'No single change on this page makes it fit.');
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
    const key = [facts.config, facts.unit, state.context, state.batch, state.committed, batches.advice].join('|');
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
