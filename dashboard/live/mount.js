// Streamlit calls this when the element appears and again when the theme changes; what was there before is ended first.
export default function ({ data, parentElement }) {
  const host = parentElement.querySelector('.memory-live') ?? parentElement, thin = data.of === 'strip';
  host.endLive?.();
  host.dataset.of = data.of;
  let draw = null, built = '', width = 0, last = '', shown = null;

  function styleOf(facts) {
    const { background, dark } = theme(host), size = parseFloat(getComputedStyle(host).fontSize), present = size > 19;
    const look = name => data.stack.find(part => part.name === name), above = (present ? 475 : 480) - (facts.mode === 'columns' ? 130 : 0);
    return {
      background, dark, ink: getComputedStyle(host).color, font: present ? 21 : 13,
      color: name => look(name)[dark ? 'dark' : 'light'], label: name => look(name).label, stack: data.stack,
      height: Math.round(Math.min(facts.mode === 'columns' ? 760 : 640, Math.max(300, host.clientWidth < 600 ? 340 : innerHeight - above))),
    };
  }

  function build(facts) {
    const style = styleOf(facts);
    host.replaceChildren();
    host.dataset.palette = style.dark ? 'dark' : 'light';
    host.dataset.mode = facts.mode;
    width = host.clientWidth;
    last = '';
    draw = thin ? strip(host, style, facts) : page(host, style, facts);
  }

  // The thumbs are what the reader sees, so they win; the committed state stands in where they cannot be read.
  // A thumb that moves is followed at once; a state that comes from the server is moved to calmly.
  function view(moved) {
    const { facts, batches } = live.parts;
    if (!facts || !batches || (facts.mode === 'strip') !== thin) return;
    const context = readThumb('context') ?? batches.context, batch = readThumb('batch') ?? batches.batch;
    const state = stateAt(context, batch) ?? shown;
    if (!state) return;
    const key = [facts.config, facts.unit, state.context, state.batch, state.changes?.join() ?? 'not advised'].join('|');
    if (key === last || (state === shown && shown.config !== facts.config)) return;
    if (built !== buildOf(facts)) { build(facts); built = buildOf(facts); }
    put(host, { 'data-calm': String(!moved && last !== '') });
    last = key;
    shown = { ...state, config: facts.config };
    draw(facts, state);
    const exact = bytes => BigInt(Math.round(bytes)).toString();
    put(host, { 'data-drawn-context': state.context, 'data-drawn-batch': state.batch, 'data-drawn-total': exact(state.total), 'data-drawn-totals': state.bars.map(bar => exact(bar.total)).join(' ') });
  }

  live.views.add(view);
  const stop = followThumbs(view);
  const resized = new ResizeObserver(() => {
    if (Math.abs(host.clientWidth - width) <= 4) return;
    built = last = '';
    view();
  });
  resized.observe(host);
  view();
  return (host.endLive = () => {
    stop();
    resized.disconnect();
    live.views.delete(view);
  });
}
