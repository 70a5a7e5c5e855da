// Streamlit calls this when the element appears and again when the theme changes; what was there before is ended first.
export default function ({ data, parentElement }) {
  const host = parentElement.querySelector('.memory-live') ?? parentElement, thin = data.of === 'strip';
  const hear = hearing(parentElement.querySelector('.memory-heard'));
  host.endLive?.();
  host.dataset.of = data.of;
  let draw = null, built = '', width = 0, height = 0, last = '', shown = null;

  function styleOf(facts) {
    const { background, dark } = theme(host), size = parseFloat(getComputedStyle(host).fontSize);
    const look = name => data.stack.find(part => part.name === name);
    return {
      background, dark, ink: getComputedStyle(host).color, font: size > 16 ? Math.round(size) - 1 : 13,
      color: name => look(name)[dark ? 'dark' : 'light'], label: name => look(name).label, stack: data.stack, height,
    };
  }

  // As high as the window has room under what stands above the bars, so that a room sees verdict, bars and axis at once.
  function heightOf(facts) {
    const chart = host.querySelector('.chart'), present = parseFloat(getComputedStyle(host).fontSize) > 16, most = facts.mode === 'columns' || present ? 760 : 640;
    if (host.clientWidth < 600) return 340;
    if (!chart) return Math.max(300, Math.min(most, innerHeight - 480));
    const above = chart.getBoundingClientRect().top + (host.closest('[data-testid=stMain]')?.scrollTop ?? 0);
    const below = chart.offsetHeight - chart.firstElementChild.clientHeight + (present ? 14 : 92);
    return Math.round(Math.max(present ? 220 : 250, Math.min(most, innerHeight - above - below)));
  }

  let filling = false;
  function fill(facts) {
    if (filling || thin || !host.querySelector('.chart') || Math.abs(heightOf(facts) - height) <= 6) return;
    height = heightOf(facts);
    built = last = '';
    filling = true;
    view();
    filling = false;
  }

  function build(facts) {
    height ||= heightOf(facts);
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
    hear(spoken(facts, state));
    const exact = bytes => (bytes === Infinity ? 'refused' : BigInt(Math.round(bytes)).toString());
    put(host, { 'data-drawn-context': state.context, 'data-drawn-batch': state.batch, 'data-drawn-total': exact(state.total), 'data-drawn-totals': state.bars.map(bar => exact(bar.total)).join(' ') });
    if (!moved) fill(facts);
  }

  live.views.add(view);
  const stop = followThumbs(view), stopKeys = commitWhenKeysRest();
  const refit = () => {
    if (Math.abs(host.clientWidth - width) <= 4) return live.parts.facts && fill(live.parts.facts);
    built = last = '';
    view();
  };
  const resized = new ResizeObserver(() => requestAnimationFrame(refit)), around = host.closest('[data-testid=stMainBlockContainer]');
  resized.observe(host);
  if (around) resized.observe(around);
  addEventListener('resize', refit);
  view();
  return (host.endLive = () => {
    stop();
    stopKeys();
    removeEventListener('resize', refit);
    resized.disconnect();
    live.views.delete(view);
  });
}
