// A slider that keys move is committed when they rest. Streamlit would commit every press, and its answer, which draws
// figures anew, held up the paint of the next. So a press is kept from Streamlit: the browser itself moves the slider, which
// Streamlit draws and does not commit. In the end one step aside, which nobody sees, and a press that leads back commit it.
// What a screen reader's gestures move is committed by that, too. Keys that come slowly rest later, or the answer to each
// would meet the next; who is slower than 0.6 s has it before.
const HELD = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End']), KEYS_REST = 250, SLOW = 600;

function commitWhenKeysRest() {
  const ours = element => element?.type === 'range' && element.closest(Object.values(SLIDERS).join());
  const step = (input, steps) => {
    if (steps > 0) input.stepUp(steps);
    else input.stepDown(-steps);
    input.dispatchEvent(new Event('input', { bubbles: true }));
  };
  let moved = null, from, to, waits, down = false, pressed = -SLOW, pause = KEYS_REST;

  function commit() {
    const input = moved, aside = +input?.value > +input?.min ? -1 : 1;
    clearTimeout(waits);
    moved = from = null;
    if (!input?.isConnected) return;
    step(input, aside);
    input.dispatchEvent(new KeyboardEvent('keydown', { key: aside < 0 ? 'ArrowRight' : 'ArrowLeft', bubbles: true, cancelable: true }));
  }

  function rest() {
    clearTimeout(waits);
    if (moved && !down) waits = setTimeout(commit, pause);
  }

  // An answer that gives a slider other stops, as when it leaves a number that was typed, sets it to what was committed.
  const restored = new MutationObserver(() => {
    if (!moved || from === null || +moved.value === to) return;
    const steps = to - from;
    [from, to] = [+moved.value, +moved.value + steps];
    step(moved, steps);
  });
  restored.observe(document.body, { subtree: true, attributes: true, attributeFilter: ['max'] });

  const heard = {
    keydown(event) {
      const input = event.target;
      if (!event.isTrusted) return;
      if (!ours(input) || !HELD.has(event.key) || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return commit();
      event.stopPropagation();
      if (moved !== input) commit();
      from ??= +input.value;
      down = true;
      const between = event.timeStamp - pressed;
      pressed = event.timeStamp;
      pause = between < SLOW ? Math.max(KEYS_REST, 1.5 * between) : KEYS_REST;
      clearTimeout(waits);
    },
    keyup() { down = false; rest(); },
    input({ target, isTrusted }) {
      if (!isTrusted || !ours(target)) return;
      if (moved !== target && moved) commit();
      [moved, to] = [target, +target.value];
      rest();
    },
    pointerdown: commit,
    focusout() { down = false; commit(); },
  };
  // On the document: what listens on the window hears every key, and Streamlit, further in, those that are not held.
  for (const [name, hear] of Object.entries(heard)) document.addEventListener(name, hear, true);
  return () => {
    commit();
    restored.disconnect();
    for (const [name, hear] of Object.entries(heard)) document.removeEventListener(name, hear, true);
  };
}
