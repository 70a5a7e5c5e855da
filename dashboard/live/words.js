// Numbers and sentences. Amounts are written as dashboard/wording.py writes them.
const UNITS = { GiB: 2 ** 30, GB: 1e9 };
const digits = {};
const fixed = (value, places) => (digits[places] ??= new Intl.NumberFormat('en-US', { minimumFractionDigits: places, maximumFractionDigits: places, signDisplay: 'negative' })).format(value).replace('-', '−');
const whole = number => fixed(number, 0);

function amount(bytes, unit) {
  if (!Number.isFinite(bytes)) return '–';
  let value = bytes / UNITS[unit], words = '';
  if (Math.abs(value) >= 1e6) [value, words] = Math.abs(value) >= 1e9 ? [value / 1e9, ' billion'] : [value / 1e6, ' million'];
  const size = Math.abs(value);
  return `${fixed(value, size < 10 ? 2 : size < 100 ? 1 : 0)}${words}\u00a0${unit}`;
}
const count = (number, one) => `${whole(number)} ${one}${number === 1 ? '' : 's'}`;

function shortTokens(number) {
  if (number < 1024) return String(number);
  const [value, letter] = number >= 2 ** 20 ? [number / 2 ** 20, 'M'] : [number / 1024, 'k'];
  return value < 999.5 ? `${+value.toPrecision(3)}${letter}` : `${whole(Math.round(value))}${letter}`;
}

function times(part, of) {
  const ratio = part / of;
  if (ratio >= 1e6) return 'far more than the weights';
  if (ratio >= 10) return `${whole(Math.round(ratio))} times the weights`;
  if (ratio >= 1.05) return `${fixed(ratio, 1)} times the weights`;
  if (ratio >= 0.95) return 'as much as the weights';
  const share = ratio * 100;
  return share < 0.1 ? 'next to nothing beside the weights' : `${fixed(share, share < 10 ? 1 : 0)} % of the weights`;
}

const share = ratio => (ratio === Infinity ? 'choose less' : ratio < 10 ? `${fixed(ratio * 100, 0)} % of the device` : ratio < 1e6 ? `${whole(ratio)} times the device` : 'far more than any device');

// What would make it fit, as Python tried it for the state that the sliders were released at.
function remedy(changes) {
  if (!changes) return 'What would make it fit: named when the slider rests.';
  return changes.length ? `What would make it fit: ${changes.join(', or ')}.` : 'Nothing that this page tried makes it fit; the Hardware view says how many devices would.';
}

const small = label => (label[1] === label[1].toLowerCase() ? label[0].toLowerCase() + label.slice(1) : label);

function certainty(facts, stack) {
  const known = stack.filter(part => facts.evidence[part.name]).map(part => `${small(part.label)} ${facts.evidence[part.name]}`);
  return `How sure this is: ${known.join(', ')}.`;
}

// Whether a number of bytes fits what a device offers: `limits` are the facts or one of their columns.
function verdict(limits, total, unit) {
  if (total === Infinity) return { sign: '✗', words: 'refused by the engine', fits: false };
  if (limits.usable === null) return { sign: '', words: limits.host ? 'in host memory' : 'no device chosen', fits: undefined };
  const free = limits.usable - total;
  return free >= 0
    ? { sign: '✓', words: `fits, ${amount(free, unit)} free`, fits: true }
    : { sign: '✗', words: `over by ${amount(-free, unit)}`, fits: false };
}
