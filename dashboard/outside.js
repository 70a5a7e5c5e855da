// What is done to the page outside its views: whether it is light or dark is said on the root, for dialogs and other things
// that stand outside the app; and the side bar, which lies over the page on a phone, closes when a view is chosen in it.
const PHONE = 768;

function chosen(event) {
  if (innerWidth < PHONE && event.target.closest?.('[data-testid=stSidebarNavLink]')) document.querySelector('[data-testid=stSidebarCollapseButton] button')?.click();
}

export default function ({ data }) {
  const app = document.querySelector('[data-testid=stApp]');
  document.documentElement.dataset.palette = app && getComputedStyle(app).colorScheme === 'dark' ? 'dark' : 'light';
  document.addEventListener('click', chosen);
  loadAhead(data.figures);
}
