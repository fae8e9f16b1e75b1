/** English words that say how a sentence is built and not what it is about; questions are full of them, reference pages are not. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about am an and any are as at be been being but by can could did do does doing for from had has have how i if in into is it its
  itself just may me might must my of on or our ours please shall should so some such than that the their them then there these they
  this those to up us was we were what when where which while who whom whose why will with would you your yours`.split(
    /\s+/,
  ),
);
