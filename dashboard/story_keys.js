// Steps of a story by key: PageDown and PageUp, which clickers send, always; the arrows while no control has the focus.
// They are heard from one view to the next as well; where no story is told, they do nothing.
// On a phone the side bar lies over the page: it closes when a story begins, as it does when a view is chosen.
const BUTTONS = { PageDown: 'story_next', ArrowRight: 'story_next', PageUp: 'story_back', ArrowLeft: 'story_back' };

export default function ({ parentElement }) {
  const begins = !parentElement.hearsStoryKeys;
  parentElement.hearsStoryKeys = true;
  window.endStoryKeys?.();
  if (begins && innerWidth < 768) document.querySelector('[data-testid=stSidebar][data-collapsed=false] [data-testid=stSidebarCollapseButton] button')?.click();
  const told = () => document.querySelector('.st-key-story');
  const pressed = event => {
    const name = BUTTONS[event.key], focus = document.activeElement;
    if (!name || !told() || event.ctrlKey || event.altKey || event.metaKey) return;
    if (focus?.closest('[role=dialog], textarea')) return;
    if (event.key.startsWith('Arrow') && focus && focus !== document.body && !focus.closest('.st-key-story')) return;
    event.preventDefault();
    event.stopPropagation();
    document.querySelector(`.st-key-${name} button:not([disabled])`)?.click();
  };
  const released = () => told() && document.activeElement?.matches('input[type=range]') && document.activeElement.blur();
  addEventListener('keydown', pressed, true);
  addEventListener('pointerup', released, true);
  window.endStoryKeys = () => {
    removeEventListener('keydown', pressed, true);
    removeEventListener('pointerup', released, true);
  };
}
