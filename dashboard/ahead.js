// Figures are drawn by a script of several megabytes, which Streamlit loads with the first of them. It is loaded ahead, once
// the first view is drawn and nobody has touched the page for a while: reading it holds the page up for half a second.
const QUIET = 2000, TOUCHED = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchmove'];

function loadAhead(figures) {
  const main = document.querySelector('script[type=module][src*="/static/js/"]')?.src;
  if (!figures || !main || globalThis.memoryLoadsAhead || navigator.connection?.saveData) return;
  globalThis.memoryLoadsAhead = true;
  let touched = performance.now();
  const touch = () => { touched = performance.now(); };
  const wait = setInterval(() => {
    if (!document.querySelector('[data-drawn-context]')) touch();
    if (performance.now() - touched < QUIET || document.hidden) return;
    clearInterval(wait);
    TOUCHED.forEach(name => removeEventListener(name, touch, true));
    import(new URL(figures, main)).catch(() => {});  // the view that needs it says what is wrong
  }, 250);
  TOUCHED.forEach(name => addEventListener(name, touch, { capture: true, passive: true }));
}
