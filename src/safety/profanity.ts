/** English words that nobody wants from, or in, a company's assistant, with their usual endings. */
const STEMS = [
  'arsehole', 'asshole', 'bastard', 'bellend', 'bitch', 'bollock', 'bullshit', 'clusterfuck', 'cock(?:sucker|head)',
  'cunt', 'dick(?:head|wad)', 'dipshit', 'douche(?:bag)?', 'dumbass', 'fag(?:got)?', 'fuck', 'fuckwit', 'goddamn', 'jackass',
  'jerkoff', 'knobhead', 'motherfuck', 'nigg(?:er|a)', 'paki', 'piss(?:ed off| off)', 'prick', 'pussy', 'retard', 'shit',
  'shithead', 'shitty', 'slut', 'spastic', 'tosser', 'twat', 'wank', 'wanker', 'whore',
];

/** RE2 syntax. */
export const PROFANITY = String.raw`\b(?:${STEMS.join('|')})(?:s|es|ed|ing|in|er|ers|y)?\b`;
