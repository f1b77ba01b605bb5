// What Sphinx's search in the browser is changed in: how a query is cut, which pages are found, and their order.
// It becomes part of language_data.js, which is loaded behind searchtools.js.

/** Words, and pairs of Chinese characters. */
function splitQuery(query) {
  const terms = [];
  for (const word of query.match(/[㐀-鿿]+|(?:(?![㐀-鿿])[\p{Letter}\p{Number}_])+/gu) ?? []) {
    if (!/[㐀-鿿]/.test(word) || word.length === 1) terms.push(word);
    else for (let i = 1; i < word.length; i++) terms.push(word.slice(i - 1, i + 1));
  }
  return terms;
}

/** What a word is worth that is found in a page's text, among its keywords, in a heading, in the title, in other words. */
const WORTH = { text: 1, keyword: 2.5, heading: 2.5, title: 5, part: 0.4 };

/** Pages for looking something up, and translations, come behind those that explain. */
const LOOKED_UP = /^(api|zh|commands|formats|files|internals|features|glossary|index|genindex)\b/;

Scorer.score = ([page, , , , score, , kind]) =>
  score * (LOOKED_UP.test(page) ? 0.5 : page === "defaults" ? 0.7 : 1) * (kind === SearchResultKind.object ? 0.2 : 1);

/** The numbers of a word's pages; Sphinx writes one alone without a list. */
const pagesOf = (index, word) => (Object.hasOwn(index, word) ? [index[word]].flat() : []);

/** How many different words the pages have: each number over their mean, halfway to 1. */
function lengthsOfPages() {
  const counts = Search._index.docnames.map(() => 0);
  for (const pages of Object.values(Search._index.terms)) for (const page of [pages].flat()) counts[page]++;
  const mean = counts.reduce((sum, count) => sum + count) / counts.length;
  return counts.map((count) => (1 + count / mean) / 2);
}

/** A Map from the pages that have a word to what it is worth there; in the text of long pages it is worth less. */
function worthOfWord(word, lengths) {
  const { terms, titleterms, titles } = Search._index;
  const stemmer = new Stemmer();
  const isInTitle = (page) => splitQuery(titles[page].toLowerCase()).some((part) => stemmer.stemWord(part) === word);
  const worth = new Map();
  const add = (page, value) => worth.set(page, Math.max(value, worth.get(page) ?? 0));
  for (const page of pagesOf(terms, word)) add(page, WORTH.text / lengths[page]);
  for (const page of pagesOf(terms, `=${word}`)) add(page, WORTH.keyword);
  for (const page of pagesOf(titleterms, word)) add(page, isInTitle(page) ? WORTH.title : WORTH.heading);
  if (worth.size || word.length < 3) return worth;
  for (const index of [terms, titleterms])
    for (const term of Object.keys(index))
      if (term.includes(word)) for (const page of pagesOf(index, term)) add(page, WORTH.part / lengths[page]);
  return worth;
}

/** Pages with half of the words that are known at all, and with two of them if a page has two; rare words count most. */
Search.performTermsSearch = (words) => {
  const { docnames, filenames, titles } = Search._index;
  const lengths = lengthsOfPages();
  const all = [...words].map((word) => worthOfWord(word, lengths)).filter((worth) => worth.size);
  const counts = docnames.map(() => 0);
  const scores = docnames.map(() => 0);
  for (const worth of all) {
    const rarity = Math.log(1 + docnames.length / (1 + worth.size));
    for (const [page, value] of worth) {
      counts[page]++;
      scores[page] += value * rarity;
    }
  }
  const enough = Math.max(1, Math.min(Math.max(...counts), Math.max(2, all.length / 2)));
  return docnames.flatMap((name, page) =>
    counts[page] >= enough
      ? [[name, titles[page], "", null, scores[page], filenames[page], SearchResultKind.text]]
      : []);
};
