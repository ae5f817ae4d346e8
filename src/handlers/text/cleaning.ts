import { contractions } from './contractions.js';

const entity = /&(?:[a-z0-9]+|#[0-9]{1,6}|#x[0-9a-f]{1,6});/y;

/** What Python takes for white space: U+FEFF is none, the information separators are. */
const space =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const spaces = new RegExp(`[${space}]+`, 'gu');

const contraction = new RegExp([...contractions.keys()].join('|'), 'giu');

/** Python's string.punctuation. */
const punctuation = /[!-/:-@[-`{-~]/g;

/** torchtext's `basic_english`: what is replaced, one after the other. */
const basicEnglishSteps: readonly (readonly [RegExp, string])[] = [
  [/'/g, " '  "],
  [/"/g, ''],
  [/\./g, ' . '],
  [/<br \/>/g, ' '],
  [/,/g, ' , '],
  [/\(/g, ' ( '],
  [/\)/g, ' ) '],
  [/!/g, ' ! '],
  [/\?/g, ' ? '],
  [/[;:]/g, ' '],
];

/** Words of a text as torchtext's tokenizer `basic_english` gives them. */
export function basicEnglish(text: string): string[] {
  let line = text.toLowerCase();
  for (const [pattern, replacement] of basicEnglishSteps) {
    line = line.replace(pattern, replacement);
  }
  return line.split(spaces).filter((word) => word !== '');
}

/**
 * Words of a text as TorchServe's text_classifier cleans it: without HTML tags and entities, in
 * lower case, contractions expanded, reduced to ASCII, without punctuation.
 */
export function cleanWords(text: string): string[] {
  const expanded = expandContractions(removeMarkup(text).toLowerCase());
  const ascii = expanded.normalize('NFKD').replace(/\P{ASCII}/gu, '');
  return basicEnglish(ascii.replace(punctuation, ''));
}

/** The words, then each run of 2 adjacent words, up to runs of `longest`, joined by blanks. */
export function ngrams(words: readonly string[], longest: number): string[] {
  const runs = [...words];
  for (let size = 2; size <= longest; size += 1) {
    for (let start = 0; start + size <= words.length; start += 1) {
      runs.push(words.slice(start, start + size).join(' '));
    }
  }
  return runs;
}

/**
 * Without `<.*?>` and entities. A regular expression would look from each `<` for its `>`, in the
 * square of the length when there is none.
 */
function removeMarkup(text: string): string {
  const starts = /[<&]/g;
  let clean = '';
  let kept = 0;
  let close = -1;
  let lineEnd = -1;
  for (let found = starts.exec(text); found !== null; found = starts.exec(text)) {
    const { index } = found;
    let end = -1;
    if (found[0] === '&') {
      entity.lastIndex = index;
      if (entity.test(text)) end = entity.lastIndex;
    } else {
      if (close < index) close = indexFrom(text, '>', index);
      if (lineEnd < index) lineEnd = indexFrom(text, '\n', index);
      if (close < lineEnd) end = close + 1;
    }
    if (end < 0) continue;
    clean += text.slice(kept, index);
    kept = end;
    starts.lastIndex = end;
  }
  return clean + text.slice(kept);
}

/** Infinity when there is none. */
function indexFrom(text: string, sought: string, start: number): number {
  const index = text.indexOf(sought, start);
  return index < 0 ? Number.POSITIVE_INFINITY : index;
}

/** As TorchServe: the first character of a contraction stays what it is. */
function expandContractions(text: string): string {
  const expanded = text.replace(contraction, (match) => {
    const words = contractions.get(match) ?? contractions.get(match.toLowerCase());
    return words === undefined ? match : (match[0] ?? '') + words.slice(1);
  });
  return expanded.replaceAll("'", '');
}
