// The native sliders, read while they are dragged. Their text is the exact number, so no list of stops is needed here.
const SLIDERS = { context: '.st-key-context_stop', batch: '.st-key-batch_stop' };

function readThumb(name) {
  const input = document.querySelector(`${SLIDERS[name]} input[type=range]`), text = input?.getAttribute('aria-valuetext');
  const number = Number((text ?? '').replace(/[^0-9]/g, ''));
  return number > 0 ? number : undefined;
}

// Browsers hold pointer moves back until the next frame, and the slider answers one frame later. While a thumb is held,
// the move is handed to the slider as soon as it is known, at most once in 8 ms: the chart is then one frame earlier.
let hurried = 0;
function hurry(event) {
  if (event.buttons !== 1 || event.timeStamp - hurried < 8 || !event.target.closest?.(Object.values(SLIDERS).join())) return;
  hurried = event.timeStamp;
  const { pointerId, pointerType, isPrimary, clientX, clientY, screenX, screenY, buttons } = event;
  event.target.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, composed: true, pointerId, pointerType, isPrimary, clientX, clientY, screenX, screenY, buttons }));
}

// Calls `changed` whenever a thumb moves; returns how to stop. A slider that Streamlit replaces is followed as well.
function followThumbs(changed) {
  const observer = new MutationObserver(changed);
  observer.observe(document.body, { subtree: true, attributes: true, attributeFilter: ['aria-valuetext'] });
  // A slider that keeps the focus swallows PageUp and PageDown, which is what clickers send.
  const release = () => {
    const focused = document.activeElement;
    if (focused?.type === 'range') setTimeout(() => focused.blur(), 0);
  };
  addEventListener('pointerup', release, true);
  addEventListener('pointerrawupdate', hurry, true);
  return () => {
    observer.disconnect();
    removeEventListener('pointerrawupdate', hurry, true);
    removeEventListener('pointerup', release, true);
  };
}
