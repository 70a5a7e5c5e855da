// What is done to the page outside its views: whether it is light or dark is said on the root, for dialogs and other things
// that stand outside the app; so is how much smaller figures have to be on paper, which they are not drawn anew for; and the
// side bar, which lies over the page on a phone, closes when a view is chosen in it.
const PAPER = 1000, PHONE = 768;

function narrowed() {
  const widest = Math.max(0, ...Array.from(document.querySelectorAll('.js-plotly-plot'), plot => plot.clientWidth));
  document.documentElement.style.setProperty('--on-paper', Math.min(1, PAPER / widest));
}

function chosen(event) {
  if (innerWidth < PHONE && event.target.closest?.('[data-testid=stSidebarNavLink]')) document.querySelector('[data-testid=stSidebarCollapseButton] button')?.click();
}

export default function () {
  const app = document.querySelector('[data-testid=stApp]');
  document.documentElement.dataset.palette = app && getComputedStyle(app).colorScheme === 'dark' ? 'dark' : 'light';
  addEventListener('beforeprint', narrowed);
  document.addEventListener('click', chosen);
}
