// The page is built from nodes, never from strings: what a stranger wrote (a browser's name, a
// place) can then only ever be text.

const SVG = 'http://www.w3.org/2000/svg';

/** An element. `on` holds listeners; true, false and null attributes do what they look like. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'on') {
      for (const [kind, listener] of Object.entries(value)) node.addEventListener(kind, listener);
    } else if (value === true) {
      node.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, String(value));
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Drawn on a grid of 24, one stroke.
const SHAPES = {
  check: 'M4.5 12.5l5 5 10-11',
  cross: 'M6 6l12 12M18 6L6 18',
  bell: 'M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 2h-15zM10 21h4',
  quiet: 'M6 16.5V11a6 6 0 0 1 9.5-4.9M18 11v5.5l1.5 2H8M10 21h4M4 4l16 16',
  clock: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.5c.8-4 3.7-6 7.5-6s6.7 2 7.5 6',
  help: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM9.5 9.5a2.5 2.5 0 1 1 3.7 2.2c-.8.4-1.2.9-1.2 1.8M12 16.5v.1',
  phone: 'M8 2.5h8a1.5 1.5 0 0 1 1.5 1.5v16a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 20V4A1.5 1.5 0 0 1 8 2.5zM11 18.5h2',
  key: 'M8 8.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 12.5h9M17.5 12.5v3.5M21 12.5v2.5',
  list: 'M5 6.5h14M5 12h14M5 17.5h9',
  call: 'M6 3.5h3l1.5 4.5-2 1.5a12 12 0 0 0 6 6l1.5-2 4.5 1.5v3c0 1.5-1 2.5-2.5 2.5C10.5 20.5 3.5 13.5 3.5 6c0-1.5 1-2.5 2.5-2.5z',
  warn: 'M12 4L2.5 20h19zM12 10v5M12 17.5v.1',
  flag: 'M6 21V4h11.5l-2 4 2 4H6',
  shield: 'M12 3l7.5 2.5v6c0 4.5-3 7.8-7.5 9.5-4.5-1.7-7.5-5-7.5-9.5v-6z',
};

/** A drawn sign; never the only bearer of a meaning, so readers skip it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', SHAPES[name] ?? SHAPES.help);
  svg.append(path);
  return svg;
}

/** A button that says what it does and cannot be pressed twice while it works. */
export function button(text, act, { kind = 'plain', sign = null, label = null } = {}) {
  const node = el('button', { type: 'button', class: `button ${kind}`, 'aria-label': label }, sign && icon(sign), el('span', {}, text));
  node.addEventListener('click', async () => {
    if (node.getAttribute('aria-busy') === 'true') return;
    node.setAttribute('aria-busy', 'true');
    try {
      await act(node);
    } finally {
      node.removeAttribute('aria-busy');
    }
  });
  return node;
}

/** Pairs as a description list; an empty value is said to be unknown. */
export function pairs(shown, unknown) {
  return el(
    'dl',
    { class: 'pairs' },
    shown.map(([name, value]) => {
      const text = value === null || value === undefined || value === '' ? unknown : value;
      return el('div', {}, el('dt', {}, name), el('dd', { class: text === unknown ? 'unknown' : null }, text));
    }),
  );
}

/** Puts the keyboard and the screen reader at the heading of what is new. */
export function focusHeading(root) {
  const heading = root.querySelector('h1, h2');
  if (!heading) return;
  heading.setAttribute('tabindex', '-1');
  heading.focus({ preventScroll: true });
}

/** A field with its label, hint and place for an error. */
export function field(label, input, hint = null) {
  const id = input.id;
  const error = el('p', { class: 'error', id: `${id}-error`, hidden: true });
  const described = [];
  if (hint) described.push(`${id}-hint`);
  input.setAttribute('aria-describedby', [...described, `${id}-error`].join(' '));
  const node = el('div', { class: 'field' }, el('label', { for: id }, label), input, hint && el('p', { class: 'hint', id: `${id}-hint` }, hint), error);
  return {
    node,
    fail(text) {
      error.textContent = text;
      error.hidden = false;
      input.setAttribute('aria-invalid', 'true');
      input.focus();
    },
    clear() {
      error.hidden = true;
      error.textContent = '';
      input.removeAttribute('aria-invalid');
    },
  };
}
