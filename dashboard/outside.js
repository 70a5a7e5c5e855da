// What is done to the page outside its views: whether it is light or dark is said on the root, for dialogs and other things
// that stand outside the app; and the side bar, which lies over the page on a phone, closes when a view is chosen in it.
const PHONE = 768;

function chosen(event) {
  if (innerWidth < PHONE && event.target.closest?.('[data-testid=stSidebarNavLink]')) document.querySelector('[data-testid=stSidebarCollapseButton] button')?.click();
}

// A figure is heard by its label; each number along its axes, which stand in no order, would be read after it.
let soon = 0;
function quietFigures() {
  soon ||= setTimeout(() => {
    soon = 0;
    for (const plot of document.querySelectorAll('[data-testid=stPlotlyChart][role=figure]')) plot.setAttribute('role', 'img');
  }, 500);
}

export default function ({ data }) {
  const app = document.querySelector('[data-testid=stApp]');
  document.documentElement.dataset.palette = app && getComputedStyle(app).colorScheme === 'dark' ? 'dark' : 'light';
  document.addEventListener('click', chosen);
  globalThis.memoryQuiets?.disconnect();
  globalThis.memoryQuiets = new MutationObserver(quietFigures);
  globalThis.memoryQuiets.observe(app ?? document.body, { childList: true, subtree: true });
  quietFigures();
  loadAhead(data.figures);
}
