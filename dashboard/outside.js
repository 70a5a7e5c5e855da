// What is done to the page outside its views: whether it is light or dark is said on the root, for dialogs and other things
// that stand outside the app; and the side bar, which lies over the page on a phone, closes when a view is chosen in it.
const PHONE = 768;

function chosen(event) {
  if (innerWidth < PHONE && event.target.closest?.('[data-testid=stSidebarNavLink]')) document.querySelector('[data-testid=stSidebarCollapseButton] button')?.click();
}

// What a screen reader is handed, mended once the page has stood still. A figure is heard by its label; each number along its
// axes, which stand in no order, would be read after it. Streamlit names a slider by its own label and by that of the group
// around it, which are the same: it was spoken three times.
let soon = 0;
function mended() {
  soon ||= setTimeout(() => {
    soon = 0;
    document.getElementById('js-plotly-tester')?.setAttribute('aria-hidden', 'true');  // where Plotly measures texts
    for (const plot of document.querySelectorAll('[data-testid=stPlotlyChart][role=figure]')) plot.setAttribute('role', 'img');
    for (const input of document.querySelectorAll('input[type=range][aria-labelledby]')) {
      input.closest('[role=group]')?.removeAttribute('aria-label');
      input.removeAttribute('aria-labelledby');
    }
  }, 500);
}

export default function ({ data }) {
  const app = document.querySelector('[data-testid=stApp]');
  document.documentElement.dataset.palette = app && getComputedStyle(app).colorScheme === 'dark' ? 'dark' : 'light';
  document.addEventListener('click', chosen);
  globalThis.memoryMends?.disconnect();
  globalThis.memoryMends = new MutationObserver(mended);
  globalThis.memoryMends.observe(app ?? document.body, { childList: true, subtree: true });
  mended();
  loadAhead(data.figures);
}
