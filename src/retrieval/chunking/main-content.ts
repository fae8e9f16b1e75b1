/** What of a page is its own, and what stands on every page of its site. */

/** `main` and `article` as the page marks them, `frame` for navigation, headers, footers and notices, else `body`. */
export type Zone = 'main' | 'article' | 'body' | 'frame';

interface Zoned {
  readonly zone: Zone;
  readonly chars: number;
}

const FRAME_ROLES = new Set(['navigation', 'search', 'banner', 'contentinfo', 'dialog', 'alertdialog']);
/** Of the page, where they stand in neither of its own parts: there they are of that part. */
const FRAME_ELEMENTS = new Set(['header', 'footer', 'aside']);
const FRAME_NAMES =
  /^(?:(?:site|page|main|global|top|bottom|left|right|sphinx)?[-_]?(?:nav|navbar|navigation|menu|sidebar|header|footer)|nav(?:header|footer)|breadcrumbs?|toc|pagination|pager|skip-?link|(?:cookie|consent)[-_]?(?:banner|notice|bar|popup|modal|dialog)?)$/i;
/** A list of links so short is a menu; titles of articles are longer. */
const MENU = { leastLinks: 4, linkShare: 0.8, mostCharsALink: 25 };
/** A part that holds less of the text than that is not where the content is. */
const LEAST_SHARE = { main: 0.2, article: 0.5 };

/** The zone within an element, from the one around it. */
export function zoneWithin(around: Zone, name: string, attributes: Readonly<Record<string, string>>): Zone {
  const { role = '', class: classes = '', id = '' } = attributes;
  if (around === 'frame' || name === 'nav' || FRAME_ROLES.has(role)) return 'frame';
  if (name === 'main' || role === 'main') return 'main';
  if (around === 'main' || around === 'article') return around;
  if (name === 'article') return 'article';
  const isNamedSo = `${classes} ${id}`.split(/\s+/).some((token) => FRAME_NAMES.test(token));
  return FRAME_ELEMENTS.has(name) || isNamedSo ? 'frame' : 'body';
}

export function isMenu({ chars, links, linkChars }: { chars: number; links: number; linkChars: number }): boolean {
  const { leastLinks, linkShare, mostCharsALink } = MENU;
  return links >= leastLinks && linkChars >= chars * linkShare && linkChars <= links * mostCharsALink;
}

/** Which zones a reader came for: the page's main part where it has one worth the name; all where nothing else is left. */
export function zonesToKeep(parts: readonly Zoned[]): ReadonlySet<Zone> {
  const charsIn = (...zones: Zone[]) =>
    parts.filter(({ zone }) => zones.includes(zone)).reduce((sum, { chars }) => sum + chars, 0);
  const own = charsIn('main', 'article', 'body');
  if (own === 0) return new Set(['main', 'article', 'body', 'frame']);
  if (charsIn('main') >= own * LEAST_SHARE.main) return new Set(['main']);
  if (charsIn('article') >= own * LEAST_SHARE.article) return new Set(['article']);
  return new Set(['main', 'article', 'body']);
}
