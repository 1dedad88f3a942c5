// Texts with values in them, and times in the reader's own language.
import texts, { locale } from '../texts.en.js';

// The reader's own way to write dates, as far as it goes with the language of the texts.
const region = navigator.languages?.find((language) => language.startsWith(locale)) ?? locale;
const plural = new Intl.PluralRules(locale);
const clock = new Intl.DateTimeFormat(region, { hour: '2-digit', minute: '2-digit', hour12: false });
const day = new Intl.DateTimeFormat(region, { weekday: 'short', day: 'numeric', month: 'short' });
const year = new Intl.DateTimeFormat(region, { day: 'numeric', month: 'short', year: 'numeric' });

/** The text of this key. A number in `values.count` chooses between _one and _other. */
export function say(key, values = {}) {
  let text = texts[key];
  if (text === undefined && 'count' in values) {
    text = texts[`${key}_${plural.select(values.count)}`] ?? texts[`${key}_other`];
  }
  if (text === undefined) {
    console.error(`no text is called ${key}`);
    return key;
  }
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The lines of a text that is a list. */
export const lines = (key) => texts[key] ?? [];

/** The text of this key, or the word itself when the server says something new. */
export const sayOr = (key, word) => texts[key] ?? word;

/** An RFC 3339 instant for people: the time today, else the day too. */
export function when(instant, now = Date.now()) {
  const at = new Date(instant);
  if (Number.isNaN(at.getTime())) return say('unknown');
  if (at.toDateString() === new Date(now).toDateString()) return clock.format(at);
  if (now - at.getTime() < 180 * 86_400_000) return `${day.format(at)}, ${clock.format(at)}`;
  return year.format(at);
}
