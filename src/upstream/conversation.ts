import type { Prompt } from '../contracts/prompt.js';

/** What servers keep of a prompt, they keep from its beginning on; a beginning of this length tells prompts apart. */
const CHARACTERS = 1024;
const TOKENS = 256;

/** Equal for prompts that begin alike, and for all turns of one conversation, whose passages differ from turn to turn. */
export function conversationOf(prompt: Prompt): string {
  switch (prompt.kind) {
    case 'chat':
      return prompt.messages.find(({ role }) => role === 'user')?.content ?? '';
    case 'text':
      return prompt.text.slice(0, CHARACTERS);
    case 'tokens':
      return prompt.ids.slice(0, TOKENS).join(' ');
    case 'infill':
      return [...prompt.files.map(({ path }) => path), prompt.prefix.slice(0, CHARACTERS)].join('\n');
  }
}
